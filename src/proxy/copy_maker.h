// CopyMaker: makes copies of stored answers in content codings anew, harder than a client would
// wait for: those that workers wish for (wanted_copy.h). By slices, so that its process does other
// things between them.
//
//   take() -> step()... -> made or dropped
//
// It works on a copy of the stored body in its own memory: what takes minutes must pin nothing of
// the store. The copy gets into the store when it is whole, in place of the one before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/store.h"
#include "conf/model.h"
#include "filter/coder_pool.h"

namespace weir {

class CopyMaker final : private cache::FollowerOwner {
 public:
  static constexpr std::uint64_t body_bytes_max = std::uint64_t{64} << 20;

  // `coders` outlives it.
  CopyMaker(cache::Store& store, CoderPool& coders) : store_(store), coders_(coders) {}
  CopyMaker& operator=(CopyMaker&&) = delete;

  // The next wish that is worth it, if there is one.
  bool take();
  bool busy() const { return static_cast<bool>(lease_); }
  enum class Step : unsigned char { goes_on, made, dropped };
  Step step();  // busy

 private:
  bool begin(cache::Store::Wish& wish);
  Step drop();
  Step finish();
  void on_fill_news(cache::Follower&) override {}

  cache::Store& store_;
  CoderPool& coders_;
  CoderLease lease_;
  EncoderSpec spec_;
  std::string key_, copy_key_, plain_, coded_;
  std::uint64_t word_ = 0;
  std::vector<std::uint64_t> tags_;
  std::size_t at_ = 0;  // of plain_
};

// The dearest encoder that a place of this configuration wants for its cached copies, in bytes; 0:
// none does.
std::uint64_t copy_coder_bytes(const conf::Config& config);

}  // namespace weir
