#include "net/dialer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <utility>

namespace weir {

Error Dialer::error() const { return socket_error(Side::upstream, error_number_); }

Dialer::Started Dialer::failed(int error_number) {
  socket_.reset();
  error_number_ = error_number;
  return Started::failed;
}

Dialer::Started Dialer::connect(const Address& to) {
  assert(!socket_);
  Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  if (to.is_ip()) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  int status = 0;
  do status = ::connect(fd.get(), to.data(), to.size());
  while (status != 0 && errno == EINTR);
  // A Unix socket whose backlog is full says EAGAIN and is not being connected.
  if (status != 0 && errno != EINPROGRESS) return failed(errno);
  socket_ = std::make_unique<Socket>(loop_, std::move(fd), Side::upstream);
  if (status == 0) return Started::connected;
  socket_->expect_connect();
  if (!socket_->start(&Dialer::edge, this)) return failed(ENOMEM);
  return Started::waiting;
}

void Dialer::edge(void* self, Ready ready) {
  auto& dialer = *static_cast<Dialer*>(self);
  if (!ready.writable) return;
  std::unique_ptr<Socket> socket = std::move(dialer.socket_);
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (::getsockopt(socket->fd(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
    error_number = errno;
  if (error_number != 0) {
    dialer.error_number_ = error_number;
    socket.reset();
  } else {
    socket->set_callback(nullptr, nullptr);
  }
  dialer.done_(dialer.owner_, std::move(socket));  // nothing of ours is touched after this call
}

}  // namespace weir
