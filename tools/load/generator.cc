#include "tools/load/generator.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cassert>

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t read_bytes = std::size_t{64} * 1024;
constexpr std::size_t pool_bytes = std::size_t{4} * 1024 * 1024 * 1024;
// Requests that are due within so short a time begin together: a wake-up is not for nothing.
constexpr nanoseconds tick_min{50'000};
constexpr milliseconds check_every{100};
// A server that refuses is asked again after this, lest the load is one of failing connects.
constexpr milliseconds reconnect_pause{100};
constexpr Lingerers::Limits linger{.time = milliseconds(1000), .idle = milliseconds(1000)};

Limits answer_limits() {
  Limits limits;
  limits.head_bytes_max = std::size_t{256} * 1024;
  limits.fields_max = 1000;
  limits.underscores = Underscores::keep;
  return limits;
}

std::uint64_t requests_of(const Options& options) {
  if (!options.open_loop) return options.requests == 0 ? ~std::uint64_t{0} : options.requests;
  if (options.duration.count() == 0) return options.requests;
  const auto in_time = Schedule::requests_in(options.rps, options.duration);
  return options.requests == 0 ? in_time : std::min(options.requests, in_time);
}

}  // namespace

Generator::Generator(const Plan& plan, const Share& share, Tally& tally, Live& live)
    : plan_(plan),
      tally_(tally),
      live_(live),
      pool_(pool_bytes),
      limits_(answer_limits()),
      read_buffer_(read_bytes),
      lingerers_(loop_),
      schedule_(plan.options.rps, requests_of(plan.options), share),
      tick_(
          loop_, [](void* self, Ready) { static_cast<Generator*>(self)->tick(); }, this),
      check_(
          loop_, [](void* self) { static_cast<Generator*>(self)->check(); }, this),
      spread_(plan.options.open_loop && plan.options.connections != 0),
      limit_(share.of(requests_of(plan.options))) {
  const unsigned given = plan.options.connections;
  const unsigned all = given != 0 ? given : plan.options.connections_max;
  connections_max_ = static_cast<std::size_t>(share.of(all));
}

Generator::~Generator() {
  lingerers_.close_all();
  connections_.clear();
}

bool Generator::run(int stop) {
  clock_fd_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  LevelWatcher stopping(
      loop_,
      [](void* self) {
        auto& it = *static_cast<Generator*>(self);
        it.stopped_ = true;
        it.loop_.stop();
      },
      this);
  if (!clock_fd_ || !tick_.watch(clock_fd_.get()) || !stopping.watch(stop)) return false;
  arm_tick();
  check_.arm(check_every);
  loop_.run();
  check_.cancel();
  tally_.complete = true;
  return true;
}

// steady_clock is CLOCK_MONOTONIC here, the same in every process.
void Generator::arm_tick() {
  auto at = plan_.start;
  if (plan_.options.open_loop) {
    if (noticed_ >= schedule_.total()) return;
    at = std::max(plan_.start + schedule_.start_of(noticed_),
                  Clock::now() + (noticed_ == 0 ? nanoseconds(0) : tick_min));
  }
  const auto since = at.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = std::max<long>(1, (since - seconds).count());
  ::timerfd_settime(clock_fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Generator::tick() {
  if (plan_.options.open_loop) {
    send_due();
    arm_tick();
    return;
  }
  if (!connections_.empty()) return;
  for (std::size_t i = 0; i < connections_max_ && begun_ < limit_; ++i) {
    connections_.push_back(std::make_unique<Connection>(*this));
    begin_closed(*connections_.back(), Clock::now());
  }
}

void Generator::send_due() {
  const auto now = Clock::now();
  const std::uint64_t due = schedule_.due(now - plan_.start);
  for (; noticed_ < due; ++noticed_) {
    tally_.lag.record(now - plan_.start - schedule_.start_of(noticed_));
  }
  give_up_waiting(now);
  while (next_ < due) {
    Connection* const connection = free_connection();
    if (connection == nullptr) return;  // in line, until an answer frees one
    ++in_flight_;
    connection->begin(plan_.start + schedule_.start_of(next_++));
  }
}

// Those at the head of the line whose time is over before a connection was free for them.
void Generator::give_up_waiting(Clock::time_point now) {
  const auto timeout = plan_.options.timeout;
  while (next_ < noticed_ && plan_.start + schedule_.start_of(next_) + timeout <= now) {
    ++next_;
    tally_.failed(Failure::timeout, "no connection was free");
    live_.failed.fetch_add(1, std::memory_order_relaxed);
    ended();
  }
}

// Idle ones take turns, so that none is forgotten and closed by the server.
Connection* Generator::free_connection() {
  const bool more = connections_.size() < connections_max_;
  if (!idle_.empty() && !(spread_ && more)) {
    Connection& connection = idle_.front();
    connection.unlink();
    return &connection;
  }
  if (!unused_.empty()) {
    Connection& connection = unused_.front();
    connection.unlink();
    return &connection;
  }
  if (!more) return nullptr;
  connections_.push_back(std::make_unique<Connection>(*this));
  return connections_.back().get();
}

void Generator::begin_closed(Connection& connection, Clock::time_point now) {
  ++begun_;
  ++in_flight_;
  connection.begin(now);
}

void Generator::answered(Connection& connection, Clock::time_point intended, std::uint16_t status) {
  const auto now = Clock::now();
  ++tally_.statuses[status < tally_.statuses.size() ? status : 0];
  tally_.latency.record(now - intended);
  tally_.last_end = static_cast<std::uint64_t>((now - plan_.start).count());
  if (plan_.options.duration.count() == 0 || now <= plan_.end()) ++tally_.in_window;
  if (status < plan_.options.expected.size() && plan_.options.expected.test(status)) {
    ++tally_.ok;
  } else {
    tally_.failed(Failure::status, {});
    live_.failed.fetch_add(1, std::memory_order_relaxed);
  }
  --in_flight_;
  ended();
  next_for(connection, true, now);
}

void Generator::failed(Connection& connection, Failure kind, std::string_view detail) {
  tally_.failed(kind, detail);
  live_.failed.fetch_add(1, std::memory_order_relaxed);
  --in_flight_;
  const auto now = Clock::now();
  tally_.last_end = static_cast<std::uint64_t>((now - plan_.start).count());
  ended();
  const bool could_connect = kind != Failure::connect_refused && kind != Failure::connect_failed &&
                             kind != Failure::connect_timeout && kind != Failure::tls &&
                             kind != Failure::local;
  next_for(connection, could_connect, now);
}

void Generator::next_for(Connection& connection, bool could_connect, Clock::time_point now) {
  if (plan_.options.open_loop) {
    give_up_waiting(now);
    if (next_ < noticed_) {
      ++in_flight_;
      connection.begin(plan_.start + schedule_.start_of(next_++));
    } else {
      (connection.is_open() ? idle_ : unused_).push_back(connection);
    }
  } else if (!over(now)) {
    if (could_connect) {
      begin_closed(connection, now);
    } else {
      connection.begin_later(reconnect_pause);
    }
  }
}

void Generator::rested(Connection& connection) {
  const auto now = Clock::now();
  if (!over(now)) begin_closed(connection, now);
}

void Generator::lost_while_idle(Connection& connection) {
  connection.unlink();
  if (plan_.options.open_loop) unused_.push_back(connection);
}

void Generator::let_go(std::unique_ptr<Transport> transport) {
  lingerers_.add(std::move(transport), linger);
}

bool Generator::over(Clock::time_point now) const {
  if (plan_.options.open_loop) return next_ >= schedule_.total();
  return begun_ >= limit_ || (plan_.options.duration.count() != 0 && now >= plan_.end());
}

void Generator::ended() {
  ++tally_.requests;
  live_.done.fetch_add(1, std::memory_order_relaxed);
  if (in_flight_ == 0 && over(Clock::now())) loop_.stop();
}

void Generator::check() {
  const auto now = Clock::now();
  give_up_waiting(now);
  live_.open.store(in_flight_, std::memory_order_relaxed);
  if (in_flight_ == 0 && over(now)) loop_.stop();
  check_.arm(check_every);
}

}  // namespace weir::load
