// ControlClient: the other side of the control protocol: weir -s, weir --check-zones and weirctl.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "process/control_protocol.h"
#include "process/options.h"

namespace weir::process {

struct Asked {
  std::optional<Answer> answer;
  std::vector<Fd> fds;  // that came with it
  std::string error;    // when there is no answer
  int exit_code = 0;    // what that means for a command (not running, not permitted ...)
};
// Waits for the answer, however long it takes, or for `limit`; for stop and quit until the master
// is gone.
Asked ask(const std::string& socket_path, const Request& request,
          std::chrono::milliseconds limit = {});

// Where the instance that these options mean has its pid file. Also when the configuration is
// broken: that must not keep anybody from stopping the instance.
std::string pid_path_of(const Options& options);

// The private socket where we may use it, else a socket of [admin].
std::string control_socket_of(const Options& options);

// -s and --check-zones: talk to the instance, print, exit status.
int send_signal_to_instance(const Options& options);
int check_zones_of_instance(const Options& options);
int check_zones_at(const std::string& socket_path);
// What a person reads of an answer, on stdout and stderr; the exit status.
int print_answer(std::string_view program, const Asked& asked, Command command, bool quiet);

}  // namespace weir::process
