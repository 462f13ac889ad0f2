#include "process/retirement.h"

#include <algorithm>

#include "base/log.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds removed_accept_time = std::chrono::seconds(2);
// The master keeps a removed socket a little longer than the workers that empty its queue.
constexpr milliseconds removed_close_time = removed_accept_time + milliseconds(200);
constexpr milliseconds forget_retry{100};
constexpr milliseconds before_tunnels = std::chrono::seconds(1);
constexpr milliseconds last_grace = std::chrono::seconds(2);

}  // namespace

void Retirement::tell(std::uint64_t generation, Message::Kind kind) {
  for (Child* child : instance_.children.of_generation(generation)) {
    if (child->role == shm::Role::worker) child->channel.send(kind);
  }
}

void Retirement::retire(Generation& generation) {
  generation.state = Generation::State::draining;
  generation.retired_at = Poller::Clock::now();
  const auto removed = instance_.listeners.removed();
  for (Child* child : instance_.children.of_generation(generation.number)) {
    if (child->role != shm::Role::worker) continue;
    child->state = Child::State::draining;
    for (std::uint32_t i = 0; i < generation.listens.size(); ++i) {
      if (std::find(removed.begin(), removed.end(), generation.listens[i]->address) ==
          removed.end()) {
        continue;
      }
      Message keep;
      keep.kind = Message::Kind::keep;
      keep.index = i;
      keep.value = removed_accept_time.count();
      child->channel.send(keep);
    }
    child->channel.send(Message::Kind::drain);
  }
  instance_.poller.after(*generation.config->main.worker_shutdown_timeout,
                         [this, number = generation.number] { out_of_time(number); });
  limit_old_generations();
  sweep();
}

void Retirement::close_removed() {
  if (instance_.listeners.removed().empty() && instance_.admin_listeners.removed().empty()) return;
  instance_.poller.after(removed_close_time, [this] { forget_removed(); });
}

void Retirement::forget_removed() {
  // A reload under way may have taken an address back, or be about to listen on a new one.
  if (instance_.listeners.preparing() || instance_.admin_listeners.preparing()) {
    instance_.poller.after(forget_retry, [this] { forget_removed(); });
    return;
  }
  instance_.listeners.forget_removed();
  instance_.admin_listeners.forget_removed();
}

void Retirement::limit_old_generations() {
  std::vector<Generation*> old;
  for (const auto& generation : instance_.generations) {
    if (generation->state == Generation::State::draining) old.push_back(generation.get());
  }
  const std::size_t most = *old.back()->config->main.old_generations_max;
  for (std::size_t i = 0; i + most < old.size(); ++i) {
    const std::uint64_t number = old[i]->number;
    if (i + 2 * most < old.size()) {
      log::warn("generation {} is stopped: {} old generations are still alive", number, old.size());
      out_of_time(number);
      continue;
    }
    log::notice("generation {} drops idle connections: {} old generations are still alive", number,
                old.size());
    tell(number, Message::Kind::drop_idle);
    instance_.poller.after(before_tunnels, [this, number] { drop_tunnels(number); });
  }
}

void Retirement::drop_tunnels(std::uint64_t number) {
  if (instance_.find(number) == nullptr) return;
  log::notice("generation {} drops its tunnels", number);
  tell(number, Message::Kind::drop_tunnels);
}

void Retirement::out_of_time(std::uint64_t number) {
  Generation* generation = instance_.find(number);
  if (generation == nullptr || generation == instance_.current) return;
  for (Child* child : instance_.children.of_generation(number)) {
    if (child->role != shm::Role::worker || child->state == Child::State::stopping) continue;
    log::warn("worker {}, generation {} (pid {}) did not end in time: its connections are closed",
              child->index, number, child->pid);
    instance_.children.stop(*child, last_grace);
  }
}

void Retirement::sweep() {
  std::vector<std::uint64_t> ended;
  for (const auto& generation : instance_.generations) {
    if (generation->state != Generation::State::draining) continue;
    if (instance_.children.of_generation(generation->number).empty()) {
      ended.push_back(generation->number);
    }
  }
  for (const std::uint64_t number : ended) {
    log::notice("generation {} has ended", number);
    Message message;
    message.kind = Message::Kind::log_done;
    for (const std::uint16_t stream : instance_.logs.release(number)) {
      message.index = stream;
      for (Child* logger : instance_.children.of_role(shm::Role::logger)) {
        logger->channel.send(message);
      }
    }
    std::erase_if(instance_.generations,
                  [&](const auto& generation) { return generation->number == number; });
  }
}

void Retirement::stop_all(milliseconds grace) {
  for (Child* child : instance_.children.all()) {
    if (child->role == shm::Role::worker && child->state != Child::State::stopping) {
      instance_.children.stop(*child, grace);
    }
  }
}

}  // namespace weir::process
