#include "process/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

#include "base/clock.h"

namespace weir::process {

using std::chrono::milliseconds;

Result<std::unique_ptr<Poller>> Poller::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error{Side::self, "epoll_create1()"};
  return std::unique_ptr<Poller>(new Poller(std::move(epoll)));
}

void Poller::watch(int fd, Handler handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = fd;
  const int operation = handlers_.count(fd) == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  [[maybe_unused]] const int done = ::epoll_ctl(epoll_.get(), operation, fd, &event);
  assert(done == 0);
  handlers_[fd] = std::make_shared<Handler>(std::move(handler));
}

void Poller::forget(int fd) {
  if (handlers_.erase(fd) == 0) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Poller::TimerId Poller::after(milliseconds delay, Handler handler) {
  const TimerId id = next_timer_++;
  const auto due = Clock::now() + delay;
  due_[id] = due;
  timers_.emplace(std::pair(due, id), std::move(handler));
  return id;
}

void Poller::cancel(TimerId& timer) {
  if (const auto found = due_.find(timer); found != due_.end()) {
    timers_.erase({found->second, timer});
    due_.erase(found);
  }
  timer = 0;
}

milliseconds Poller::until_next_timer(milliseconds limit) const {
  if (timers_.empty()) return limit;
  const auto left = timers_.begin()->first.first - Clock::now();
  // Rounded up: waking a moment early would spin until the time has come.
  const auto wait = std::chrono::ceil<milliseconds>(left);
  return std::clamp(wait, milliseconds(0), limit);
}

void Poller::run_timers() {
  const auto now = Clock::now();
  // Only those that are due now: a handler that arms a timer of 0 ms must not starve descriptors.
  const TimerId newest = next_timer_;
  while (!timers_.empty() && timers_.begin()->first.first <= now &&
         timers_.begin()->first.second < newest && !stopping_) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

void Poller::turn(milliseconds limit) {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(until_next_timer(limit).count()));
  clock::refresh();
  for (int i = 0; i < count && !stopping_; ++i) {
    const auto found = handlers_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (found == handlers_.end()) continue;  // forgotten by an earlier handler of this turn
    const std::shared_ptr<Handler> handler = found->second;
    (*handler)();
  }
  run_timers();
}

int Poller::run() {
  while (!stopping_) turn(std::chrono::hours(1));
  return status_;
}

void Poller::stop(int status) {
  stopping_ = true;
  status_ = status;
}

}  // namespace weir::process
