#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace weir {
namespace {

Fd open_reserve() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// What accept() reports about a connection that died in the queue, not about us (accept(2)).
bool is_of_connection(int error_number) {
  switch (error_number) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
  }
}

}  // namespace

Listener::Listener(Loop& loop, int listening, ListenerOwner& owner, const void* user)
    : listening_(listening),
      owner_(owner),
      user_(user),
      watcher_(
          loop, [](void* self) { static_cast<Listener*>(self)->accept_some(); }, this),
      pause_timer_(
          loop,
          [](void* self) {
            auto& listener = *static_cast<Listener*>(self);
            listener.exhausted_ = false;
            listener.update();
          },
          this) {}

Result<Ok> Listener::start() {
  if (started_) return Ok{};
  // Accepted sockets inherit it: one call here instead of one for each of them. A Unix socket
  // refuses, and needs it not.
  const int on = 1;
  ::setsockopt(listening_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!reserve_) reserve_ = open_reserve();
  if (!paused_) {
    if (auto watched = watcher_.watch(listening_); !watched) return watched;
  }
  started_ = true;
  return Ok{};
}

void Listener::stop() {
  started_ = false;
  exhausted_ = false;
  pause_timer_.cancel();
  watcher_.stop();
}

void Listener::pause() {
  paused_ = true;
  update();
}

void Listener::resume() {
  paused_ = false;
  update();
}

void Listener::set_budget(int accepts_per_turn) { budget_ = accepts_per_turn; }

void Listener::update() {
  const bool wanted = started_ && !paused_ && !exhausted_;
  if (!wanted) {
    watcher_.stop();
  } else if (!watcher_.watching() && !watcher_.watch(listening_)) {
    exhausted_ = true;  // no memory for a registration: try again after the pause
    pause_timer_.arm(exhausted_pause);
  }
}

void Listener::accept_some() {
  for (int left = budget_; left > 0 && watcher_.watching(); --left)
    if (!accept_one()) return;
}

// False: nothing more to be had in this turn.
bool Listener::accept_one() {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  Fd fd(::accept4(listening_, address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    ++accepted_;
    owner_.on_accept(*this, std::move(fd), Address::from(address, size));
    return true;
  }
  if (errno == EAGAIN) return false;
  if (is_of_connection(errno)) return true;
  exhausted(errno);
  return false;
}

void Listener::exhausted(int error_number) {
  log::line(log::Level::alert, "accept() failed ({}: {}): not accepting for 100 ms", error_number,
            std::strerror(error_number));
  if ((error_number == EMFILE || error_number == ENFILE) && reserve_) {
    reserve_.reset();
    if (const Fd oldest(::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        oldest)
      ++turned_away_;
  }
  if (!reserve_) reserve_ = open_reserve();
  exhausted_ = true;
  pause_timer_.arm(exhausted_pause);
  update();
}

}  // namespace weir
