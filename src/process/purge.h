// Purge: what the housekeeper does of `weirctl purge`.
#pragma once

#include <string>

#include "cache/stores.h"
#include "conf/model.h"
#include "process/purge_command.h"

namespace weir::process {

struct Purged {
  bool ok = false;
  std::string text{};  // for people
};
Purged purge(const cache::Stores& stores, const conf::Config& config, const PurgeCommand& command);

}  // namespace weir::process
