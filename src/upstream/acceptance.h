// Acceptance: whether what a source says of its peers is believed. Pure: the time is an argument.
//
//   an error, an empty set     the last good set stays; said once until the source is well again
//   half of the peers or more  held: believed when the next answer is the same, or when answers
//   gone at once               have been so small for `held_most`
//   anything else              believed
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "upstream/found_peers.h"

namespace weir {

class Acceptance {
 public:
  static constexpr std::chrono::seconds held_most{30};

  // `saved`: what was believed last, by an earlier process; in order.
  explicit Acceptance(FoundSet saved = {}) : accepted_(std::move(saved)) {}

  enum class Verdict : unsigned char { same, accepted, held, refused };
  struct Outcome {
    Verdict verdict = Verdict::same;
    std::string say;  // what is worth a log line; empty: nothing new
  };
  Outcome judge(FoundSet answer, clock::Monotonic now);  // in order
  Outcome trouble(std::string_view why);

  const FoundSet& accepted() const { return accepted_; }
  bool answered() const { return answered_; }  // with a set that was believed
  const std::string& last_trouble() const { return trouble_; }

 private:
  Outcome accept(FoundSet answer);

  FoundSet accepted_, held_;
  clock::Monotonic held_since_{};
  bool answered_ = false;
  std::string trouble_;  // the last, while it lasts
};

}  // namespace weir
