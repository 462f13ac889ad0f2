// fault-load: clients in a closed loop that account for the fate of every connection.
//
//   fault-load --port N[,N...] [--fresh N] [--kept N] [--pause-ms N] [--timeout-ms N]
//              [--path P] [--expect BODY] --stats FILE
//
// A fresh client opens a connection for each request; a kept one goes on with its connection until
// the server says close. Runs until SIGTERM, then lets what is open come to its end. Counters and
// latencies stand in FILE (layout: struct Stats; load.py reads it while we run). What a client saw
// of a failed connection is named on stderr, the first 40 times.
//
// A request that was sent counts as lost, whatever the reason, unless its whole answer came.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

enum class Fate : unsigned {
  answered,
  other_status,  // a whole answer, not 200
  refused,
  reset,
  unanswered,  // closed before the first byte of an answer
  truncated,   // closed inside an answer
  wrong,       // not the bytes that were expected
  timeout,
  local,  // our own fault: no port, no descriptor
  count
};
constexpr const char* fate_names[] = {"answered",  "other_status", "refused", "reset", "unanswered",
                                      "truncated", "wrong",        "timeout", "local"};

constexpr unsigned fates = static_cast<unsigned>(Fate::count);
constexpr unsigned sub_buckets = 32, buckets = 32 * sub_buckets;

// Index 0: fresh clients, 1: kept ones.
struct Stats {
  std::uint64_t fate[2][fates];
  std::uint64_t opened[2];    // connections
  std::uint64_t closed_idle;  // kept connections that ended between two requests
  // Of what was answered, connect() or send() to last byte: fresh clients, kept ones, and fresh
  // ones that began after the last SIGUSR1.
  std::uint64_t latency_us[3][buckets];
};

unsigned bucket_of(std::uint64_t us) {  // exact to 1/32 of the value
  if (us < sub_buckets) return static_cast<unsigned>(us);
  const auto magnitude = static_cast<unsigned>(std::bit_width(us)) - 6;
  const unsigned index =
      (magnitude + 1) * sub_buckets + static_cast<unsigned>((us >> magnitude) & (sub_buckets - 1));
  return index < buckets ? index : buckets - 1;
}

struct Options {
  std::vector<std::uint16_t> ports;
  unsigned fresh = 64, kept = 0;
  milliseconds pause{0}, timeout{5000};
  std::string path = "/", expect = "ok", stats;
};

struct Client {
  enum class State : unsigned char { waiting, connecting, reading, pausing, ended };
  bool kept = false;
  std::uint16_t port = 0;
  unsigned number = 0;
  State state = State::waiting;
  int fd = -1;
  unsigned requests = 0;  // on this connection
  Clock::time_point started{};
  std::string received;
};

class Load {
 public:
  Load(Options options, Stats& stats) : options_(std::move(options)), stats_(stats) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    epoll_event event{EPOLLIN, {.ptr = nullptr}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, signals_, &event);
    clients_.resize(options_.fresh + options_.kept);
    for (unsigned i = 0; i < clients_.size(); ++i) {
      clients_[i].kept = i >= options_.fresh;
      clients_[i].number = i;
      clients_[i].port = options_.ports[i % options_.ports.size()];
    }
    fresh_request_ = "GET " + options_.path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    kept_request_ = "GET " + options_.path + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }

  void run() {
    for (Client& client : clients_) open(client);
    while (ended_ < clients_.size()) turn();
  }

 private:
  void turn() {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, 5);
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        read_signals();
      } else {
        on_event(*static_cast<Client*>(events[i].data.ptr), events[i].events);
      }
    }
    while (!later_.empty() && later_.front().first <= now_) {
      Client& client = *later_.front().second;
      later_.pop_front();
      if (client.state == Client::State::waiting) open(client);
      if (client.state == Client::State::pausing) send(client);
    }
    if (now_ - last_sweep_ > milliseconds(50)) sweep();
  }

  void read_signals() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM) stopping_ = true;
      if (info.ssi_signo == SIGUSR1) mark_ = Clock::now();
    }
  }

  void sweep() {
    last_sweep_ = now_;
    for (Client& client : clients_) {
      const bool open =
          client.state == Client::State::connecting || client.state == Client::State::reading;
      if (open && now_ - client.started > options_.timeout) over(client, Fate::timeout, 0);
      if (stopping_ &&
          (client.state == Client::State::pausing || client.state == Client::State::waiting)) {
        end(client);
      }
    }
  }

  void open(Client& client) {
    if (stopping_) return end(client);
    client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    client.started = Clock::now();
    client.requests = 0;
    if (client.fd < 0) return over(client, Fate::local, errno);
    const int on = 1;
    ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(client.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    // Many addresses: ports of one are soon used up by connections that are in TIME_WAIT.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f010001U + (next_source_++ % 250U) * 256U);
    if (::bind(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return over(client, Fate::local, errno);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(client.port);
    ++stats_.opened[client.kept];
    client.state = Client::State::connecting;
    if (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
      return failed(client, errno);
    }
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = &client}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) != 0)
      return over(client, Fate::local, errno);
  }

  void on_event(Client& client, std::uint32_t what) {
    switch (client.state) {
      case Client::State::connecting:
        if ((what & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) send(client);
        return;
      case Client::State::reading:
        if ((what & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) read(client);
        return;
      case Client::State::pausing:
        if ((what & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
          ++stats_.closed_idle;
          open_again(client);
        }
        return;
      case Client::State::waiting:
      case Client::State::ended: return;
    }
  }

  void send(Client& client) {
    const std::string& request = client.kept ? kept_request_ : fresh_request_;
    if (client.state == Client::State::pausing) client.started = Clock::now();
    const ssize_t sent = ::send(client.fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;  // an event of the connection before this one
    if (sent < 0) return failed(client, errno);
    ++client.requests;
    client.received.clear();
    client.state = Client::State::reading;
  }

  void read(Client& client) {
    char bytes[4096];
    for (;;) {
      const ssize_t got = ::recv(client.fd, bytes, sizeof bytes, 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) return failed(client, errno);
      if (got == 0)
        return over(client, client.received.empty() ? Fate::unanswered : Fate::truncated, 0);
      client.received.append(bytes, static_cast<std::size_t>(got));
      if (whole(client)) return answered(client);
    }
  }

  // Is the answer there to its end? What has no Content-Length is never whole, so it is noticed.
  static bool whole(const Client& client) {
    const auto head_end = client.received.find("\r\n\r\n");
    if (head_end == std::string::npos) return false;
    const char* const field = strcasestr(client.received.c_str(), "\r\nContent-Length: ");
    if (field == nullptr || field > client.received.c_str() + head_end) return false;
    const std::size_t length = std::strtoul(field + 18, nullptr, 10);
    return client.received.size() >= head_end + 4 + length;
  }

  void answered(Client& client) {
    const std::string_view all = client.received;
    const std::string_view head = all.substr(0, all.find("\r\n\r\n") + 4);
    if (!head.starts_with("HTTP/1.1 ")) return over(client, Fate::wrong, 0);
    const bool ok = head.substr(9, 4) == "200 ";
    if (ok && all.substr(head.size()) != options_.expect) return over(client, Fate::wrong, 0);
    const auto us =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - client.started);
    const unsigned bucket = bucket_of(static_cast<std::uint64_t>(us.count()));
    ++stats_.latency_us[client.kept][bucket];
    if (!client.kept && client.started >= mark_) ++stats_.latency_us[2][bucket];
    count(client, ok ? Fate::answered : Fate::other_status);
    const char* const text = client.received.c_str();
    const char* const closes = strcasestr(text, "\r\nConnection: close\r\n");
    const bool last =
        !client.kept || stopping_ || (closes != nullptr && closes < text + head.size());
    if (last) return open_again(client);
    client.started = Clock::now();
    client.state = Client::State::pausing;
    if (options_.pause.count() == 0) return send(client);
    later_.emplace_back(now_ + options_.pause, &client);
  }

  void failed(Client& client, int error) {
    switch (error) {
      case ECONNREFUSED: return over(client, Fate::refused, error);
      case ECONNRESET:
      case EPIPE: return over(client, Fate::reset, error);
      default: return over(client, Fate::local, error);
    }
  }

  void count(const Client& client, Fate fate) {
    ++stats_.fate[client.kept][static_cast<unsigned>(fate)];
  }

  // The connection ended badly; the next one is tried a little later.
  void over(Client& client, Fate fate, int error) {
    count(client, fate);
    if (said_++ < 40) {
      const std::chrono::duration<double, std::milli> age = Clock::now() - client.started;
      const std::chrono::duration<double> at = Clock::now() - began_;
      std::fprintf(stderr,
                   "%.3f s: %s client, request %u of its connection: %s%s%s after %.1f ms\n",
                   at.count(), client.kept ? "kept" : "fresh", client.requests,
                   fate_names[static_cast<unsigned>(fate)], error != 0 ? ", " : "",
                   error != 0 ? std::strerror(error) : "", age.count());
    }
    if (client.fd >= 0) ::close(client.fd);
    client.fd = -1;
    client.state = Client::State::waiting;
    retry(client);
  }

  void retry(Client& client) {
    // In the order of time, for which all waits must be equal; this one is rare.
    const auto at = now_ + milliseconds(5);
    auto place = later_.end();
    while (place != later_.begin() && std::prev(place)->first > at) --place;
    later_.insert(place, {at, &client});
  }

  void open_again(Client& client) {
    ::close(client.fd);
    client.fd = -1;
    client.state = Client::State::waiting;
    std::erase_if(later_, [&](const auto& entry) { return entry.second == &client; });
    open(client);
  }

  void end(Client& client) {
    if (client.fd >= 0) ::close(client.fd);
    client.fd = -1;
    client.state = Client::State::ended;
    ++ended_;
  }

  Options options_;
  Stats& stats_;
  int epoll_ = -1, signals_ = -1;
  std::vector<Client> clients_;
  std::deque<std::pair<Clock::time_point, Client*>> later_;
  std::string fresh_request_, kept_request_;
  Clock::time_point began_ = Clock::now(), now_ = Clock::now(), last_sweep_{};
  Clock::time_point mark_ = Clock::time_point::max();
  unsigned next_source_ = 0, said_ = 0;
  std::size_t ended_ = 0;
  bool stopping_ = false;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    const auto number = static_cast<unsigned>(std::strtoul(value.c_str(), nullptr, 10));
    if (name == "--port") {
      for (const char* at = value.c_str(); at != nullptr && *at != '\0';) {
        options.ports.push_back(static_cast<std::uint16_t>(std::strtoul(at, nullptr, 10)));
        at = std::strchr(at, ',');
        if (at != nullptr) ++at;
      }
    } else if (name == "--fresh") {
      options.fresh = number;
    } else if (name == "--kept") {
      options.kept = number;
    } else if (name == "--pause-ms") {
      options.pause = milliseconds(number);
    } else if (name == "--timeout-ms") {
      options.timeout = milliseconds(number);
    } else if (name == "--path") {
      options.path = value;
    } else if (name == "--expect") {
      options.expect = value;
    } else if (name == "--stats") {
      options.stats = value;
    } else {
      std::fprintf(stderr, "fault-load: unknown option %s\n", argv[i]);
      std::exit(2);
    }
  }
  if (options.ports.empty() || options.stats.empty()) {
    std::fprintf(stderr, "fault-load: --port and --stats are needed\n");
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const int file = ::open(options.stats.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || ::ftruncate(file, sizeof(Stats)) != 0) give_up(options.stats.c_str());
  void* const at = ::mmap(nullptr, sizeof(Stats), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) give_up("mmap");
  Load(options, *static_cast<Stats*>(at)).run();
  return 0;
}
