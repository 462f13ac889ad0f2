#include "os/socket.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "os/folder.h"

namespace weir {
namespace {

Error failed(std::string_view what) { return Error{Side::self, what}; }

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

}  // namespace

Result<Fd> bind_tcp(const Address& address, const BindOptions& options) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed("socket()");
  if (!set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return failed("SO_REUSEADDR");
  if (options.reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) {
    return failed("SO_REUSEPORT");
  }
  if (address.kind() == Address::Kind::ipv6 &&
      !set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0)) {
    return failed("IPV6_V6ONLY");
  }
  if (::bind(fd.get(), address.data(), address.size()) != 0) return failed("bind()");
  return fd;
}

Result<UnixListener> bind_unix(std::string_view path, mode_t mode) {
  UnixListener out;
  out.path = std::string(path);
  make_folder_of(path);
  out.temporary = out.path + "." + std::to_string(getpid());
  const auto address = Address::parse("unix:" + out.temporary);
  if (!address) {
    errno = ENAMETOOLONG;
    return failed("bind()");
  }
  out.fd = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd) return failed("socket()");
  ::unlink(out.temporary.c_str());  // of an earlier process with this pid; else there is none
  // Nobody may connect before the mode is set; a mode on the socket itself is not portable.
  const mode_t before = ::umask(0777);
  const int bound = ::bind(out.fd.get(), address->data(), address->size());
  ::umask(before);
  if (bound != 0) return failed("bind()");
  if (::chmod(out.temporary.c_str(), mode) != 0) {
    const int why = errno;
    ::unlink(out.temporary.c_str());
    errno = why;
    return failed("chmod()");
  }
  return out;
}

Result<Ok> publish_unix(UnixListener& listener, int backlog) {
  if (::listen(listener.fd.get(), backlog) != 0) return failed("listen()");
  if (::rename(listener.temporary.c_str(), listener.path.c_str()) != 0) return failed("rename()");
  listener.temporary.clear();
  return Ok{};
}

void discard_unix(UnixListener& listener) {
  if (!listener.temporary.empty()) ::unlink(listener.temporary.c_str());
  listener.temporary.clear();
  listener.fd.reset();
}

Result<Ok> give_up_after(int listening, std::chrono::milliseconds time) {
  const bool probes = time.count() > 0;
  // SO_KEEPALIVE sends the probes; TCP_USER_TIMEOUT says when they, and what else is not
  // acknowledged, were in vain (tcp(7)).
  const auto seconds = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(time).count());
  const bool done =
      set_option(listening, SOL_SOCKET, SO_KEEPALIVE, probes ? 1 : 0) &&
      set_option(listening, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(time.count())) &&
      (!probes || (set_option(listening, IPPROTO_TCP, TCP_KEEPIDLE, std::max(seconds / 2, 1)) &&
                   set_option(listening, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 8, 1)) &&
                   set_option(listening, IPPROTO_TCP, TCP_KEEPCNT, 8)));
  if (!done) return failed("a time limit for connections");
  return Ok{};
}

Result<Ok> listen_on(int fd, int backlog) {
  if (::listen(fd, backlog) != 0) return failed("listen()");
  return Ok{};
}

int somaxconn() {
  std::ifstream file("/proc/sys/net/core/somaxconn");
  int value = 0;
  return file >> value && value > 0 ? value : SOMAXCONN;
}

Result<Ok> steer_at_random(int fd, std::optional<unsigned> count) {
  if (!count) {
    // ENOENT: none was attached, which is what was asked for.
    if (!set_option(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) && errno != ENOENT) {
      return failed("SO_DETACH_REUSEPORT_BPF");
    }
    return Ok{};
  }
  std::array<sock_filter, 3> code = {
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0,
                  static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)},
      sock_filter{BPF_ALU | BPF_MOD | BPF_K, 0, 0, *count},
      sock_filter{BPF_RET | BPF_A, 0, 0, 0},
  };
  const sock_fprog program{code.size(), code.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0) {
    return failed("SO_ATTACH_REUSEPORT_CBPF");
  }
  return Ok{};
}

Result<Fd> connect_unix(std::string_view path, std::chrono::milliseconds limit) {
  const auto address = Address::parse("unix:" + std::string(path));
  if (!address) {
    errno = ENAMETOOLONG;
    return failed("connect()");
  }
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return failed("socket()");
  if (limit.count() > 0) {
    const timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
    for (const int option : {SO_SNDTIMEO, SO_RCVTIMEO}) {
      ::setsockopt(fd.get(), SOL_SOCKET, option, &time, sizeof time);
    }
  }
  if (::connect(fd.get(), address->data(), address->size()) != 0) return failed("connect()");
  return fd;
}

std::optional<PeerCredentials> peer_credentials(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return PeerCredentials{peer.pid, peer.uid, peer.gid};
}

Result<std::pair<Fd, Fd>> packet_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return failed("socketpair()");
  }
  return std::pair<Fd, Fd>(Fd(ends[0]), Fd(ends[1]));
}

bool send_packet(int fd, std::string_view bytes, const std::vector<int>& fds) {
  assert(fds.size() <= packet_fds_max);
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(packet_fds_max * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    const std::size_t size = fds.size() * sizeof(int);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(head), fds.data(), size);
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

Packet receive_packet(int fd, char* out, std::size_t capacity) {
  iovec part{out, capacity};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(packet_fds_max * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  Packet packet;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) packet.state = Packet::State::again;
  if (got <= 0) return packet;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received;
      std::memcpy(&received, CMSG_DATA(head) + i * sizeof(int), sizeof received);
      packet.fds.emplace_back(received);
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Packet{};
  packet.state = Packet::State::got;
  packet.size = static_cast<std::size_t>(got);
  return packet;
}

Result<Ok> set_nonblocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || ::fcntl(fd, F_SETFL, wanted) != 0) return failed("fcntl()");
  return Ok{};
}

}  // namespace weir
