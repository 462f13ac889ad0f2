#include "os/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace weir {
namespace {

Error failed(std::string_view what) { return Error{Side::self, what}; }

constexpr int lookup_bytes = 16384;

// The bounding set first, while we still may; then the three sets of this thread.
bool clear_capabilities(bool may_bound) {
  if (may_bound) {
    for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap) >= 0; ++cap) {
      if (::prctl(PR_CAPBSET_DROP, cap) != 0 && errno != EINVAL && errno != EPERM) return false;
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // EINVAL: none such before 4.3
  return true;
}

bool empty_capability_sets() {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  return ::syscall(SYS_capset, &head, none.data()) == 0;
}

bool has_capabilities() {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &head, sets.data()) != 0) return true;
  for (const auto& set : sets) {
    if ((set.effective | set.permitted | set.inheritable) != 0) return true;
  }
  return false;
}

}  // namespace

bool is_root() { return ::geteuid() == 0; }

std::optional<Identity> find_identity(const std::string& user, const std::string& group) {
  std::array<char, lookup_bytes> buffer;
  passwd account{};
  passwd* found = nullptr;
  if (::getpwnam_r(user.c_str(), &account, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  Identity out{user, account.pw_uid, account.pw_gid, {}};
  if (!group.empty()) {
    std::array<char, lookup_bytes> group_buffer;
    ::group entry{};
    ::group* found_group = nullptr;
    if (::getgrnam_r(group.c_str(), &entry, group_buffer.data(), group_buffer.size(),
                     &found_group) != 0 ||
        found_group == nullptr) {
      return std::nullopt;
    }
    out.gid = entry.gr_gid;
  }
  int count = 64;
  out.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(user.c_str(), out.gid, out.groups.data(), &count) < 0) {
    out.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user.c_str(), out.gid, out.groups.data(), &count) < 0) return std::nullopt;
  }
  out.groups.resize(static_cast<std::size_t>(count));
  return out;
}

Result<Ok> drop_privileges(const DropOptions& options) {
  const Identity* to = options.identity;
  if (to != nullptr) {
    if (!clear_capabilities(true)) return failed("PR_CAPBSET_DROP");
    if (::setgroups(to->groups.size(), to->groups.data()) != 0) return failed("setgroups()");
    if (::setresgid(to->gid, to->gid, to->gid) != 0) return failed("setresgid()");
    if (::setresuid(to->uid, to->uid, to->uid) != 0) return failed("setresuid()");
    if (!empty_capability_sets()) return failed("capset()");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
  if (::prctl(PR_SET_DUMPABLE, options.dumpable ? 1 : 0) != 0) return failed("PR_SET_DUMPABLE");
  if (to != nullptr && to->uid != 0) {
    if (::setuid(0) == 0 || ::seteuid(0) == 0) return failed("root could be had back");
    if (to->gid != 0 && ::setegid(0) == 0) return failed("the root group could be had back");
    if (has_capabilities()) return failed("capabilities are left");
  }
  return Ok{};
}

}  // namespace weir
