// Privileges: who a worker runs as, and how a child gives up the master's rights for good.
//
// A process that does not run as root can't change who it is: for it only the limits apply
// (no_new_privs, no core of secrets).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct Identity {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

bool is_root();
// `group` empty: the primary group of the user. Reads the account database: not for workers.
std::optional<Identity> find_identity(const std::string& user, const std::string& group);

struct DropOptions {
  const Identity* identity = nullptr;  // nullptr: stay who we are
  bool dumpable = false;               // allow core dumps (a debugging aid: they hold secrets)
};
// Groups, gid, uid, capabilities, no_new_privs, in this order; then verifies that nothing can be
// had back. What failed is named; a child must exit then.
Result<Ok> drop_privileges(const DropOptions& options);

}  // namespace weir
