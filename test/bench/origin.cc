// bench-origin: the origin behind the proxies of `make bench`. As cheap as an origin can be, so
// that what is measured is the proxy: answers are made before the first request, bodies of requests
// are thrown away.
//
//   bench-origin PORT COUNT THREADS      listens at 127.0.0.1, COUNT ports from PORT on
//
// GET /small 128 bytes, /10k, /100k, /1m that many, /chunked 10 KB in four chunks, /html a page of
// 100 KiB; POST to any of them: the same after the whole body. /events: an event every 20 ms, each
// with the time it was sent. Below /keep/: the same for caches, with a max-age. /seen: the head of
// the request itself. Not a server for anything but benchmarks: it understands what the
// proxies under test send (a Content-Length or chunked body), and closes on everything else.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t read_bytes = 256 * 1024;

// What every byte of a body is: the same everywhere, so that the harness can tell a wrong one.
char body_byte(std::size_t at) { return static_cast<char>('a' + at % 26); }

std::string body_of(std::size_t size) {
  std::string body(size, '\0');
  for (std::size_t at = 0; at < size; ++at) body[at] = body_byte(at);
  return body;
}

// Pseudo-random, the same in every run.
class Dice {
 public:
  unsigned below(unsigned most) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>((state_ >> 33) % most);
  }

 private:
  std::uint64_t state_ = 2026;
};

// Words as a language has them: few that are used often, many that are rare.
class Words {
 public:
  explicit Words(Dice& dice) : dice_(dice) {
    for (std::string& word : words_) {
      for (unsigned left = 1 + dice.below(3); left > 0; --left) {
        word += "bcdfghklmnprstvw"[dice.below(16)];
        word += "aeiou"[dice.below(5)];
        if (dice.below(3) == 0) word += "nrst"[dice.below(4)];
      }
    }
  }
  const std::string& next() {
    const unsigned most = 1 + dice_.below(static_cast<unsigned>(words_.size()));
    return words_[dice_.below(most) * dice_.below(most) / static_cast<unsigned>(words_.size())];
  }

 private:
  Dice& dice_;
  std::array<std::string, 2500> words_;
};

// As a page of a shop or a newspaper: markup that repeats, text that does not. zlib makes about a
// third of it.
std::string page_of(std::size_t size) {
  Dice dice;
  Words words(dice);
  const auto text = [&words](unsigned count) {
    std::string out;
    for (; count > 0; --count) out += words.next() + (count > 1 ? " " : "");
    return out;
  };
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><title>" + text(6) + "</title></head><body>\n";
  for (unsigned number = 1; page.size() < size; ++number) {
    char link[64];
    std::snprintf(link, sizeof link, "/item/%u-%06x", number, dice.below(1U << 24));
    page += "<article class=\"card card--wide\" id=\"item-" + std::to_string(number) +
            "\">\n  <h2><a href=\"";
    page += link + ("\">" + text(3 + dice.below(5))) + "</a></h2>\n";
    for (unsigned left = 1 + dice.below(3); left > 0; --left)
      page += "  <p class=\"text\">" + text(20 + dice.below(50)) + ".</p>\n";
    page +=
        "  <span class=\"price\">" + std::to_string(dice.below(9999)) + ".00</span>\n</article>\n";
  }
  page.resize(size);
  return page;
}

std::string answer_of(const std::string& body, const std::string& more, std::string_view type) {
  return "HTTP/1.1 200 OK\r\nServer: origin\r\n" + more + "Content-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string plain(const std::string& body, const std::string& more = {}) {
  return answer_of(body, more, "text/plain");
}

std::string html(const std::string& more) {
  return answer_of(page_of(100 * 1024), more, "text/html; charset=utf-8");
}

const std::string date = "Date: Wed, 25 Nov 2026 10:00:00 GMT\r\n";
// Without a Date: who keeps the answer takes the time it came.
const std::string keep = "Cache-Control: max-age=86400\r\nETag: \"one\"\r\n";

std::string chunked(const std::string& body, std::size_t chunks) {
  std::string answer =
      "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Wed, 25 Nov 2026 10:00:00 GMT\r\nContent-Type: "
      "text/plain\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  const std::size_t each = body.size() / chunks;
  for (std::size_t at = 0; at < body.size(); at += each) {
    const std::string_view part = std::string_view(body).substr(at, each);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    answer.append(size).append(part).append("\r\n");
  }
  return answer + "0\r\n\r\n";
}

using Answers = std::vector<std::pair<std::string, std::string>>;

const Answers& answers() {
  static const Answers all{{"/small", plain(body_of(128), date)},
                           {"/10k", plain(body_of(10 * 1024), date)},
                           {"/100k", plain(body_of(100 * 1024), date)},
                           {"/1m", plain(body_of(1024 * 1024), date)},
                           {"/html", html(date)},
                           {"/chunked", chunked(body_of(10 * 1024), 4)}};
  return all;
}

const Answers& kept_answers() {
  static const Answers all{{"/small", plain(body_of(128), keep)},
                           {"/1k", plain(body_of(1024), keep)},
                           {"/html", html(keep)},
                           {"/30k", plain(body_of(31000), keep)},  // as long as /html in gzip
                           {"/100k", plain(body_of(100 * 1024), keep)},
                           {"/1m", plain(body_of(1024 * 1024), keep)}};
  return all;
}

std::string_view field(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    if (!std::equal(name.begin(), name.end(), line.begin(), same)) continue;
    const auto value = line.substr(name.size() + 1);
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

// The end of a chunked body, found as a proxy writes it: a last chunk, no trailers.
constexpr std::string_view last_chunk = "\r\n0\r\n\r\n";

// An event every 20 ms with the time of the monotonic clock, for a minute or until nobody listens.
void send_events(int fd) {
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const std::string head = "HTTP/1.1 200 OK\r\nServer: origin\r\n" + date +
                           "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";
  bool open = send(fd, head.data(), head.size(), MSG_NOSIGNAL) > 0;
  for (int left = 3000; open && left > 0; --left) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const std::string event =
        "data: " +
        std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) + "\n\n";
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", event.size());
    const std::string chunk = size + event + "\r\n";
    open = send(fd, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0;
  }
  close(fd);
}

struct Connection {
  int fd = -1;
  std::string input;          // an incomplete head
  std::size_t body_left = 0;  // of a request with Content-Length
  bool body_chunked = false;
  std::string tail = "\r\n";  // of a chunked body: the bytes that may be the beginning of its end
  std::string_view answer;    // to send when the body is complete
  std::string own_answer;     // what `answer` looks at for /seen
  std::string_view unsent;
  bool streams = false;  // events, from a thread of their own
};

class Loop {
 public:
  explicit Loop(const std::vector<int>& listeners)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)), listeners_(listeners), buffer_(read_bytes, '\0') {
    for (const int fd : listeners_) watch(fd, EPOLLIN | EPOLLEXCLUSIVE);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int at = 0; at < count; ++at) {
        const int fd = events.at(static_cast<std::size_t>(at)).data.fd;
        if (std::ranges::find(listeners_, fd) != listeners_.end()) {
          accept_one(fd);
        } else if (auto& connection = connections_.at(static_cast<std::size_t>(fd));
                   !serve(*connection)) {
          const bool streams = connection->streams;
          connection.reset();
          if (streams) {
            epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
            std::thread(send_events, fd).detach();
          } else {
            close(fd);
          }
        }
      }
    }
  }

 private:
  void watch(int fd, unsigned events) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_one(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;  // the other thread was faster
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto at = static_cast<std::size_t>(fd);
    if (connections_.size() <= at) connections_.resize(at + 1);
    connections_[at] = std::make_unique<Connection>();
    connections_[at]->fd = fd;
    watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }

  // False: the connection is to be closed.
  bool serve(Connection& c) {
    if (!c.unsent.empty() && !flush(c)) return false;
    for (;;) {
      const ssize_t got = recv(c.fd, buffer_.data(), buffer_.size(), 0);
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      if (got == 0) return false;
      if (!take(c, std::string_view(buffer_).substr(0, static_cast<std::size_t>(got))))
        return false;
      if (static_cast<std::size_t>(got) < buffer_.size())
        return true;  // the edge comes again with the next bytes
    }
  }

  bool take(Connection& c, std::string_view bytes) {
    while (!bytes.empty()) {
      if (c.body_left > 0 || c.body_chunked) {
        bytes.remove_prefix(discard_body(c, bytes));
        if (c.body_left == 0 && !c.body_chunked && !send_answer(c)) return false;
        continue;
      }
      const bool kept = !c.input.empty();
      if (kept) bytes = c.input.append(bytes);
      const auto end = bytes.find("\r\n\r\n");
      if (end == bytes.npos) {
        if (!kept) c.input = bytes;
        return c.input.size() <= head_bytes_max;
      }
      if (!read_head(c, bytes.substr(0, end + 2))) return false;
      const std::string rest{kept ? bytes.substr(end + 4) : std::string_view{}};
      if (kept) c.input.clear();
      if (c.body_left == 0 && !c.body_chunked && !send_answer(c)) return false;
      if (kept) return take(c, rest);
      bytes.remove_prefix(end + 4);
    }
    return true;
  }

  static bool read_head(Connection& c, std::string_view head) {
    const auto target = head.substr(std::min(head.find(' ') + 1, head.size()));
    const auto full = target.substr(0, target.find_first_of(" ?"));
    const auto path = full.substr(std::min(full.rfind('/'), full.size()));
    c.streams = path == "/events";
    if (path == "/seen" || c.streams) {
      c.own_answer = plain(std::string(head));
      c.answer = c.own_answer;
    } else {
      const Answers& all = full.starts_with("/keep/") ? kept_answers() : answers();
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.first == path; });
      if (found == all.end()) return false;
      c.answer = found->second;
    }
    if (const auto length = field(head, "content-length"); !length.empty()) {
      c.body_left = std::strtoul(std::string(length).c_str(), nullptr, 10);
    } else if (!field(head, "transfer-encoding").empty()) {
      c.body_chunked = true;
      c.tail = "\r\n";
    }
    return true;
  }

  // How many of the bytes belong to the body.
  static std::size_t discard_body(Connection& c, std::string_view bytes) {
    if (!c.body_chunked) {
      const std::size_t taken = std::min(c.body_left, bytes.size());
      c.body_left -= taken;
      return taken;
    }
    // Proxies wait for the answer, so that nothing follows the body: only its end has to be told.
    c.tail.append(bytes.substr(bytes.size() - std::min(bytes.size(), last_chunk.size())));
    if (c.tail.size() > last_chunk.size()) c.tail.erase(0, c.tail.size() - last_chunk.size());
    if (c.tail == last_chunk) c.body_chunked = false;
    return bytes.size();
  }

  static bool send_answer(Connection& c) {
    if (c.streams) return false;
    if (!c.unsent.empty())
      return false;  // pipelined behind an answer that doesn't fit: no proxy here does that
    c.unsent = c.answer;
    return flush(c);
  }

  static bool flush(Connection& c) {
    while (!c.unsent.empty()) {
      const ssize_t sent = send(c.fd, c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      c.unsent.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  int epoll_;
  std::vector<int> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::string buffer_;
};

int listen_at(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 4096) != 0) {
    std::perror("bench-origin: listen");
    std::exit(1);
  }
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: bench-origin PORT COUNT THREADS\n", stderr);
    return 2;
  }
  const auto number = [&](int at) { return std::atoi(argv[at]); };
  std::vector<int> listeners(static_cast<std::size_t>(number(2)));
  for (int port = number(1); int& fd : listeners) fd = listen_at(port++);
  std::vector<std::jthread> others(static_cast<std::size_t>(number(3) - 1));
  for (auto& thread : others) thread = std::jthread([&] { Loop(listeners).run(); });
  std::puts("listening");
  std::fflush(stdout);
  Loop(listeners).run();
}
