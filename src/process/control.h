// Control: the master's side of the control protocol: Unix sockets that answer one request each.
//
// A private socket beside the pid file (0600) is always there, for `weir -s`; those of [admin]
// come and go with the configuration. Whoever connects must be root, the master's user, or able to
// open the socket and in the group that owns it (its mode decides); bounded in number, size and
// time, so that nobody can hold the master up.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "conf/model.h"
#include "os/socket.h"
#include "process/control_protocol.h"
#include "process/poller.h"

namespace weir::process {

class Control {
 public:
  // `reply` may be called later, once, with descriptors to send along; not at all: the connection
  // ends with the master.
  using Reply = std::function<void(const Answer&, const std::vector<int>&)>;
  using Handler = std::function<void(const Request&, Reply)>;

  Control(Poller& poller, Handler handler) : poller_(poller), handler_(std::move(handler)) {}
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // An empty text: done.
  std::string open_private(const std::string& path);
  // Those of [admin] as the configuration has them now; what can't be opened is named.
  std::string follow(const std::vector<conf::ListenConf>& admin);

 private:
  struct Socket {
    std::string path;
    UnixListener listener;
    bool is_private = false;
  };
  struct Connection {
    std::uint64_t serial = 0;
    Fd fd;
    std::string received;
    Poller::TimerId timer = 0;
    bool asked = false;
  };

  std::string open(const std::string& path, mode_t mode, bool is_private);
  void close(Socket& socket);
  void accept(int listening, bool is_private);
  bool allowed(int fd, bool is_private) const;
  void read(std::uint64_t serial);
  void answer(std::uint64_t serial, const Answer& answer, const std::vector<int>& fds);
  Connection* find(std::uint64_t serial);
  void drop(std::uint64_t serial);

  Poller& poller_;
  Handler handler_;
  std::list<Socket> sockets_;
  std::list<Connection> connections_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace weir::process
