#include "net/socket.h"

#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>

namespace weir {
namespace {

constexpr std::size_t iovecs_max = 64;          // per system call; what is over comes with the next
constexpr std::size_t copied_bytes_max = 2048;  // a head and a small body

std::size_t total(std::span<const iovec> parts) {
  std::size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

// send() costs less than sendmsg(), which has its vectors copied and checked, by more than putting
// a few bytes together.
ssize_t send_parts(int fd, std::span<const iovec> parts, std::size_t offered) {
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
  if (offered <= copied_bytes_max) {
    std::array<char, copied_bytes_max> copied;
    char* at = copied.data();
    for (const iovec& part : parts)
      at = std::copy_n(static_cast<const char*>(part.iov_base), part.iov_len, at);
    return ::send(fd, copied.data(), offered, MSG_NOSIGNAL);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());  // sendmsg does not write to it
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

Error socket_error(Side side, int error_number) {
  switch (error_number) {
    case ECONNRESET: return {side, "connection reset by peer"};
    case EPIPE: return {side, "broken pipe"};
    case ETIMEDOUT: return {side, "connection timed out"};
    case ECONNREFUSED: return {side, "connection refused"};
    case ENETUNREACH: return {side, "network unreachable"};
    case EHOSTUNREACH: return {side, "no route to host"};
    case EHOSTDOWN: return {side, "host is down"};
    case ENETDOWN: return {side, "network is down"};
    case ECONNABORTED: return {side, "connection aborted"};
    case ENOENT: return {side, "no such socket"};
    case EACCES: return {side, "permission denied"};
    case EAGAIN: return {side, "the peer's queue of connections is full"};  // connect() to AF_UNIX
    case EADDRNOTAVAIL: return {Side::self, "no free local port"};
    case EMFILE: return {Side::self, "too many open files"};
    case ENFILE: return {Side::self, "too many open files in system"};
    case ENOBUFS: return {Side::self, "no buffer space"};
    case ENOMEM: return {Side::self, "out of memory"};
    default: return {side, "connection failed"};
  }
}

Socket::Socket(Loop& loop, Fd fd, Side side)
    : fd_(std::move(fd)), watcher_(loop, &Socket::edge, this), side_(side) {}

Result<Ok> Socket::start(Callback callback, void* owner) {
  set_callback(callback, owner);
  if (started_) return Ok{};
  started_ = true;
  return watcher_.watch(fd_.get());
}

void Socket::set_callback(Callback callback, void* owner) {
  callback_ = callback;
  owner_ = owner;
}

void Socket::again() {
  asked_ = true;
  watcher_.again({readable_, writable_, closed_});
}

void Socket::edge(void* self, Ready ready) {
  auto& socket = *static_cast<Socket*>(self);
  // Every edge repeats what is possible. "Writable" alone, when it was known, is no news.
  const bool news =
      ready.readable || ready.closed || socket.asked_ || (ready.writable && !socket.writable_);
  socket.asked_ = false;
  socket.readable_ |= ready.readable;
  socket.writable_ |= ready.writable;
  socket.closed_ |= ready.closed;
  if (ready.readable) socket.drained_ = false;
  if (news && socket.callback_ != nullptr) socket.callback_(socket.owner_, ready);
}

Io Socket::read(std::span<char> into, Want want) {
  if (!readable_ && (want == Want::any || drained_)) return Io::wait();
  assert(!into.empty());
  ssize_t count = 0;
  do count = ::recv(fd_.get(), into.data(), into.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto bytes = static_cast<std::size_t>(count);
    drained_ = false;
    readable_ = bytes == into.size() || closed_;
    return Io::moved(bytes);
  }
  // The kernel reports a failure once, to whichever call comes first, and then an ordinary end: a
  // stream that was reset must not look complete because a write had seen it first.
  if (count == 0) return lost_ == 0 ? Io::end() : Io::failed(socket_error(side_, lost_));
  if (errno == EAGAIN) {
    readable_ = false;
    drained_ = true;
    return Io::wait();
  }
  lost_ = errno;
  return Io::failed(socket_error(side_, lost_));
}

Io Socket::write(std::span<const iovec> from) {
  if (lost_ != 0) return Io::failed(socket_error(side_, lost_));
  if (!writable_) return Io::wait();
  const auto parts = from.first(std::min(from.size(), iovecs_max));
  const std::size_t offered = total(parts);
  if (offered == 0) return Io::moved(0);
  ssize_t count = 0;
  do count = send_parts(fd_.get(), parts, offered);
  while (count < 0 && errno == EINTR);
  return written(count, offered);
}

// What a system call has come to. Less than the least: there was no room for more.
Io Socket::written(ssize_t count, std::size_t least) {
  if (count >= 0) {
    const auto bytes = static_cast<std::size_t>(count);
    if (bytes < least) writable_ = false;  // the send buffer is full: an edge will come
    return Io::moved(bytes);
  }
  if (errno == EAGAIN) {
    writable_ = false;
    return Io::wait();
  }
  lost_ = errno;
  return Io::failed(socket_error(side_, lost_));
}

// sendfile() may come short for other reasons than a full buffer: it is full when the kernel says
// so. It knows no MSG_NOSIGNAL; all our processes ignore SIGPIPE (os/signals.h).
Io Socket::write(const FileBytes& file) {
  if (lost_ != 0) return Io::failed(socket_error(side_, lost_));
  if (!writable_) return Io::wait();
  std::size_t moved = 0;
  off_t at = static_cast<off_t>(file.at);
  while (moved < file.bytes && writable_) {
    const ssize_t count = ::sendfile(fd_.get(), file.fd, &at, file.bytes - moved);
    if (count < 0 && errno == EINTR) continue;
    assert(count != 0);  // it has as many as it had
    const Io io = written(count, 0);
    if (io.state == Io::State::error) return io;
    moved += io.bytes;
  }
  return moved == 0 ? Io::wait() : Io::moved(moved);
}

void Socket::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }  // fails only when all is over

void Socket::reset_on_close() {
  const linger hard{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace weir
