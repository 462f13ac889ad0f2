// Peak EWMA of how long a peer takes until the head of an answer: jumps up with a slow answer at
// once, comes down with quick ones, and is forgotten with time, so that a peer that nobody asks is
// asked again. Each worker has its own in the peer's row; those who choose by it look at all.
#pragma once

#include <cstdint>

namespace weir::latency {

inline constexpr std::int64_t half_life_ns = 3'000'000'000;

// 2^(-age / half_life), straight between the powers of two.
constexpr float faded(std::int64_t age_ns) {
  if (age_ns <= 0) return 1;
  const std::int64_t halvings = age_ns / half_life_ns;
  if (halvings > 60) return 0;
  const float part = static_cast<float>(age_ns % half_life_ns) / static_cast<float>(half_life_ns);
  return (1 - part / 2) / static_cast<float>(std::uint64_t{1} << halvings);
}

// The average with one more answer, `age_ns` after the last; 0 is none so far, and never what comes
// out.
constexpr std::uint64_t updated(std::uint64_t average_us, std::int64_t age_ns, std::uint64_t us) {
  if (us >= average_us) return us != 0 ? us : 1;
  const float weight = faded(age_ns);
  const auto next = static_cast<float>(average_us) * weight + static_cast<float>(us) * (1 - weight);
  return next >= 1 ? static_cast<std::uint64_t>(next) : 1;
}

// What several workers found, each as old as it is: the mean, in which the older counts less, faded
// as the newest of them.
class Combined {
 public:
  void add(std::uint64_t average_us, std::int64_t age_ns) {
    if (average_us == 0) return;
    const float weight = faded(age_ns);
    sum_ += static_cast<float>(average_us) * weight;
    weights_ += weight;
    if (weight > newest_) newest_ = weight;
  }
  float us() const { return weights_ > 0 ? sum_ / weights_ * newest_ : 0; }  // 0: nobody knows

 private:
  float sum_ = 0, weights_ = 0, newest_ = 0;
};

}  // namespace weir::latency
