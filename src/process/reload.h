// Reload: make, prove, then break. From the wish for a new configuration to the switch, or back.
//
//   idle -> validate -> prepare -> start -> barrier -> commit -> idle
//              |           |         |         |          |
//              +-----------+---------+---------+----------+--> roll_back -> idle
//
// Everything that can fail is done before the switch, and whatever fails leaves the running
// generation untouched: new sockets are bound but do not listen, new processes wait. commit
// listens, sends go to the new workers, retires the old ones, and hands the housekeeping over (the
// old housekeeper says that it stopped before the new one starts). The first start of an instance
// is a reload from nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "process/instance.h"
#include "process/retirement.h"
#include "process/staff.h"
#include "process/validator.h"

namespace weir::process {

class Reload {
 public:
  enum class State : unsigned char { idle, validate, prepare, start, barrier, commit };

  struct Outcome {
    bool ok = false;
    std::uint64_t generation = 0;      // the one in force afterwards
    std::vector<std::string> changes;  // what is different, when ok
    std::string report;                // why not; or warnings
    std::chrono::milliseconds took{};
    bool of_configuration = false;  // refused because of what the files say
    bool not_permitted = false;     // ... or for lack of rights
  };
  using Done = std::function<void(const Outcome&)>;

  Reload(Instance& instance, Staff& staff, Retirement& retirement)
      : instance_(instance),
        staff_(staff),
        retirement_(retirement),
        validator_(instance.poller, instance.application) {}

  // Not while one is running. `done` is called once, possibly before this returns.
  void begin(Done done);
  // The same with what a validator has found and this process has read already (the first start).
  void begin(Validator::Reading reading, std::string warnings, Done done);
  void abandon();  // the instance ends: roll back now
  State state() const { return state_; }
  bool running() const { return state_ != State::idle; }
  bool starting(const Child& child) const;  // of the generation that is being started

  // What the master hears of children.
  void on_ready(const Child& child);
  void on_yielded();
  void on_death(const Child& child, const Ending& ending);

 private:
  void enter(State next);
  void judged(const Validator::Verdict& verdict);
  void bring_up(Validator::Reading reading);
  std::string prepare(Validator::Reading reading);
  std::string start();
  void check_barrier();
  void commit();
  void hand_over_folders();
  void hand_over_copies();
  void hand_over_housekeeping();
  void start_housekeeping();
  void finish();
  void roll_back(std::string why);
  void end(Outcome outcome);

  Instance& instance_;
  Staff& staff_;
  Retirement& retirement_;
  Validator validator_;
  State state_ = State::idle;
  Done done_;
  Outcome outcome_;
  Generation* next_ = nullptr;  // in instance_.generations
  Poller::TimerId timer_ = 0;   // of the barrier, then of the handover
  Poller::Clock::time_point began_;
};
std::string_view name(Reload::State state);
constexpr bool may_enter(Reload::State from, Reload::State to) {
  using enum Reload::State;
  if (to == idle) return from != idle;
  switch (from) {
    case idle: return to == validate || to == prepare;
    case validate: return to == prepare;
    case prepare: return to == start;
    case start: return to == barrier;
    case barrier: return to == commit;
    case commit: return false;
  }
  return false;
}

}  // namespace weir::process
