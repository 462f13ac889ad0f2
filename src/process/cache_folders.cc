#include "process/cache_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/handle.h"
#include "os/fd.h"

namespace weir::process {
namespace {

constexpr mode_t private_mode = 0700;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// One that is empty, or has the journal of a disk tier, was meant for this; another may be
// anything.
bool is_ours_to_give(int folder) {
  Handle<DIR, &::closedir> stream(::fdopendir(::fcntl(folder, F_DUPFD_CLOEXEC, 3)));
  if (stream == nullptr) return false;
  bool empty = true;
  while (const dirent* const it = ::readdir(stream.get())) {
    const std::string_view name = it->d_name;
    if (name == "journal") return true;
    empty = empty && (name == "." || name == "..");
  }
  return empty;
}

bool may_write(const struct stat& is, const Identity& identity) {
  if (is.st_uid == identity.uid) return (is.st_mode & private_mode) == private_mode;
  const auto& groups = identity.groups;
  const bool in_group = is.st_gid == identity.gid ||
                        std::find(groups.begin(), groups.end(), is.st_gid) != groups.end();
  return (is.st_mode & (in_group ? 030U : 03U)) == (in_group ? 030U : 03U);
}

std::string failed(std::string_view what, const std::string& path) {
  return fmt::format("\"{}\" {} ({}: {})", path, what, errno, std::strerror(errno));
}

// Empty: the children can write there.
std::string prepare(const std::string& path, const Identity* identity, Folders what) {
  const bool make = what == Folders::make;
  if (make && ::mkdir(path.c_str(), private_mode) == 0 && identity != nullptr &&
      ::chown(path.c_str(), identity->uid, identity->gid) != 0) {
    return failed("can't be given to the user", path);
  }
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat is {};
  if (!folder && errno == ENOENT) {
    if (::stat(parent_of(path).c_str(), &is) != 0 || !S_ISDIR(is.st_mode)) {
      return fmt::format("\"{}\" can't be made: there is no folder \"{}\"; make that one", path,
                         parent_of(path));
    }
    return make ? failed("can't be made", path) : "";
  }
  if (!folder && errno == ENOTDIR) return fmt::format("\"{}\" is not a folder", path);
  if (!folder || ::fstat(folder.get(), &is) != 0) return failed("can't be opened", path);
  if (identity == nullptr) {
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    return fmt::format("\"{}\" can't be written by the user that weir runs as", path);
  }
  if (may_write(is, *identity)) return {};
  if (is_ours_to_give(folder.get())) {
    if (!make) return {};
    if (::fchown(folder.get(), identity->uid, identity->gid) == 0 &&
        ::fchmod(folder.get(), private_mode) == 0) {
      return {};
    }
    return failed("can't be given to the user", path);
  }
  return fmt::format(
      "\"{0}\" can't be written by the user \"{1}\", and holds other things: name a folder that is "
      "not there yet, or chown {1} {0}",
      path, identity->user);
}

}  // namespace

std::string prepare_cache_folders(const conf::Config& config, const Identity* identity,
                                  Folders what) {
  std::string why;
  for (const conf::CacheConf& cache : config.caches) {
    if (cache.path->empty()) continue;
    const std::string complaint = prepare(cache.path->path, identity, what);
    if (complaint.empty()) continue;
    why += fmt::format("{}: [cache {}] path {}\n", config.place(cache.path.where), cache.name,
                       complaint);
  }
  return why;
}

}  // namespace weir::process
