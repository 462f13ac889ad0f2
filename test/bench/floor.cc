// bench-floor: what sockets cost. Beside the proxies of `make bench` it marks how cheap a proxy
// could be that did nothing: it parses nothing, has neither limits nor timeouts, and moves bytes
// between a client and the connection to an origin that is made with it. One read and one write
// each way, edge-triggered, both sockets registered once.
//
//   bench-floor PORT WORKERS ORIGIN_PORT...      listens at 127.0.0.1; workers are processes that
//   share the port
//
// Not a server for anything but benchmarks.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t events_of_a_turn = 256;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

int new_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// One socket of the two that belong together. What its partner sent and it did not take is in
// `unsent`; until that is gone, the partner is not read.
struct Side {
  int fd = -1;
  Side* partner = nullptr;
  std::string unsent;
  bool readable = false;
};

class Worker {
 public:
  Worker(int port, std::vector<int> origins) : origins_(std::move(origins)), buffer_(read_bytes) {
    listening_ = new_socket();
    const int on = 1;
    setsockopt(listening_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      fail("bind");
    if (listen(listening_, 4096) != 0) fail("listen");
    watch(listening_, nullptr, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, events_of_a_turn> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int at = 0; at < count; ++at) {
        auto* side = static_cast<Side*>(events[static_cast<std::size_t>(at)].data.ptr);
        if (side == nullptr) {
          take();
        } else {
          obey(*side, events[static_cast<std::size_t>(at)].events);
        }
      }
      for (Side* side : ended_) delete side;
      ended_.clear();
    }
  }

 private:
  void watch(int fd, Side* side, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = side;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void take() {
    int client = -1;
    while ((client = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int origin = new_socket();
      const sockaddr_in address = loopback(origins_[next_++ % origins_.size()]);
      if (connect(origin, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
          errno != EINPROGRESS) {
        close(client);
        close(origin);
        continue;
      }
      auto* front = new Side{client, nullptr, {}, false};
      auto* back = new Side{origin, front, {}, false};
      front->partner = back;
      watch(client, front, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      watch(origin, back, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void obey(Side& side, std::uint32_t events) {
    if (side.fd < 0) return;  // ended earlier in this turn
    if ((events & EPOLLIN) != 0) side.readable = true;
    if ((events & EPOLLOUT) != 0 && !side.unsent.empty()) {
      send_on(side, side.unsent.data(), side.unsent.size(), true);
      if (side.fd >= 0 && side.unsent.empty()) move_from(*side.partner);
    }
    if (side.fd >= 0 && side.readable) move_from(side);
    // what is to come is lost: nobody here ends a connection in the middle of an answer
    if (side.fd >= 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end(side);
  }

  // A short read says that there is no more: one read for each message.
  void move_from(Side& side) {
    Side& to = *side.partner;
    while (side.fd >= 0 && side.readable && to.unsent.empty()) {
      const ssize_t got = recv(side.fd, buffer_.data(), buffer_.size(), 0);
      if (got <= 0) {
        side.readable = false;
        if (got == 0 || errno != EAGAIN) end(side);
        return;
      }
      if (static_cast<std::size_t>(got) < buffer_.size()) side.readable = false;
      send_on(to, buffer_.data(), static_cast<std::size_t>(got), false);
    }
  }

  void send_on(Side& side, const char* data, std::size_t size, bool is_unsent) {
    const ssize_t sent = send(side.fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) {
      end(side);
      return;
    }
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (is_unsent) {
      side.unsent.erase(0, done);
    } else {
      side.unsent.assign(data + done, size - done);
    }
  }

  void end(Side& side) {
    for (Side* one : {&side, side.partner}) {
      close(one->fd);
      one->fd = -1;
      ended_.push_back(one);
    }
  }

  std::vector<int> origins_;
  std::vector<char> buffer_;
  std::vector<Side*> ended_;
  std::size_t next_ = 0;
  int listening_ = -1;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: bench-floor PORT WORKERS ORIGIN_PORT...\n", stderr);
    return 2;
  }
  const int port = std::atoi(argv[1]);
  std::vector<int> origins;
  for (int at = 3; at < argc; ++at) origins.push_back(std::atoi(argv[at]));
  for (int worker = 0; worker < std::atoi(argv[2]); ++worker) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      Worker(port, origins).run();
    }
  }
  while (wait(nullptr) > 0) {
  }
  return 0;
}
