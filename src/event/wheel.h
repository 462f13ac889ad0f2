// Wheel: a hierarchical timer wheel, pure (it knows no clock: time is a number of ticks).
//
// Arming an entry again for later only stores its deadline: the entry stays where it is and is
// moved on when its old place comes up. Cancelling is as cheap. So a timeout that is pushed back
// with every read costs one store. No call allocates.
//
// Three levels of 256, 64 and 64 slots; at 10 ms a tick they span 2.56 s, 164 s and 2.9 h. What is
// further away waits in the last slot and is placed again. An entry never fires early.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/list.h"

namespace weir {

class Wheel {
 public:
  using Tick = std::uint64_t;
  static constexpr Tick never = ~Tick{0};

  class Entry : public ListHook<> {  // destroying it takes it off
   public:
    Tick deadline() const { return deadline_; }
    bool armed() const { return deadline_ != never; }

   private:
    friend class Wheel;
    Tick deadline_ = never;
    Tick place_ = never;  // the tick at which the slot it stands in comes up
  };

  explicit Wheel(Tick now = 0) : now_(now) {}

  // The entry falls due at `deadline`, at the next tick if that has passed.
  void arm(Entry& entry, Tick deadline);
  void cancel(Entry& entry) { entry.deadline_ = never; }

  // The next tick at which advance() may have something to do; nullopt: nothing is armed.
  std::optional<Tick> next() {
    if (!next_known_) find_next();
    return next_ == never ? std::nullopt : std::optional(next_);
  }

  // Steps to `now` and calls fire(Entry&) for every entry that is due, disarmed before the call.
  // fire may arm, cancel and destroy any entry.
  template <class Fire>
  void advance(Tick now, Fire fire) {
    while (now_ < now) {
      const std::optional<Tick> at = next();
      if (!at || *at > now) {
        now_ = now;
        break;
      }
      step_to(*at);
      while (!due_.empty()) {
        Entry& entry = due_.front();
        entry.unlink();
        if (entry.deadline_ > now_) {  // pushed back or cancelled meanwhile
          if (entry.armed()) place(entry);
          continue;
        }
        entry.deadline_ = never;
        fire(entry);
      }
    }
  }
  Tick now() const { return now_; }

 private:
  static constexpr unsigned near_bits = 8, far_bits = 6;
  static constexpr Tick near_slots = Tick{1} << near_bits, far_slots = Tick{1} << far_bits;
  static constexpr Tick span_max = near_slots * far_slots * (far_slots - 1);
  struct Level {
    unsigned shift;  // a slot of this level spans 1 << shift ticks
    Tick slots;
    Tick first;  // index of its first slot in slots_
  };
  static constexpr std::array<Level, 3> levels = {
      Level{0, near_slots, 0}, Level{near_bits, far_slots, near_slots},
      Level{near_bits + far_bits, far_slots, near_slots + far_slots}};
  static constexpr std::size_t slot_count = near_slots + 2 * far_slots;

  void place(Entry& entry);
  void step_to(Tick tick);
  void collect(std::size_t slot);
  std::optional<Tick> next_of(const Level& level) const;
  void find_next();

  Tick now_;
  // Asked for at every turn, and changed only by what is placed before it and when it comes up.
  Tick next_ = never;
  bool next_known_ = true;
  std::array<List<Entry>, slot_count> slots_;
  std::array<std::uint64_t, slot_count / 64> used_{};  // a slot that may hold something
  List<Entry> due_;
};

}  // namespace weir
