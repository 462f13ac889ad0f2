#include "process/control.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"
#include "os/process.h"

namespace weir::process {
namespace {

constexpr std::size_t connections_max = 32;
constexpr std::chrono::seconds request_time{10};
constexpr int backlog = 32;
constexpr int answer_time_ms = 2000;

// The whole answer: the socket buffer holds almost all of them, a slow reader gets two seconds.
bool send_all(int fd, std::string_view bytes) {
  const timeval limit{answer_time_ms / 1000, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!set_nonblocking(fd, false)) return false;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Control::~Control() {
  while (!connections_.empty()) drop(connections_.front().serial);
  for (auto& socket : sockets_) close(socket);
}

std::string Control::open(const std::string& path, mode_t mode, bool is_private) {
  auto listener = bind_unix(path, mode);
  if (!listener) {
    return fmt::format("{} of the control socket {} failed ({}: {})", listener.error().what, path,
                       errno, std::strerror(errno));
  }
  if (const auto done = publish_unix(*listener, backlog); !done) {
    std::string why = fmt::format("{} of the control socket {} failed ({}: {})", done.error().what,
                                  path, errno, std::strerror(errno));
    discard_unix(*listener);
    return why;
  }
  sockets_.push_back({path, std::move(*listener), is_private});
  const int fd = sockets_.back().listener.fd.get();
  poller_.watch(fd, [this, fd, is_private] { accept(fd, is_private); });
  return {};
}

void Control::close(Socket& socket) {
  poller_.forget(socket.listener.fd.get());
  ::unlink(socket.path.c_str());
  socket.listener.fd.reset();
}

std::string Control::open_private(const std::string& path) { return open(path, 0600, true); }

std::string Control::follow(const std::vector<conf::ListenConf>& admin) {
  const auto wanted = [&](const Socket& socket) {
    return socket.is_private || std::any_of(admin.begin(), admin.end(), [&](const auto& listen) {
             return listen.address.is_unix() && listen.address.path() == socket.path;
           });
  };
  for (auto& socket : sockets_) {
    if (!wanted(socket)) close(socket);
  }
  sockets_.remove_if([](const Socket& socket) { return !socket.listener.fd; });
  std::string all;
  for (const auto& listen : admin) {
    if (!listen.address.is_unix()) continue;
    const std::string path(listen.address.path());
    const bool there = std::any_of(sockets_.begin(), sockets_.end(),
                                   [&](const Socket& socket) { return socket.path == path; });
    if (there) continue;
    if (std::string why = open(path, static_cast<mode_t>(listen.mode), false); !why.empty()) {
      all += (all.empty() ? "" : "; ") + why;
    }
  }
  return all;
}

bool Control::allowed(int fd, bool is_private) const {
  const auto peer = peer_credentials(fd);
  if (!peer) return false;
  if (peer->uid == 0 || peer->uid == ::geteuid()) return true;
  // The mode of an [admin] socket says who else may connect: the group that owns it.
  return !is_private && peer->gid == ::getegid();
}

void Control::accept(int listening, bool is_private) {
  for (;;) {
    Fd fd(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (!allowed(fd.get(), is_private)) {
      const auto peer = peer_credentials(fd.get());
      log::warn("a control connection of uid {} was refused", peer ? peer->uid : ~uid_t{0});
      continue;
    }
    // The oldest that has not asked anything gives way.
    if (connections_.size() >= connections_max) {
      const auto idle = std::find_if(connections_.begin(), connections_.end(),
                                     [](const Connection& other) { return !other.asked; });
      if (idle == connections_.end()) continue;
      drop(idle->serial);
    }
    const std::uint64_t serial = next_serial_++;
    Connection& connection = connections_.emplace_back();
    connection.serial = serial;
    connection.fd = std::move(fd);
    connection.timer = poller_.after(request_time, [this, serial] { drop(serial); });
    poller_.watch(connection.fd.get(), [this, serial] { read(serial); });
  }
}

Control::Connection* Control::find(std::uint64_t serial) {
  for (auto& connection : connections_) {
    if (connection.serial == serial) return &connection;
  }
  return nullptr;
}

void Control::drop(std::uint64_t serial) {
  connections_.remove_if([&](Connection& connection) {
    if (connection.serial != serial) return false;
    poller_.cancel(connection.timer);
    poller_.forget(connection.fd.get());
    return true;
  });
}

void Control::read(std::uint64_t serial) {
  Connection* connection = find(serial);
  if (connection == nullptr) return;
  char bytes[control_line_max];
  const ssize_t got = ::recv(connection->fd.get(), bytes, sizeof bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got == 0 && connection->asked) {  // it has said all it will; the answer is still owed
    return poller_.forget(connection->fd.get());
  }
  if (got <= 0 || connection->asked) return drop(serial);  // it left, or talks out of turn
  connection->received.append(bytes, static_cast<std::size_t>(got));
  const auto end = connection->received.find('\n');
  if (end == std::string::npos) {
    if (connection->received.size() >= control_line_max) drop(serial);
    return;
  }
  const auto request = parse_request(std::string_view(connection->received).substr(0, end));
  if (!request || end + 1 != connection->received.size()) {
    Answer refusal;
    refusal.error =
        "not a request: {\"command\":\"status|reload|reopen|stop|quit|zones|upstream|purge\"}";
    refusal.exit_code = 2;
    return answer(serial, refusal, {});
  }
  connection->asked = true;
  poller_.cancel(connection->timer);
  handler_(*request, [this, serial](const Answer& reply, const std::vector<int>& fds) {
    answer(serial, reply, fds);
  });
}

void Control::answer(std::uint64_t serial, const Answer& answer, const std::vector<int>& fds) {
  Connection* connection = find(serial);
  if (connection == nullptr) return;  // it did not wait
  const std::string line = answer_line(answer);
  // A reader that does not read loses its answer and nothing else.
  const bool sent = fds.empty() ? send_all(connection->fd.get(), line)
                                : send_packet(connection->fd.get(), line, fds);
  if (!sent) log::info("an answer on the control socket was not taken");
  drop(serial);
}

}  // namespace weir::process
