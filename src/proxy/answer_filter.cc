#include "proxy/answer_filter.h"

#include <algorithm>
#include <utility>

#include "filter/decompress_filter.h"

namespace weir {
namespace {

std::unique_ptr<CoderFilter> make_decompressor(const Coders& coders, ContentCoding coding,
                                               const conf::LocationConf& conf) {
  CoderLease lease = coders.pool.decoder(coding);
  if (!lease) return nullptr;
  const DecompressLimits limits{conf.decompress_max_size->bytes, *conf.decompress_max_ratio};
  // Not the peer's fault: whoever can have it store a bomb could have it left out.
  return std::make_unique<DecompressFilter>(coders.turns, std::move(lease), limits, Side::self);
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
  auto coder = coding.kind == AnswerCoding::Kind::compress
                   ? make_compressor(coders, encoder_spec(conf, coding.coding), head, length)
                   : make_decompressor(coders, coding.coding, conf);
  if (coder == nullptr) return nullptr;
  return std::unique_ptr<AnswerFilter>(
      new AnswerFilter(coders, coding, state.client, std::move(coder)));
}

std::size_t AnswerFilter::bytes_most() {
  return sizeof(AnswerFilter) + std::max(compressor_filter_bytes(), sizeof(DecompressFilter));
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
  const CodedBytes more{now.bytes_in - counted_.bytes_in, now.bytes_out - counted_.bytes_out};
  counted_ = now;
  if (coding_.kind == AnswerCoding::Kind::compress)
    return count_compressed(counters_, coding_.coding, more);
  counters_.decompressed_bytes_in.add(more.bytes_in);
  counters_.decompressed_bytes_out.add(more.bytes_out);
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
