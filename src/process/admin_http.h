// AdminHttp: the read-only HTTP of [admin] TCP listeners, answered by the housekeeper:
// GET /status (JSON) and GET /healthz ("ok", or 503 when no worker serves).
//
// One request per connection, `Connection: close`; bounded in number, size and time. Not for
// traffic: it shares the loop with the housekeeper's work.
#pragma once

#include <memory>

#include "event/loop.h"
#include "net/listener.h"
#include "process/instance.h"
#include "shm/zones.h"

namespace weir::process {

class AdminHttp final : public ListenerOwner {
 public:
  static constexpr std::size_t connections_max = 64;
  static constexpr std::chrono::seconds time_limit{10};

  AdminHttp(Loop& loop, shm::Zones& zones, const Generation& generation);
  ~AdminHttp();
  AdminHttp& operator=(AdminHttp&&) = delete;

  void add_listener(int fd);  // stays the caller's
  void on_accept(Listener& listener, Fd fd, const Address& peer) override;

 private:
  class Connection;
  void done(Connection& connection);
  std::string body_for(std::string_view path, int& status) const;

  Loop& loop_;
  shm::Zones& zones_;
  const Generation& generation_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

// Pure: the answer to a complete request head, whole. `body_for` is asked for known paths.
struct AdminRequest {
  int status = 200;  // 400, 404, 405: what is wrong
  std::string path;  // without query
  bool head_only = false;
};
AdminRequest read_admin_request(std::string_view head);
std::string admin_answer(int status, std::string_view type, std::string_view body, bool head_only);

}  // namespace weir::process
