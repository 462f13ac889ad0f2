#include "process/respawn.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "base/log.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds quick{10};
constexpr milliseconds first_delay{100};
constexpr milliseconds longest_delay = std::chrono::seconds(10);
// Of the last worker: ten forks a second are cheaper than nobody who serves.
constexpr milliseconds longest_without_any{100};

std::string title_of(const Child& child) {
  if (child.role != shm::Role::worker) return std::string(shm::name(child.role));
  return fmt::format("worker {}, generation {}", child.index, child.generation);
}

}  // namespace

milliseconds respawn_delay(unsigned quick_deaths) {
  if (quick_deaths <= 1) return milliseconds(0);
  const unsigned doublings = std::min(quick_deaths - 2, 10U);
  return std::min(first_delay * (1 << doublings), longest_delay);
}

bool from_outside(const Ending& ending) {
  return ending.by_signal && (ending.value == SIGKILL || ending.value == SIGTERM);
}

bool Respawn::wanted(const Place& place, std::uint64_t generation) const {
  if (instance_.ending) return false;
  if (place.role == shm::Role::logger) return !instance_.generations.empty();
  return instance_.current != nullptr && generation == instance_.current->number;
}

bool Respawn::nobody_serves() const {
  for (const Child* child : instance_.children.of_generation(instance_.current->number)) {
    if (child->role == shm::Role::worker) return false;
  }
  return true;
}

void Respawn::on_death(const Child& child, const Ending& ending) {
  const Place place{child.role, child.index};
  const std::string crumb = instance_.zones.slots.breadcrumb(child.slot.index);
  const std::string at = crumb.empty() ? "" : "; it was at: " + crumb;
  const std::string said = child.failure.empty() ? "" : "; it said: " + child.failure;
  if (!wanted(place, child.generation)) {
    log::line(log::Level::alert, "{} (pid {}) {}{}{}", title_of(child), child.pid, ending.text(),
              said, at);
    return;
  }
  History& history = history_[place];
  const bool was_ready = child.ready_at != Poller::Clock::time_point{};
  const bool soon = !was_ready || Poller::Clock::now() - child.ready_at < quick;
  milliseconds delay{0};
  std::string_view cause = "from outside";
  // A kill that the watchdog sent was earned.
  if (from_outside(ending) && child.asked_to_die == 0) {
    history.quick_deaths = 0;
  } else {
    history.quick_deaths = soon ? history.quick_deaths + 1 : 0;
    delay = respawn_delay(history.quick_deaths);
    if (place.role == shm::Role::worker && nobody_serves()) {
      delay = std::min(delay, longest_without_any);
    }
    cause = "of its own making";
  }
  log::line(log::Level::alert, "{} (pid {}) {}, {}{}{}; a new one starts {}", title_of(child),
            child.pid, ending.text(), cause, said, at,
            delay.count() == 0 ? "at once" : fmt::format("in {} ms", delay.count()));
  schedule(place, delay);
}

void Respawn::schedule(const Place& place, milliseconds delay) {
  History& history = history_[place];
  instance_.poller.cancel(history.timer);
  history.timer = instance_.poller.after(delay, [this, place] {
    history_[place].timer = 0;
    start(place);
  });
}

Child* Respawn::try_start(const Place& place, std::string& why) {
  switch (place.role) {
    case shm::Role::worker: return staff_.start_worker(*instance_.current, place.index, why);
    case shm::Role::housekeeper: return staff_.start_housekeeper(*instance_.current, why);
    case shm::Role::logger: return staff_.start_logger(*instance_.generations.back(), why);
    case shm::Role::cache_keeper: return staff_.start_cache_keeper(*instance_.current, why);
    case shm::Role::compressor: return staff_.start_compressor(*instance_.current, why);
    case shm::Role::none: break;
  }
  return nullptr;
}

void Respawn::start(const Place& place) {
  // Meanwhile a reload may have filled the place, or done away with it.
  if (instance_.ending || instance_.current == nullptr) return;
  if (place.role == shm::Role::worker && place.index >= instance_.current->workers) return;
  for (const Child* child : instance_.children.of_role(place.role)) {
    const bool same =
        place.role == shm::Role::logger ||
        (child->generation == instance_.current->number && child->index == place.index);
    if (same) return;
  }
  std::string why;
  if (try_start(place, why) != nullptr) return;
  History& history = history_[place];
  const milliseconds delay = std::max(respawn_delay(++history.quick_deaths), first_delay);
  log::line(log::Level::alert, "a {} could not be started: {}; the next try follows in {} ms",
            shm::name(place.role), why, delay.count());
  schedule(place, delay);
}

}  // namespace weir::process
