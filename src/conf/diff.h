// The reload report: what a new configuration changes, one line each.
//
// "proxy_read_timeout 60s -> 30s in [location api]", "[server web]: listen 8443 ssl added",
// "[upstream api] removed", "worker_processes 2 -> 4 (takes a restart)".
#pragma once

#include <string>
#include <vector>

#include "conf/model.h"

namespace weir::conf {

std::vector<std::string> diff(const Config& old_config, const Config& new_config);

}  // namespace weir::conf
