// Server: weir-echo's listening sockets and its sessions.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/list.h"
#include "event/loop.h"
#include "http/date.h"
#include "http/limits.h"
#include "net/linger.h"
#include "net/listener.h"
#include "os/fd.h"
#include "os/signals.h"
#include "tools/echo/options.h"
#include "tools/echo/session.h"

namespace weir::echo {

class Server final : public ListenerOwner {
 public:
  // For a client: to send its whole head, and between two bytes of anything else.
  static constexpr std::chrono::milliseconds client_limit{60'000};

  Server(Loop& loop, Options options);
  ~Server();
  Server& operator=(Server&&) = delete;

  // Binds and listens on every address. Empty: done; else what failed, for stderr, and errno tells.
  std::string listen();
  // Before listen() where --tls is asked for: reads or makes the certificate. Empty: done.
  std::string prepare_tls();
  // Takes the words of --obey's file; what was obeyed before goes on when they are wrong. Empty:
  // done.
  std::string obey();
  void close_all();

  // for sessions
  Loop& loop() { return loop_; }
  const Options& options() const { return options_; }
  const Limits& limits() const { return limits_; }
  std::string_view date();
  bool error_is_due();  // --error-rate: this request is one of those
  void log_line(std::string_view line);
  void over(Session& session, bool linger);

 private:
  void on_accept(Listener& listener, Fd fd, const Address& peer) override;
  std::unique_ptr<Transport> make_transport(Fd fd, const Address& peer);

  struct Tls;
  struct Port {
    Address address;
    Fd fd;
    std::unique_ptr<Listener> listener;
  };

  Loop& loop_;
  Options options_;
  const Behaviour asked_;  // by the command line
  Limits limits_;
  DateCache date_;
  BufferPool pool_;  // of TLS records
  std::unique_ptr<Tls> tls_;
  Lingerers lingerers_;
  List<Session> sessions_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::uint64_t requests_ = 0;
};

}  // namespace weir::echo
