// UpstreamList: all peers of all upstreams and what is known of them, as JSON, for `weirctl
// upstream list`. Read from the zones by the master: no other process need be well.
#pragma once

#include <string>

#include "conf/model.h"
#include "shm/zones.h"

namespace weir::process {

std::string upstream_list(const conf::Config& config, const shm::Zones& zones);

}  // namespace weir::process
