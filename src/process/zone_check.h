// `--check-zones`: what must hold in the shared memory of an instance, the caches' zones too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cache/stores.h"
#include "os/fd.h"

namespace weir::process {

// Master: how somebody outside finds his way in the caches' zones, as JSON; their descriptors, in
// the same order, behind those that are in `fds` already. As many as one message takes.
std::string describe_caches(const cache::Stores& stores, std::vector<int>& fds);

// The other side: `fds` are those of the caches alone. "cache:pages: ok\n..."
std::string check_caches(std::string_view described, std::span<Fd> fds, bool& all_ok);

}  // namespace weir::process
