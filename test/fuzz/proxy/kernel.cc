#include "test/fuzz/proxy/kernel.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

Kernel* current = nullptr;

int failed(int error_number) {
  errno = error_number;
  return -1;
}

// epoll's word for it to libevent's, as libevent's epoll.c does it.
short libevent_word(unsigned ready) {
  if ((ready & EPOLLERR) != 0) return EV_READ | EV_WRITE;
  if ((ready & EPOLLHUP) != 0 && (ready & EPOLLRDHUP) == 0) return EV_READ | EV_WRITE;
  int what = 0;
  if ((ready & EPOLLIN) != 0) what |= EV_READ;
  if ((ready & EPOLLOUT) != 0) what |= EV_WRITE;
  if ((ready & EPOLLRDHUP) != 0) what |= EV_CLOSED;
  return static_cast<short>(what);
}

}  // namespace

// --- the other end

void Wire::send(std::string_view bytes) {
  if (ended || reset) return;
  input += bytes;
  sent.push_back({input.size(), *step});
}

unsigned Wire::sent_at(std::size_t end) const {
  const auto at =
      std::find_if(sent.begin(), sent.end(), [end](const Sent& it) { return it.end >= end; });
  return at == sent.end() ? *step : at->step;
}

unsigned Wire::written_at(std::size_t end) const {
  const auto after =
      std::find_if(marks.begin(), marks.end(), [end](const Mark& it) { return it.output >= end; });
  return after == marks.begin() ? *step : std::prev(after)->step;
}

void Wire::break_off(int error_number) {
  if (reset || closed) return;
  reset = ended = ended_seen = gone = true;
  error = error_number;
  input.resize(arrived);
  edge = true;
}

void Wire::take(std::size_t bytes) {
  if (room == unlimited) return;
  room += bytes;
  if (!starved || room == 0) return;
  starved = false;
  edge = true;
}

void Wire::connected() {
  if (state != State::connecting) return;
  state = State::open;
  edge = true;
}

short Wire::readiness() const {
  if (state == State::connecting && error == 0) return 0;
  unsigned ready = 0;
  if (read < arrived || ended_seen || reset) ready |= EPOLLIN;
  if (ended_seen || reset) ready |= EPOLLRDHUP;
  if (reset || (ended_seen && write_ended)) ready |= EPOLLHUP;
  if (room > 0 || reset || write_ended) ready |= EPOLLOUT;
  if (error != 0) ready |= EPOLLERR;
  return libevent_word(ready);
}

// --- the kernel, for the test

Kernel::Kernel() {
  check(current == nullptr);
  current = this;
}
Kernel::~Kernel() { current = nullptr; }
Kernel* Kernel::now() { return current; }

Wire& Kernel::make() {
  Wire& made = *wires_.emplace_back(std::make_unique<Wire>());
  made.step = &step_;
  return made;
}

Wire& Kernel::connect(const Address& from) {
  Wire& made = make();
  made.peer = from;
  queue_.push_back(&made);
  return made;
}

std::uint64_t Kernel::moved() const {
  std::uint64_t sum = queue_.size() + wires_.size();
  for (const auto& wire : wires_) {
    sum = sum * 31 + wire->output.size() * 7 + wire->read * 5 + wire->arrived * 3 +
          (wire->closed ? 2U : 0U) + (wire->write_ended ? 1U : 0U);
  }
  return sum;
}

std::size_t Kernel::bytes_held() const {
  std::size_t sum = 0;
  for (const auto& wire : wires_) {
    sum += sizeof(Wire) + wire->input.capacity() + wire->output.capacity() +
           wire->marks.capacity() * sizeof(Wire::Mark) +
           wire->sent.capacity() * sizeof(Wire::Sent) + wire->reads.capacity() * sizeof(Wire::Read);
  }
  return sum;
}

// What was sent comes into the receive buffers; what was dialled stands.
void Kernel::arrive() {
  for (const auto& it : wires_) {
    Wire& wire = *it;
    if (wire.closed || wire.reset) continue;
    if (wire.state == Wire::State::connecting) {
      if (dial_ == Dial::soon) wire.connected();
      if (dial_ == Dial::refused) wire.break_off(ECONNREFUSED);
      continue;
    }
    const std::size_t most = std::min(wire.input.size(), wire.read + receive_buffer);
    if (wire.arrived < most) {
      wire.arrived = most;
      wire.edge = true;
    }
    if (wire.ended && !wire.ended_seen && wire.arrived == wire.input.size()) {
      wire.ended_seen = true;
      wire.edge = true;
    }
  }
}

std::vector<Kernel::Found> Kernel::look() {
  std::vector<Found> found;
  for (const auto& [fd, watch] : real_) {
    if (watch == nullptr) continue;
    pollfd asked{fd, POLLIN, 0};
    if (::poll(&asked, 1, 0) == 1) found.push_back({fd, watch, EV_READ});
  }
  if (listener_ != nullptr && (!queue_.empty() || accept_error_ != 0))
    found.push_back({listening, listener_, EV_READ});
  for (const auto& [fd, wire] : descriptors_) {
    if (wire->watch == nullptr || !wire->edge) continue;
    wire->edge = false;
    if (const short what = wire->readiness(); what != 0) found.push_back({fd, wire->watch, what});
  }
  return found;
}

// One wait of the event loop. What is ready is collected first: whoever was taken off by an earlier
// callback of the same wait is not called.
void Kernel::dispatch() {
  arrive();
  std::vector<Found> found = look();
  if (reversed_) std::reverse(found.begin(), found.end());
  for (const Found& it : found) {
    if (it.fd > listening && !descriptors_.contains(it.fd)) continue;
    if (watch_of(it.fd) != it.watch) continue;
    event_get_callback(it.watch)(it.fd, it.what, event_get_callback_arg(it.watch));
  }
}

// The wall clock when this one showed `time`; the epoch is RFC 9110's example of a date.
std::chrono::system_clock::time_point Kernel::wall_at(std::chrono::steady_clock::time_point time) {
  constexpr std::chrono::seconds example{784'111'777};
  const auto since = time.time_since_epoch() - start;
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(example + since));
}

// --- the kernel, for weir

Wire& Kernel::wire(int fd) {
  const auto at = descriptors_.find(fd);
  check(at != descriptors_.end());  // a descriptor that was closed
  return *at->second;
}

int Kernel::socket() {
  if (dial_ == Dial::no_files) return failed(EMFILE);
  Wire& made = make();
  made.to_origin = true;
  made.state = Wire::State::fresh;
  descriptors_.emplace(next_fd_, &made);
  return next_fd_++;
}

int Kernel::connect(int fd, const sockaddr* address, socklen_t size) {
  Wire& made = wire(fd);
  check(made.state == Wire::State::fresh);
  made.peer = Address::from(address, size);
  made.state = Wire::State::connecting;
  switch (dial_) {
    case Dial::soon:
    case Dial::never:
    case Dial::refused: break;
    case Dial::at_once: made.state = Wire::State::open; break;
    case Dial::refused_at_once: return failed(ECONNREFUSED);
    case Dial::no_port: return failed(EADDRNOTAVAIL);
    case Dial::no_files: return failed(ENOBUFS);
  }
  origins_.push_back(&made);
  return made.state == Wire::State::open ? 0 : failed(EINPROGRESS);
}

int Kernel::accept(sockaddr* address, socklen_t* size) {
  if (accept_error_ != 0) return failed(std::exchange(accept_error_, 0));
  if (queue_.empty()) return failed(EAGAIN);
  Wire& taken = *queue_.front();
  queue_.pop_front();
  descriptors_.emplace(next_fd_, &taken);
  if (address != nullptr) {
    std::memcpy(address, taken.peer.data(), taken.peer.size());
    *size = taken.peer.size();
    clients_.push_back(&taken);
  }
  return next_fd_++;
}

ssize_t Kernel::receive(int fd, void* into, std::size_t size) {
  Wire& from = wire(fd);
  check(size > 0);
  const std::size_t count = std::min(size, from.arrived - from.read);
  if (count > 0) {
    std::memcpy(into, from.input.data() + from.read, count);
    from.read += count;
    from.reads.push_back({from.read, time_});
    return static_cast<ssize_t>(count);
  }
  if (from.error != 0) return failed(std::exchange(from.error, 0));
  if (from.ended_seen || from.reset) return 0;
  return failed(EAGAIN);
}

ssize_t Kernel::send(int fd, const iovec* parts, std::size_t count) {
  Wire& to = wire(fd);
  if (to.error != 0) return failed(std::exchange(to.error, 0));
  if (to.reset || to.write_ended) return failed(EPIPE);
  if (to.state != Wire::State::open) return failed(EAGAIN);
  const std::size_t before = to.output.size();
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    offered += parts[i].iov_len;
    const std::size_t taken = std::min(parts[i].iov_len, to.room);
    to.output.append(static_cast<const char*>(parts[i].iov_base), taken);
    if (to.room != Wire::unlimited) to.room -= taken;
  }
  const std::size_t taken = to.output.size() - before;
  to.starved = to.starved || taken < offered;
  if (taken > 0) to.marks.push_back({before, to.read, step_, time_});
  if (taken > 0 && to.gone) to.break_off(ECONNRESET);  // an answer from a host that has closed
  if (taken == 0 && offered > 0) return failed(EAGAIN);
  return static_cast<ssize_t>(taken);
}

int Kernel::shutdown(int fd) {
  Wire& to = wire(fd);
  if (to.reset) return failed(ENOTCONN);
  to.write_ended = true;
  return 0;
}

int Kernel::set_option(int fd, int level, int name, const void* value) {
  if (level != SOL_SOCKET || name != SO_LINGER) return 0;
  const auto& how = *static_cast<const linger*>(value);
  wire(fd).hard_close = how.l_onoff != 0 && how.l_linger == 0;
  return 0;
}

int Kernel::take_error(int fd) { return std::exchange(wire(fd).error, 0); }

int Kernel::close(int fd) {
  Wire& closing = wire(fd);
  check(closing.watch == nullptr);  // else the event loop holds a descriptor that is another's next
  closing.closed = true;
  closing.cut = closing.hard_close || closing.read < closing.arrived;
  descriptors_.erase(fd);
  return 0;
}

struct event*& Kernel::watch_of(int fd) {
  if (fd < listening) return real_[fd];
  return fd == listening ? listener_ : wire(fd).watch;
}

int Kernel::watch(event* event, int fd) {
  struct event*& watch = watch_of(fd);
  check(watch == nullptr);
  watch = event;
  if (fd > listening) wire(fd).edge = true;
  return 0;
}

int Kernel::unwatch(event* event, int fd) {
  struct event*& watch = watch_of(fd);
  check(watch == event);
  watch = nullptr;
  return 0;
}

}  // namespace weir::fuzz
