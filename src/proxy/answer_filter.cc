#include "proxy/answer_filter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/text.h"
#include "filter/compress_filter.h"
#include "filter/decompress_filter.h"

namespace weir {
namespace {

using Counter = shm::Count shm::CounterRow::*;

struct Counters {
  Counter in, out;
};

Counters counters_of(const AnswerCoding& coding) {
  using Row = shm::CounterRow;
  if (coding.kind == AnswerCoding::Kind::decompress)
    return {&Row::decompressed_bytes_in, &Row::decompressed_bytes_out};
  switch (coding.coding) {
    case ContentCoding::br: return {&Row::compressed_br_bytes_in, &Row::compressed_br_bytes_out};
    case ContentCoding::zstd:
      return {&Row::compressed_zstd_bytes_in, &Row::compressed_zstd_bytes_out};
    case ContentCoding::gzip:
      return {&Row::compressed_gzip_bytes_in, &Row::compressed_gzip_bytes_out};
    case ContentCoding::deflate:
    case ContentCoding::identity: break;
  }
  return {&Row::compressed_deflate_bytes_in, &Row::compressed_deflate_bytes_out};
}

// Events are not to wait for those behind them.
FlushPace pace_of(const ResponseHead& head) {
  const std::string_view type = head.fields.value(FieldId::content_type);
  const bool events = iequals(trim(type.substr(0, type.find(';'))), "text/event-stream");
  return events ? FlushPace::eager : FlushPace::relaxed;
}

EncoderSpec spec_of(const conf::LocationConf& conf, ContentCoding coding) {
  return {coding, conf.compress_level->of(coding), std::bit_floor(conf.compress_window->bytes)};
}

}  // namespace

AnswerFilter::AnswerFilter(const Coders& coders, const AnswerCoding& coding, ClientStream& client,
                           std::unique_ptr<CoderFilter> coder)
    : counters_(coders.counters), client_(client), coding_(coding), coder_(std::move(coder)) {
  set_next(coder_.get());
  coder_->set_next(&client_);
}

AnswerFilter::~AnswerFilter() {
  count();
  const bool failed = coder_->over() && !coder_->completed() && !broken_off_;
  if (failed && coding_.kind == AnswerCoding::Kind::decompress) counters_.decompress_refused.add();
  if (!broken_off_) client_.set_source(nullptr);
}

std::unique_ptr<AnswerFilter> AnswerFilter::make(const Coders& coders, const AnswerCoding& coding,
                                                 const ExchangeState& state,
                                                 const ResponseHead& head,
                                                 std::optional<std::uint64_t> length) {
  const conf::LocationConf& conf = *state.location->conf;
  const bool compresses = coding.kind == AnswerCoding::Kind::compress;
  CoderLease lease = compresses ? coders.pool.encoder(spec_of(conf, coding.coding), length)
                                : coders.pool.decoder(coding.coding);
  if (!lease) return nullptr;
  std::unique_ptr<CoderFilter> coder;
  if (compresses) {
    coder = std::make_unique<CompressFilter>(coders.loop, coders.turns, std::move(lease),
                                             pace_of(head));
  } else {
    const DecompressLimits limits{conf.decompress_max_size->bytes, *conf.decompress_max_ratio};
    // Not the peer's fault: whoever can have it store a bomb could have it left out.
    coder = std::make_unique<DecompressFilter>(coders.turns, std::move(lease), limits, Side::self);
  }
  return std::unique_ptr<AnswerFilter>(
      new AnswerFilter(coders, coding, state.client, std::move(coder)));
}

std::size_t AnswerFilter::bytes_most() {
  return sizeof(AnswerFilter) + std::max(sizeof(CompressFilter), sizeof(DecompressFilter));
}

void AnswerFilter::stop() {
  coder_->set_next(nullptr);
  if (coder_->over()) return;
  broken_off_ = true;
  client_.set_source(nullptr);
  coder_->abort({Side::self, "nobody takes the answer"});
}

// As it comes, so that streams without an end are seen, too.
void AnswerFilter::count() {
  const CodedBytes now{coder_->bytes_in(), coder_->bytes_out()};
  const Counters counters = counters_of(coding_);
  (counters_.*counters.in).add(now.bytes_in - counted_.bytes_in);
  (counters_.*counters.out).add(now.bytes_out - counted_.bytes_out);
  counted_ = now;
}

CodedBytes AnswerFilter::compressed() {
  count();
  return coding_.kind == AnswerCoding::Kind::compress ? counted_ : CodedBytes{};
}

std::size_t AnswerFilter::write(std::string_view bytes, bool last) {
  const std::size_t taken = coder_->write(bytes, last);
  count();
  return taken;
}

// They may name bytes that the client does not get.
void AnswerFilter::trailers(const Fields& fields) {
  Fields kept;
  for (const Field& field : fields)
    if (!is_digest_of_coded(field.name)) kept.add(field);
  coder_->trailers(kept);
}

void AnswerFilter::flush() { coder_->flush(); }

void AnswerFilter::abort(Error why) {
  if (coder_->over()) return;
  broken_off_ = true;
  coder_->abort(why);
}

void AnswerFilter::resume() {
  if (source() != nullptr) source()->resume();
}

}  // namespace weir
