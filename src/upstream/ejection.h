// Ejection: when failures of requests leave a peer out, and how many peers they may leave out at
// one time. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

// How many failures there were within the last `span`, to a tenth of it.
class FailWindow {
 public:
  explicit FailWindow(std::int64_t span_ns) { set_span(span_ns); }
  void set_span(std::int64_t span_ns) { part_ns_ = std::max<std::int64_t>(span_ns / parts, 1); }

  void add(std::int64_t now_ns, std::uint64_t count) {
    move_to(now_ns);
    counts_[static_cast<std::size_t>(newest_ % parts)] += count;
  }
  std::uint64_t count(std::int64_t now_ns) {
    move_to(now_ns);
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
  }
  void clear() { counts_ = {}; }

 private:
  static constexpr std::int64_t parts = 10;

  void move_to(std::int64_t now_ns) {
    const std::int64_t part = now_ns / part_ns_;
    if (part - newest_ >= parts || part < newest_) {
      counts_ = {};
    } else {
      for (std::int64_t at = newest_ + 1; at <= part; ++at) {
        counts_[static_cast<std::size_t>(at % parts)] = 0;
      }
    }
    newest_ = part;
  }

  std::int64_t part_ns_ = 1, newest_ = 0;
  std::array<std::uint64_t, parts> counts_{};
};

// A group as ejection sees it.
struct EjectionScene {
  std::size_t members = 0;
  std::size_t ejected = 0;     // at present
  std::size_t fit_others = 0;  // who is fit beside the one it is about
};

// `max_ejected`, in percent of the members; one of several always, the last one that is fit never.
constexpr bool may_eject(const EjectionScene& scene, std::uint32_t percent) {
  if (scene.fit_others == 0) return false;
  const std::size_t most = std::max<std::size_t>(scene.members * percent / 100, 1);
  return scene.ejected < most;
}

}  // namespace weir
