// What the linker calls instead of the kernel, libevent and the steady clock (WRAPPED in the
// Makefile).
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/clock.h"
#include "test/fuzz/proxy/kernel.h"

using weir::fuzz::Kernel;
using Steady = std::chrono::steady_clock::time_point;
using weir::clock::Wall;

namespace {

Kernel* kernel_of(int fd) { return fd >= Kernel::listening ? Kernel::now() : nullptr; }
// A timer has no descriptor.
Kernel* kernel_of(const event* event) { return event_get_fd(event) >= 0 ? Kernel::now() : nullptr; }

}  // namespace

// The linker asks for these names.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol) {
  Kernel* const kernel = Kernel::now();
  return kernel != nullptr ? kernel->socket() : __real_socket(family, type, protocol);
}

int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->connect(fd, address, size) : __real_connect(fd, address, size);
}

int __real_accept4(int fd, sockaddr* address, socklen_t* size, int flags);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->accept(address, size)
                           : __real_accept4(fd, address, size, flags);
}

ssize_t __real_recv(int fd, void* into, std::size_t size, int flags);
ssize_t __wrap_recv(int fd, void* into, std::size_t size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->receive(fd, into, size) : __real_recv(fd, into, size, flags);
}

ssize_t __real_send(int fd, const void* from, std::size_t size, int flags);
ssize_t __wrap_send(int fd, const void* from, std::size_t size, int flags) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return __real_send(fd, from, size, flags);
  const iovec part{const_cast<void*>(from), size};
  return kernel->send(fd, &part, 1);
}

ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->send(fd, message->msg_iov, message->msg_iovlen)
                           : __real_sendmsg(fd, message, flags);
}

ssize_t __real_sendfile(int fd, int file, off_t* at, std::size_t size);
ssize_t __wrap_sendfile(int fd, int file, off_t* at, std::size_t size) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return __real_sendfile(fd, file, at, size);
  std::array<char, 65536> bytes;
  const ssize_t got = ::pread(file, bytes.data(), std::min(size, bytes.size()), *at);
  if (got <= 0) return got;
  const iovec part{bytes.data(), static_cast<std::size_t>(got)};
  const ssize_t sent = kernel->send(fd, &part, 1);
  if (sent > 0) *at += sent;
  return sent;
}

int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->shutdown(fd) : __real_shutdown(fd, how);
}

int __real_setsockopt(int fd, int level, int name, const void* value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->set_option(fd, level, name, value)
                           : __real_setsockopt(fd, level, name, value, size);
}

int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* size);
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  Kernel* const kernel = kernel_of(fd);
  if (kernel == nullptr) return __real_getsockopt(fd, level, name, value, size);
  const int error = level == SOL_SOCKET && name == SO_ERROR ? kernel->take_error(fd) : 0;
  std::memcpy(value, &error, sizeof error);
  return 0;
}

int __real_getsockname(int fd, sockaddr* address, socklen_t* size);
int __wrap_getsockname(int fd, sockaddr* address, socklen_t* size) {
  if (kernel_of(fd) == nullptr) return __real_getsockname(fd, address, size);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(80);
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(address, &local, sizeof local);
  *size = sizeof local;
  return 0;
}

int __real_close(int fd);
int __wrap_close(int fd) {
  Kernel* const kernel = kernel_of(fd);
  return kernel != nullptr ? kernel->close(fd) : __real_close(fd);
}

ssize_t __real_getrandom(void* into, std::size_t size, unsigned flags);
ssize_t __wrap_getrandom(void* into, std::size_t size, unsigned flags) {
  if (Kernel::now() == nullptr) return __real_getrandom(into, size, flags);
  std::memset(into, 7, size);
  return static_cast<ssize_t>(size);
}

int __real_event_add(event* event, const timeval* timeout);
int __wrap_event_add(event* event, const timeval* timeout) {
  Kernel* const kernel = kernel_of(event);
  return kernel != nullptr ? kernel->watch(event, event_get_fd(event))
                           : __real_event_add(event, timeout);
}

int __real_event_del(event* event);
int __wrap_event_del(event* event) {
  Kernel* const kernel = kernel_of(event);
  return kernel != nullptr ? kernel->unwatch(event, event_get_fd(event)) : __real_event_del(event);
}

int __real_event_base_loop(event_base* base, int flags);
int __wrap_event_base_loop(event_base* base, int flags) {
  Kernel* const kernel = Kernel::now();
  if (kernel == nullptr) return __real_event_base_loop(base, flags);
  kernel->dispatch();
  return 0;
}

}  // extern "C"

// std::chrono::steady_clock::now(), by the name that it has when linked. That of the system's clock
// is left alone: libFuzzer's own time limits go by it. Weir's wall clock is the one that it read
// when the turn began.
Steady real_steady() __asm__("__real__ZNSt6chrono3_V212steady_clock3nowEv");
Steady wrap_steady() __asm__("__wrap__ZNSt6chrono3_V212steady_clock3nowEv");
Steady wrap_steady() {
  Kernel* const kernel = Kernel::now();
  return kernel != nullptr ? Steady(kernel->read_clock()) : real_steady();
}

Wall real_wall() __asm__("__real__ZN4weir5clock4wallEv");
Wall wrap_wall() __asm__("__wrap__ZN4weir5clock4wallEv");
Wall wrap_wall() {
  return Kernel::now() != nullptr ? Kernel::wall_at(weir::clock::now()) : real_wall();
}

std::int64_t real_wall_ms() __asm__("__real__ZN4weir5clock7wall_msEv");
std::int64_t wrap_wall_ms() __asm__("__wrap__ZN4weir5clock7wall_msEv");
std::int64_t wrap_wall_ms() {
  if (Kernel::now() == nullptr) return real_wall_ms();
  const auto since = wrap_wall().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}
// NOLINTEND(bugprone-reserved-identifier)
