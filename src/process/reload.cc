#include "process/reload.h"

#include <csignal>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "conf/diff.h"
#include "process/cache_folders.h"
#include "process/cache_keeper.h"
#include "process/compressor.h"
#include "process/fault_point.h"
#include "process/memory_bound.h"

namespace weir::process {
namespace {

constexpr std::chrono::seconds barrier_limit{10};
constexpr std::chrono::seconds handover_limit{1};
constexpr std::chrono::seconds keeper_grace{3};

}  // namespace

std::string_view name(Reload::State state) {
  switch (state) {
    case Reload::State::idle: return "idle";
    case Reload::State::validate: return "validate";
    case Reload::State::prepare: return "prepare";
    case Reload::State::start: return "start";
    case Reload::State::barrier: return "barrier";
    case Reload::State::commit: return "commit";
  }
  return {};
}

void Reload::enter(State next) {
  assert(may_enter(state_, next));
  state_ = next;
}

bool Reload::starting(const Child& child) const {
  return next_ != nullptr && child.generation == next_->number;
}

void Reload::begin(Done done) {
  assert(!running());
  done_ = std::move(done);
  began_ = Poller::Clock::now();
  outcome_ = {};
  enter(State::validate);
  const bool started = validator_.start(
      instance_.load_options, [this](const Validator::Verdict& verdict) { judged(verdict); });
  if (!started) roll_back("the validator could not be started");
}

void Reload::begin(Validator::Reading reading, std::string warnings, Done done) {
  assert(!running());
  done_ = std::move(done);
  began_ = Poller::Clock::now();
  outcome_ = {};
  enter(State::validate);
  outcome_.report = std::move(warnings);
  bring_up(std::move(reading));
}

void Reload::judged(const Validator::Verdict& verdict) {
  if (!verdict.ok) {
    outcome_.of_configuration = true;
    return roll_back(verdict.report);
  }
  outcome_.report = verdict.report;
  std::string why;
  auto reading = Validator::read(verdict.snapshot, instance_.load_options, why);
  if (!reading.config) {
    outcome_.of_configuration = true;
    return roll_back(std::move(why));
  }
  bring_up(std::move(reading));
}

void Reload::bring_up(Validator::Reading reading) {
  enter(State::prepare);
  if (std::string why = prepare(std::move(reading)); !why.empty()) return roll_back(std::move(why));
  enter(State::start);
  if (std::string why = start(); !why.empty()) return roll_back(std::move(why));
  enter(State::barrier);
  timer_ = instance_.poller.after(barrier_limit, [this] {
    timer_ = 0;
    roll_back(fmt::format("not all new processes were ready within {} s", barrier_limit.count()));
  });
  check_barrier();
}

std::string Reload::prepare(Validator::Reading reading) {
  auto generation = std::make_unique<Generation>();
  // A number is never used twice: children of a failed start may still be dying.
  generation->number = instance_.next_generation++;
  generation->inputs = std::move(reading.inputs);
  generation->config = std::move(reading.config);
  conf::Config& config = *generation->config;
  if (std::string why = identity_of(config, generation->identity); !why.empty()) return why;
  if (std::string why = prepare_cache_folders(
          config, generation->identity ? &*generation->identity : nullptr, Folders::make);
      !why.empty()) {
    return why;
  }
  std::string why;
  // Streams are given before the blueprint is made, which may note them.
  next_ = generation.get();
  instance_.generations.push_back(std::move(generation));
  if (why = instance_.logs.open_for(config, next_->number); !why.empty()) return why;
  next_->blueprint =
      instance_.application.prepare(config, *next_->inputs, &instance_.zones, Purpose::serve, why);
  if (!next_->blueprint) return why.empty() ? "the application refuses it" : why;
  next_->listens = listens_of(config);
  next_->admin_listens = admin_listens_of(config);
  next_->workers = workers_of(config);
  if (why = instance_.listeners.prepare(next_->listens, next_->workers); !why.empty()) return why;
  if (why = instance_.admin_listeners.prepare(next_->admin_listens, 1); !why.empty()) return why;
  if (fault_point("prepare")) return "a test asked for a failure in prepare";
  return {};
}

std::string Reload::start() {
  next_->started = Poller::Clock::now();
  std::string why;
  if (instance_.children.count(shm::Role::logger) == 0 && !staff_.start_logger(*next_, why)) {
    return "the logger could not be started: " + why;
  }
  for (unsigned index = 0; index < next_->workers; ++index) {
    if (!staff_.start_worker(*next_, index, why)) {
      return fmt::format("worker {} could not be started: {}", index, why);
    }
  }
  if (!staff_.start_housekeeper(*next_, why)) {
    return "the housekeeper could not be started: " + why;
  }
  if (needs_cache_keeper(*next_->config) && !staff_.start_cache_keeper(*next_, why)) {
    return "the cache keeper could not be started: " + why;
  }
  if (needs_compressor(*next_->config) && !staff_.start_compressor(*next_, why)) {
    return "the compressor could not be started: " + why;
  }
  if (fault_point("start")) return "a test asked for a failure in start";
  return {};
}

void Reload::on_ready(const Child& child) {
  if (state_ == State::barrier && starting(child)) check_barrier();
}

void Reload::on_death(const Child& child, const Ending& ending) {
  if (state_ != State::start && state_ != State::barrier) return;
  if (!starting(child)) return;
  roll_back(fmt::format("a new {} {} before it was ready{}{}", shm::name(child.role), ending.text(),
                        child.failure.empty() ? "" : ": ", child.failure));
}

void Reload::check_barrier() {
  for (const Child* child : instance_.children.of_generation(next_->number)) {
    if (child->state == Child::State::starting) return;
  }
  if (fault_point("barrier")) return roll_back("a test asked for a failure in barrier");
  instance_.poller.cancel(timer_);
  commit();
}

void Reload::commit() {
  enter(State::commit);
  std::string why =
      fault_point("commit") ? "a test asked for a failure in commit" : instance_.listeners.commit();
  if (why.empty()) why = instance_.admin_listeners.commit();
  if (!why.empty()) return roll_back(std::move(why));
  // From here on there is no way back and nothing that can fail.
  Generation* old = instance_.current;
  next_->state = Generation::State::serving;
  instance_.current = next_;
  log::set_threshold(next_->config->main.error_log->level);
  for (Child* child : instance_.children.of_generation(next_->number)) {
    if (child->role != shm::Role::worker) continue;
    child->state = Child::State::serving;
    child->channel.send(Message::Kind::go);
  }
  staff_.hand_over_logs();
  hand_over_folders();
  hand_over_copies();
  if (old != nullptr) {
    outcome_.changes = conf::diff(*old->config, *next_->config);
    retirement_.retire(*old);
  }
  retirement_.close_removed();
  hand_over_housekeeping();
}

// Nobody waits for the one before: whoever has a folder has it until the end of its process, and
// the next one looks again until then. One that hangs in a call to its disk is killed.
void Reload::hand_over_folders() {
  for (Child* child : instance_.children.of_role(shm::Role::cache_keeper)) {
    if (starting(*child)) {
      child->state = Child::State::serving;
      child->channel.send(Message::Kind::go);
      continue;
    }
    if (needs_cache_keeper(*next_->config)) child->channel.send(Message::Kind::yield);
    if (child->state != Child::State::stopping) instance_.children.stop(*child, keeper_grace);
  }
}

// The one before leaves what it is at: it is asked for again.
void Reload::hand_over_copies() {
  for (Child* child : instance_.children.of_role(shm::Role::compressor)) {
    if (starting(*child)) {
      child->state = Child::State::serving;
      child->channel.send(Message::Kind::go);
    } else if (child->state != Child::State::stopping) {
      instance_.children.stop(*child, keeper_grace);
    }
  }
}

void Reload::hand_over_housekeeping() {
  bool waiting = false;
  for (Child* child : instance_.children.of_role(shm::Role::housekeeper)) {
    if (starting(*child)) continue;
    child->state = Child::State::draining;
    if (child->channel.send(Message::Kind::yield)) {
      waiting = true;
    } else {
      instance_.children.kill(*child, SIGKILL);
    }
  }
  if (!waiting) return start_housekeeping();
  timer_ = instance_.poller.after(handover_limit, [this] {
    timer_ = 0;
    for (Child* child : instance_.children.of_role(shm::Role::housekeeper)) {
      if (!starting(*child)) instance_.children.kill(*child, SIGKILL);
    }
    // Its death is the acknowledgement: on_yielded() is called for that, too.
  });
}

void Reload::on_yielded() {
  if (state_ == State::commit) start_housekeeping();
}

void Reload::start_housekeeping() {
  instance_.poller.cancel(timer_);
  for (Child* child : instance_.children.of_generation(next_->number)) {
    if (child->role != shm::Role::housekeeper) continue;
    child->state = Child::State::serving;
    child->channel.send(Message::Kind::go);
  }
  finish();
}

void Reload::finish() {
  outcome_.ok = true;
  log::notice("generation {} serves with {} workers", next_->number, next_->workers);
  if (const MemoryBound bound = memory_bound(*next_->config, instance_.application);
      bound.bytes != 0)
    log::notice("memory: {}", bound.text);
  for (const auto& change : outcome_.changes) log::notice("changed: {}", change);
  end(std::move(outcome_));
}

void Reload::roll_back(std::string why) {
  instance_.poller.cancel(timer_);
  validator_.cancel();
  instance_.listeners.rollback();
  instance_.admin_listeners.rollback();
  if (next_ != nullptr) {
    const std::uint64_t number = next_->number;
    for (Child* child : instance_.children.of_generation(number)) {
      instance_.children.kill(*child, SIGKILL);
    }
    instance_.logs.release(number);
    if (Generation* current = instance_.current; current != nullptr) {
      // The error log may have been switched already; it was open until now and can be again.
      if (std::string lost = instance_.logs.open_for(*current->config, current->number);
          !lost.empty()) {
        log::error("{}", lost);
      }
    }
    std::erase_if(instance_.generations,
                  [&](const auto& generation) { return generation.get() == next_; });
  }
  outcome_.ok = false;
  outcome_.not_permitted =
      instance_.listeners.was_denied() || instance_.admin_listeners.was_denied();
  outcome_.report = std::move(why);
  while (!outcome_.report.empty() && outcome_.report.back() == '\n') outcome_.report.pop_back();
  log::error("the configuration was refused while in \"{}\":", name(state_));
  // A report has its lines for a terminal; a log line is one line.
  for (const auto line : split(outcome_.report, '\n')) log::error("{}", line);
  end(std::move(outcome_));
}

void Reload::abandon() {
  if (!running()) return;
  if (state_ == State::commit) return finish();  // the switch is done
  roll_back("the instance is being stopped");
}

void Reload::end(Outcome outcome) {
  outcome.generation = instance_.current != nullptr ? instance_.current->number : 0;
  outcome.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(Poller::Clock::now() - began_);
  enter(State::idle);
  next_ = nullptr;
  const Done done = std::move(done_);
  if (done) done(outcome);
}

}  // namespace weir::process
