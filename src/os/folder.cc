#include "os/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

namespace weir {

void make_folder_of(std::string_view file) {
  const std::string path(file.substr(0, file.rfind('/') + 1));
  for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    // Only one that we made gets a mode: the umask of a daemon would keep other users out of it.
    if (::mkdir(folder.c_str(), 0755) == 0) ::chmod(folder.c_str(), 0755);
  }
}

bool make_private_folder(const std::string& folder, uid_t uid, gid_t gid) {
  constexpr mode_t mode = 0700;
  if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) return false;
  // By its descriptor: what lies at the path may be another thing by now.
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat is {};
  if (!fd || ::fstat(fd.get(), &is) != 0) return false;
  if (is.st_uid == uid && is.st_gid == gid && (is.st_mode & 07777) == mode) return true;
  return ::fchown(fd.get(), uid, gid) == 0 && ::fchmod(fd.get(), mode) == 0;
}

}  // namespace weir
