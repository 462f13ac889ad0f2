// Master: the process that owns everything and serves nothing. Joins the parts: what a signal or a
// control command means, what follows from a child's words and death, and how the instance ends.
//
//   starting -> serving -> ending (stop: 2 s; quit: when the last connection has gone) -> over
//                  ^ reload, reopen, retire (WINCH)
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/signals.h"
#include "process/control.h"
#include "process/instance.h"
#include "process/order_desk.h"
#include "process/reload.h"
#include "process/respawn.h"
#include "process/retirement.h"
#include "process/staff.h"
#include "process/watchdog.h"

namespace weir::process {

class Master {
 public:
  struct Setup {
    conf::LoadOptions load_options;
    ServiceManager manager;
    SignalFd signals;
    std::string private_socket;
    bool detached = false;  // from the terminal
  };
  Master(Poller& poller, shm::Zones& zones, Application& application, Setup setup);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Brings the first generation up; `started` is called once, with the outcome. The poller must
  // run. A failed start leaves no child behind when the poller stops.
  void start(Validator::Reading reading, std::string warnings,
             const std::function<void(const Reload::Outcome&)>& started);
  Instance& instance() { return instance_; }
  void on_over(std::function<void()> over) { over_ = std::move(over); }  // before the last answer

 private:
  using ReloadDone = std::function<void(const Reload::Outcome&)>;

  void read_signals();
  void on_signal(const SignalReceived& signal);
  void on_command(const Request& request, const Control::Reply& reply);
  void purge(const PurgeCommand& command, const Control::Reply& reply);
  void on_message(Child& child, const Message& message);
  void on_ready(Child& child);
  void on_death(Child& child, const Ending& ending);

  void want_reload(ReloadDone done);
  void next_reload();
  void reloaded(const std::vector<ReloadDone>& waiting, const Reload::Outcome& outcome);
  std::string reopen();
  void retire_workers();
  void end(bool gracefully);
  void leave_step();
  void rotate_tickets();
  void beat_watchdog();
  std::string status();

  Instance instance_;
  Staff staff_;
  Retirement retirement_;
  Reload reload_;
  Respawn respawn_;
  Watchdog watchdog_;
  OrderDesk orders_;
  Setup setup_;
  Control control_;
  std::deque<std::vector<ReloadDone>> wanted_reloads_;
  Poller::TimerId reload_timer_ = 0;
  Poller::Clock::time_point last_reload_{};
  std::optional<Reload::Outcome> last_outcome_;
  std::vector<Control::Reply> farewells_;
  std::function<void()> over_;
  bool stopping_now_ = false;
};

}  // namespace weir::process
