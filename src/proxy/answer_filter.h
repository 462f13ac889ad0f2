// AnswerFilter: what codes the body of one answer on its way to the client, and counts it.
//
//   source --> this --> coder (compress or decompress) --> client
//
// Made when the head is decided, before the client's stream is told of it. Owned by the exchange;
// outlives the source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/recycled.h"
#include "http/body.h"
#include "proxy/answer_coding.h"
#include "proxy/body_coder.h"
#include "shm/counters.h"

namespace weir {

class AnswerFilter final : public BodyFilter, public Recycled<AnswerFilter> {
 public:
  // `length`: of the body as it comes, where it is known. nullptr: compress_memory is used up.
  static std::unique_ptr<AnswerFilter> make(const Coders& coders, const AnswerCoding& coding,
                                            const ExchangeState& state, const ResponseHead& head,
                                            std::optional<std::uint64_t> length);
  ~AnswerFilter() override;

  static std::size_t bytes_most();  // it and its coder's filter; what the coder has is the pool's

  void stop();              // nothing more goes out, and what the coder has is given back
  CodedBytes compressed();  // 0: it decompresses

  std::size_t write(std::string_view bytes, bool last) override;
  void trailers(const Fields& fields) override;
  void flush() override;
  void abort(Error why) override;
  void resume() override;

 private:
  AnswerFilter(const Coders& coders, const AnswerCoding& coding, ClientStream& client,
               std::unique_ptr<CoderFilter> coder);
  void count();

  shm::CounterRow& counters_;
  ClientStream& client_;
  const AnswerCoding coding_;
  std::unique_ptr<CoderFilter> coder_;
  CodedBytes counted_{};
  bool broken_off_ = false;  // by the source or for the client, not by the coder
};

}  // namespace weir
