#include "process/instance.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "os/process.h"

namespace weir::process {
namespace {

constexpr unsigned workers_max = 64;

}  // namespace

std::string_view name(Generation::State state) {
  switch (state) {
    case Generation::State::starting: return "starting";
    case Generation::State::serving: return "serving";
    case Generation::State::draining: return "draining";
  }
  return {};
}

Generation* Instance::find(std::uint64_t number) const {
  for (const auto& generation : generations) {
    if (generation->number == number) return generation.get();
  }
  return nullptr;
}

std::string identity_of(const conf::Config& config, std::optional<Identity>& out) {
  const auto& setting = config.main.user;
  out.reset();
  if (!is_root()) {
    if (!setting->empty()) {
      log::warn("{}: \"user\" is ignored: the master does not run as root",
                config.place(setting.where));
    }
    return {};
  }
  if (*config.main.insecure_root_workers) return {};
  if (setting->empty()) {
    out = find_identity("weir", "");
    if (!out) out = find_identity("nobody", "");
    return out ? "" : "neither the user \"weir\" nor \"nobody\" exists: name one with \"user\"";
  }
  const auto blank = setting->find(' ');
  const std::string user = setting->substr(0, blank);
  const std::string group = blank == std::string::npos ? "" : setting->substr(blank + 1);
  out = find_identity(user, group);
  if (!out) {
    return fmt::format("{}: user \"{}\" is unknown", config.place(setting.where), *setting);
  }
  if (out->uid == 0) {
    return fmt::format("{}: workers run as root only with \"insecure_root_workers = on\"",
                       config.place(setting.where));
  }
  return {};
}

unsigned workers_of(const conf::Config& config) {
  const auto& setting = *config.main.worker_processes;
  const unsigned count = setting.automatic() ? static_cast<unsigned>(usable_cpus()) : setting.count;
  return std::clamp(count, 1U, workers_max);
}

}  // namespace weir::process
