#include "proxy/body_coder.h"

#include <bit>

#include "base/text.h"
#include "filter/compress_filter.h"

namespace weir {

EncoderSpec encoder_spec(const conf::LocationConf& conf, ContentCoding coding) {
  return {coding, conf.compress_level->of(coding), std::bit_floor(conf.compress_window->bytes)};
}

std::unique_ptr<CoderFilter> make_compressor(const Coders& coders, const EncoderSpec& spec,
                                             const ResponseHead& head,
                                             std::optional<std::uint64_t> length) {
  CoderLease lease = coders.pool.encoder(spec, length);
  if (!lease) return nullptr;
  // Events are not to wait for those behind them.
  const std::string_view type = head.fields.value(FieldId::content_type);
  const bool events = iequals(trim(type.substr(0, type.find(';'))), "text/event-stream");
  return std::make_unique<CompressFilter>(coders.loop, coders.turns, std::move(lease),
                                          events ? FlushPace::eager : FlushPace::relaxed);
}

std::size_t compressor_filter_bytes() { return sizeof(CompressFilter); }

void count_compressed(shm::CounterRow& counters, ContentCoding coding, const CodedBytes& bytes) {
  const auto add = [&bytes](shm::Count& in, shm::Count& out) {
    in.add(bytes.bytes_in);
    out.add(bytes.bytes_out);
  };
  switch (coding) {
    case ContentCoding::br:
      return add(counters.compressed_br_bytes_in, counters.compressed_br_bytes_out);
    case ContentCoding::zstd:
      return add(counters.compressed_zstd_bytes_in, counters.compressed_zstd_bytes_out);
    case ContentCoding::gzip:
      return add(counters.compressed_gzip_bytes_in, counters.compressed_gzip_bytes_out);
    case ContentCoding::deflate:
      return add(counters.compressed_deflate_bytes_in, counters.compressed_deflate_bytes_out);
    case ContentCoding::identity: break;
  }
}

}  // namespace weir
