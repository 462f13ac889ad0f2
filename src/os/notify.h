// Messages to a service manager over $NOTIFY_SOCKET (the sd_notify protocol: one datagram of
// KEY=VALUE lines). Without that variable all of this does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace weir {

class ServiceManager {
 public:
  // Reads the environment, and removes the variables so that no child speaks for us.
  static ServiceManager from_environment();

  bool present() const { return !path_.empty(); }
  bool send(std::string_view lines) const;  // false: absent, or it could not be sent
  bool ready(std::string_view status) const;
  bool reloading(std::string_view status) const;  // with MONOTONIC_USEC
  bool stopping(std::string_view status) const;
  bool status(std::string_view status) const;
  bool watchdog() const;

  // How often it wants to hear watchdog(), halved; nullopt: never.
  std::optional<std::chrono::milliseconds> watchdog_interval() const { return interval_; }

 private:
  std::string path_;
  std::optional<std::chrono::milliseconds> interval_;
};

}  // namespace weir
