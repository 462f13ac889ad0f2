// The folders of disk tiers, as the master finds or makes them before a cache keeper starts.
#pragma once

#include <string>

#include "conf/model.h"
#include "os/privileges.h"

namespace weir::process {

// prove: nothing is made. An empty text: all is well; else a line for each complaint.
// `identity`: of the children, null: who the master is.
enum class Folders : unsigned char { prove, make };
std::string prepare_cache_folders(const conf::Config& config, const Identity* identity,
                                  Folders what);

}  // namespace weir::process
