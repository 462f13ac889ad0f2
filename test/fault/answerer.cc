#include "test/fault/answerer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "base/list.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "net/listener.h"

namespace weir::test {
namespace {

constexpr std::chrono::milliseconds idle_limit{1000};  // of a draining worker's connections

class Service;

class Connection : public ListHook<> {
 public:
  Connection(Service& service, Loop& loop, Fd fd);
  bool start() { return static_cast<bool>(watcher_.watch(fd_.get())); }
  bool idle() const { return received_.empty(); }
  void close();

 private:
  void read();
  void answer(std::string_view head);

  Service& service_;
  Loop& loop_;
  Fd fd_;
  Watcher watcher_;
  std::string received_;
  bool closed_ = false;
};

class Service : public process::WorkerService, public ListenerOwner {
 public:
  explicit Service(const process::WorkerStart& start)
      : loop_(start.loop),
        owner_(start.zones.slots, start.slot),
        idle_timer_(
            start.loop, [](void* self) { static_cast<Service*>(self)->drop_idle(); }, this) {}
  ~Service() override { drop_all(); }

  void add_listener(int fd, const conf::ListenConf&) override {
    listeners_.push_back(std::make_unique<Listener>(loop_, fd, *this));
    if (!listeners_.back()->start()) ::abort();
  }
  void remove_listener(int fd) override {
    std::erase_if(listeners_, [&](const auto& listener) { return listener->fd() == fd; });
  }
  void stop_accepting() override { listeners_.clear(); }
  void drain(void (*on_empty)(void*), void* owner) override {
    draining_ = true;
    on_empty_ = on_empty;
    on_empty_owner_ = owner;
    idle_timer_.arm(idle_limit);
    left();
  }
  void drop_idle() override {
    for (Connection& connection : connections_) {
      if (connection.idle()) connection.close();
    }
  }
  void drop_tunnels() override {}
  void drop_all() override {
    for (Connection& connection : connections_) connection.close();
  }
  std::size_t live_connections() const override { return connections_.size(); }

  void on_accept(Listener&, Fd fd, const Address&) override {
    auto connection = std::make_unique<Connection>(*this, loop_, std::move(fd));
    if (!connection->start()) return;
    connections_.push_back(*connection.release());  // close() destroys it
  }
  void left() {
    if (draining_ && connections_.empty()) on_empty_(on_empty_owner_);
  }
  bool draining() const { return draining_; }
  shm::SlotOwner& slot() { return owner_; }

 private:
  Loop& loop_;
  shm::SlotOwner owner_;
  Timer idle_timer_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  List<Connection> connections_;
  bool draining_ = false;
  void (*on_empty_)(void*) = nullptr;
  void* on_empty_owner_ = nullptr;
};

Connection::Connection(Service& service, Loop& loop, Fd fd)
    : service_(service),
      loop_(loop),
      fd_(std::move(fd)),
      watcher_(
          loop, [](void* self, Ready) { static_cast<Connection*>(self)->read(); }, this) {}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  watcher_.stop();
  unlink();
  loop_.destroy_later(std::unique_ptr<Connection>(this));
  service_.left();
}

void Connection::read() {
  for (;;) {
    char bytes[4096];
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return close();
    received_.append(bytes, static_cast<std::size_t>(got));
    for (auto end = received_.find("\r\n\r\n"); end != std::string::npos && !closed_;
         end = received_.find("\r\n\r\n")) {
      const std::string head = received_.substr(0, end + 4);
      received_.erase(0, end + 4);
      answer(head);
    }
    if (closed_) return;
  }
}

void Connection::answer(std::string_view head) {
  if (head.starts_with("GET /hang")) {
    service_.slot().leave({"GET", "test", "/hang", {}, "answering"});
    for (;;) ::pause();
  }
  if (head.starts_with("GET /crash")) {
    service_.slot().leave({"GET", "test", "/crash", {}, "answering"});
    ::raise(SIGSEGV);
  }
  const bool last = service_.draining() || head.find("Connection: close") != head.npos;
  const std::string body = std::to_string(::getpid()) + "\n";
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                           (last ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n") + body;
  const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  if (last || sent != static_cast<ssize_t>(text.size())) close();
}

class Plan : public process::Blueprint {
 public:
  std::unique_ptr<process::WorkerService> start(const process::WorkerStart& start) const override {
    return std::make_unique<Service>(start);
  }
};

}  // namespace

std::unique_ptr<process::Blueprint> Answerer::prepare(const conf::Config&, conf::Inputs&,
                                                      shm::Zones*, process::Purpose, std::string&) {
  return std::make_unique<Plan>();
}

}  // namespace weir::test
