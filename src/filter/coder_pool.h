// CoderPool: the encoders and decoders of a worker, within a bound in bytes.
//
// A lease is one coder and the room for its output. What comes back is kept for the next body of
// the same kind and costs no allocation then; what has been idle longest is freed when the bound is
// needed. A coder is admitted by what it may need at most, so none that works is ever refused
// memory; where that does not fit, there is no lease, and the caller sends the body as it is.
//
// One thread. The pool outlives its leases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/list.h"
#include "filter/coder_memory.h"
#include "filter/decoder.h"
#include "filter/encoder.h"

namespace weir {

class CoderPool;

// What a lease holds; the pool's own matter.
struct Coder : ListHook<> {
  Coder(CoderPool& its_pool, CoderMemory& its_memory) : pool(its_pool), memory(its_memory) {}
  Coder& operator=(Coder&&) = delete;
  ~Coder() { memory.give(output); }

  CoderPool& pool;
  CoderMemory& memory;
  EncoderSpec spec;  // of an encoder; a decoder has its coding alone
  std::uint64_t promised = 0;
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Decoder> decoder;
  char* output = nullptr;
};

class CoderLease {
 public:
  CoderLease() = default;
  CoderLease(CoderLease&& other) noexcept : coder_(std::exchange(other.coder_, nullptr)) {}
  CoderLease& operator=(CoderLease&& other) noexcept;
  ~CoderLease() { release(); }

  explicit operator bool() const { return coder_ != nullptr; }
  void release();
  Encoder& encoder() const { return *coder_->encoder; }  // started
  Decoder& decoder() const { return *coder_->decoder; }  // started
  std::span<char> output() const;                        // of output_bytes, for what it makes
  ContentCoding coding() const { return coder_->spec.coding; }

 private:
  friend class CoderPool;
  explicit CoderLease(Coder* coder) : coder_(coder) {}
  Coder* coder_ = nullptr;
};

class CoderPool {
 public:
  static constexpr std::size_t output_bytes = std::size_t{16} * 1024;

  explicit CoderPool(std::uint64_t bytes_max);
  ~CoderPool();
  CoderPool& operator=(CoderPool&&) = delete;

  // `length`: of the body before coding, where it is known. Empty: the bound is used up, or there
  // is no such encoder.
  CoderLease encoder(const EncoderSpec& spec, std::optional<std::uint64_t> length);
  CoderLease decoder(ContentCoding coding);

  std::size_t out() const { return out_; }  // leases
  std::uint64_t bytes_used() const { return memory_.bytes_used() + memory_.bytes_kept(); }
  std::uint64_t bytes_promised() const { return promised_; }  // to the leases that are out
  std::uint64_t bytes_max() const { return memory_.bytes_max(); }
  std::uint64_t allocations() const { return memory_.allocations() + coders_made_; }  // so far
  // What one lease of this kind is admitted with.
  static std::uint64_t bytes_of(const EncoderSpec& spec, std::optional<std::uint64_t> length);

 private:
  friend class CoderLease;

  Coder* take(const EncoderSpec& spec, bool encodes, std::uint64_t bytes);
  CoderLease hand_out(Coder* coder, std::uint64_t bytes, bool ready);
  void give_back(Coder& coder);
  bool free_oldest();

  CoderMemory memory_;
  List<Coder> idle_;  // owned; the one that came back last is first
  std::size_t out_ = 0;
  std::uint64_t promised_ = 0, coders_made_ = 0;
};

}  // namespace weir
