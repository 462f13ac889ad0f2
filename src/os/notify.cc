#include "os/notify.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "os/address.h"

namespace weir {

ServiceManager ServiceManager::from_environment() {
  ServiceManager out;
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path != nullptr && (path[0] == '/' || path[0] == '@')) out.path_ = path;
  const char* microseconds = std::getenv("WATCHDOG_USEC");
  const char* pid = std::getenv("WATCHDOG_PID");
  const bool ours = pid == nullptr || parse_decimal(pid) == static_cast<std::uint64_t>(getpid());
  if (microseconds != nullptr && ours) {
    if (const auto number = parse_decimal(microseconds); number && *number >= 2000) {
      out.interval_ = std::chrono::milliseconds(*number / 2000);
    }
  }
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  return out;
}

bool ServiceManager::send(std::string_view lines) const {
  if (!present()) return false;
  const auto address = Address::parse("unix:" + path_);
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!address || !fd) return false;
  return ::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, address->data(),
                  address->size()) == static_cast<ssize_t>(lines.size());
}

bool ServiceManager::ready(std::string_view status) const {
  return send("READY=1\nMAINPID=" + std::to_string(getpid()) + "\nSTATUS=" + std::string(status) +
              "\n");
}

bool ServiceManager::reloading(std::string_view status) const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = static_cast<std::uint64_t>(now.tv_sec) * 1000000U +
                            static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
  return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) +
              "\nSTATUS=" + std::string(status) + "\n");
}

bool ServiceManager::stopping(std::string_view status) const {
  return send("STOPPING=1\nSTATUS=" + std::string(status) + "\n");
}
bool ServiceManager::status(std::string_view status) const {
  return send("STATUS=" + std::string(status) + "\n");
}
bool ServiceManager::watchdog() const { return send("WATCHDOG=1\n"); }

}  // namespace weir
