#include "process/admin_http.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/log.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "http/h1_parser.h"
#include "http/status.h"
#include "process/status.h"

namespace weir::process {
namespace {

constexpr std::string_view status_path = "/status", health_path = "/healthz";

}  // namespace

AdminRequest read_admin_request(std::string_view head) {
  AdminRequest out;
  RequestHead request;
  const Limits limits;
  if (!parse_request_head(head, limits, request)) {
    out.status = 400;
    return out;
  }
  out.head_only = request.method == Method::head;
  out.path = std::string(request.target.substr(0, request.target.find('?')));
  if (request.method != Method::get && request.method != Method::head) out.status = 405;
  if (out.path != status_path && out.path != health_path) out.status = 404;
  return out;
}

std::string admin_answer(int status, std::string_view type, std::string_view body, bool head_only) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n{}Connection: close\r\n\r\n{}",
      status, reason_phrase(static_cast<std::uint16_t>(status)), type, body.size(),
      status == 405 ? "Allow: GET, HEAD\r\n" : "", head_only ? std::string_view() : body);
}

class AdminHttp::Connection {
 public:
  Connection(AdminHttp& owner, Fd fd)
      : owner_(owner),
        fd_(std::move(fd)),
        watcher_(
            owner.loop_, [](void* self, Ready) { static_cast<Connection*>(self)->move(); }, this),
        timer_(
            owner.loop_, [](void* self) { static_cast<Connection*>(self)->finish(); }, this) {}

  bool start() {
    timer_.arm(time_limit);
    return static_cast<bool>(watcher_.watch(fd_.get()));
  }

 private:
  void move() {
    if (finished_) return;
    if (answer_.empty() && !read()) return;
    write();
  }

  // True: there is an answer to write.
  bool read() {
    const Limits limits;
    for (;;) {
      char bytes[4096];
      const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return false;
      if (got <= 0) {
        finish();
        return false;
      }
      request_.append(bytes, static_cast<std::size_t>(got));
      const auto end = find_head_end(request_, scan_, limits);
      if (!end) {
        answer_ = admin_answer(400, "text/plain", "bad request\n", false);
        return true;
      }
      if (*end == 0) continue;
      answer_ = answer_to(read_admin_request(std::string_view(request_).substr(0, *end)));
      return true;
    }
  }

  std::string answer_to(const AdminRequest& request) const {
    int status = request.status;
    if (status != 200) {
      return admin_answer(status, "text/plain",
                          std::string(reason_phrase(static_cast<std::uint16_t>(status))) + "\n",
                          request.head_only);
    }
    const std::string body = owner_.body_for(request.path, status);
    return admin_answer(status, request.path == status_path ? "application/json" : "text/plain",
                        body, request.head_only);
  }

  void write() {
    while (sent_ < answer_.size()) {
      const ssize_t sent =
          ::send(fd_.get(), answer_.data() + sent_, answer_.size() - sent_, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) return finish();
      sent_ += static_cast<std::size_t>(sent);
    }
    if (!shut_) {
      shut_ = true;
      ::shutdown(fd_.get(), SHUT_WR);
    }
    // Read until the client closes: closing with bytes unread would reset the answer away.
    char rest[4096];
    ssize_t got;
    while ((got = ::recv(fd_.get(), rest, sizeof rest, 0)) > 0) {
      drained_ += static_cast<std::size_t>(got);
      if (drained_ > drained_max) return finish();
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) finish();
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    owner_.done(*this);
  }

  static constexpr std::size_t drained_max = 64 * 1024;

  AdminHttp& owner_;
  Fd fd_;
  Watcher watcher_;
  Timer timer_;
  HeadScan scan_;
  std::string request_, answer_;
  std::size_t sent_ = 0, drained_ = 0;
  bool shut_ = false, finished_ = false;
};

AdminHttp::AdminHttp(Loop& loop, shm::Zones& zones, const Generation& generation)
    : loop_(loop), zones_(zones), generation_(generation) {}
AdminHttp::~AdminHttp() = default;

void AdminHttp::add_listener(int fd) {
  auto listener = std::make_unique<Listener>(loop_, fd, *this);
  if (const auto started = listener->start(); !started) {
    log::error("an admin listener can't be watched: {}", started.error().what);
    return;
  }
  listeners_.push_back(std::move(listener));
}

void AdminHttp::on_accept(Listener&, Fd fd, const Address&) {
  if (connections_.size() >= connections_max) return;  // closes it
  auto connection = std::make_unique<Connection>(*this, std::move(fd));
  if (!connection->start()) return;
  connections_.push_back(std::move(connection));
}

void AdminHttp::done(Connection& connection) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& other) { return other.get() == &connection; });
  if (found == connections_.end()) return;
  loop_.destroy_later(std::move(*found));
  connections_.erase(found);
}

std::string AdminHttp::body_for(std::string_view path, int& status) const {
  if (path == status_path) {
    StatusFacts facts;
    facts.generation = generation_.number;
    facts.upstreams = facts_of(*generation_.config);
    facts.stores = generation_.blueprint->stores();
    return status_document(zones_, facts);
  }
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones_.slots.info(i);
    if (info.role == shm::Role::worker && info.state == shm::SlotState::ready) return "ok\n";
  }
  status = 503;
  return "no worker serves\n";
}

}  // namespace weir::process
