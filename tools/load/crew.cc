#include "tools/load/crew.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <optional>
#include <vector>

#include "event/loop.h"
#include "event/timer.h"
#include "os/signals.h"
#include "tools/load/generator.h"
#include "tools/load/progress.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds head_start{20};  // for the workers to be there in time
constexpr std::chrono::milliseconds progress_every{200};

// What one worker writes and the parent reads: while it runs only `live`.
struct Seat {
  Live live;
  Tally tally;
};

class Seats {
 public:
  explicit Seats(unsigned count) : count_(count) {
    void* memory = ::mmap(nullptr, count * sizeof(Seat), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    seats_ = static_cast<Seat*>(memory);
    for (unsigned i = 0; i < count; ++i) new (&seats_[i]) Seat;
  }
  ~Seats() {
    if (seats_ != nullptr) ::munmap(seats_, count_ * sizeof(Seat));
  }
  Seats& operator=(Seats&&) = delete;
  explicit operator bool() const { return seats_ != nullptr; }
  Seat& operator[](unsigned worker) { return seats_[worker]; }

 private:
  unsigned count_;
  Seat* seats_ = nullptr;
};

[[noreturn]] void work(const Plan& plan, const Share& share, Seat& seat, Fd stop) {
  reset_signals();
  ignore_signals({SIGINT, SIGTERM});  // the terminal sends it to all: the parent decides
  bool ran = false;
  {
    Generator generator(plan, share, seat.tally, seat.live);
    ran = generator.run(stop.get());
  }
  ::_exit(ran ? 0 : 1);
}

class Crew {
 public:
  explicit Crew(Plan& plan) : plan_(plan), seats_(plan.options.workers) {}
  ~Crew() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Crew& operator=(Crew&&) = delete;

  bool start(std::string& error);
  void wait();
  bool finish(Outcome& out, std::string& error);

 private:
  void on_signal();
  void end_early();
  void reap();
  void show();

  Plan& plan_;
  Seats seats_;
  std::optional<SignalFd> signals_;
  std::vector<pid_t> pids_;
  Fd stop_;  // the writing end: closed, it tells all workers to end
  std::optional<Loop> loop_;
  std::optional<Timer> beat_;
  ProgressBar bar_;
  Clock::time_point stopped_at_;
  bool interrupted_ = false;
};

bool Crew::start(std::string& error) {
  int ends[2];
  auto signals = SignalFd::open({SIGINT, SIGTERM, SIGCHLD});
  if (!seats_ || !signals || ::pipe2(ends, O_CLOEXEC) != 0) {
    error = fmt::format("no memory or descriptors: {}", std::strerror(errno));
    return false;
  }
  signals_.emplace(std::move(*signals));
  Fd reading(ends[0]);
  stop_ = Fd(ends[1]);
  plan_.start = Clock::now() + head_start;
  for (unsigned worker = 0; worker < plan_.options.workers; ++worker) {
    const pid_t pid = ::fork();
    if (pid < 0) {
      error = fmt::format("fork(): {}", std::strerror(errno));
      return false;
    }
    if (pid == 0) {
      stop_.reset();
      work(plan_, {worker, plan_.options.workers}, seats_[worker], std::move(reading));
    }
    pids_.push_back(pid);
  }
  return true;
}

void Crew::wait() {
  loop_.emplace();
  LevelWatcher signalled(
      *loop_, [](void* self) { static_cast<Crew*>(self)->on_signal(); }, this);
  if (!signalled.watch(signals_->fd())) return end_early();
  beat_.emplace(
      *loop_, [](void* self) { static_cast<Crew*>(self)->show(); }, this);
  if (bar_.visible()) beat_->arm(progress_every);
  reap();  // one may have ended before anybody listened
  if (!pids_.empty()) loop_->run();
  beat_.reset();
  bar_.clear();
}

void Crew::on_signal() {
  while (const auto signal = signals_->next()) {
    if (signal->number == SIGCHLD) {
      reap();
    } else if (interrupted_) {
      for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    } else {
      end_early();
    }
  }
}

void Crew::end_early() {
  interrupted_ = true;
  stopped_at_ = Clock::now();
  stop_.reset();
}

void Crew::reap() {
  std::erase_if(pids_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == pid; });
  if (pids_.empty() && loop_) loop_->stop();
}

void Crew::show() {
  Progress now;
  now.elapsed = Clock::now() - plan_.start;
  now.duration = plan_.options.duration;
  now.requests = plan_.options.requests;
  for (unsigned i = 0; i < plan_.options.workers; ++i) {
    now.done += seats_[i].live.done.load(std::memory_order_relaxed);
    now.failed += seats_[i].live.failed.load(std::memory_order_relaxed);
    now.in_flight += seats_[i].live.open.load(std::memory_order_relaxed);
  }
  bar_.show(now);
  beat_->arm(progress_every);
}

bool Crew::finish(Outcome& out, std::string& error) {
  bool complete = true;
  for (unsigned i = 0; i < plan_.options.workers; ++i) {
    out.tally.add(seats_[i].tally);
    complete = complete && seats_[i].tally.complete;
  }
  out.interrupted = interrupted_;
  if (!complete) {
    error = "a worker process died";
    return false;
  }
  const auto last = std::chrono::nanoseconds(out.tally.last_end);
  out.elapsed = plan_.options.duration;
  const std::uint64_t wanted = plan_.options.requests;
  if (wanted != 0 && out.tally.requests >= wanted) {  // ended by number
    // At a rate the last request has its share of time, too.
    const std::chrono::duration<double> paced(static_cast<double>(wanted) / plan_.options.rps);
    out.elapsed = last;
    if (plan_.options.open_loop) {
      out.elapsed = std::max(last, std::chrono::duration_cast<std::chrono::nanoseconds>(paced));
    }
    if (plan_.options.duration.count() != 0) {
      out.elapsed = std::min<std::chrono::nanoseconds>(out.elapsed, plan_.options.duration);
    }
  }
  if (interrupted_ && stopped_at_ > plan_.start) {
    const std::chrono::nanoseconds so_far = stopped_at_ - plan_.start;
    if (out.elapsed.count() == 0 || so_far < out.elapsed) out.elapsed = so_far;
  }
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& it) {
    return static_cast<double>(it.tv_sec) + static_cast<double>(it.tv_usec) / 1e6;
  };
  out.cpu = std::chrono::duration<double>(seconds(used.ru_utime) + seconds(used.ru_stime));
  return true;
}

}  // namespace

bool run_crew(Plan& plan, Outcome& out, std::string& error) {
  Crew crew(plan);
  if (!crew.start(error)) return false;
  crew.wait();
  return crew.finish(out, error);
}

}  // namespace weir::load
