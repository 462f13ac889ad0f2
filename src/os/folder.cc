#include "os/folder.h"

#include <sys/stat.h>

#include <string>

namespace weir {

void make_folder_of(std::string_view file) {
  const std::string path(file.substr(0, file.rfind('/') + 1));
  for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    // Only one that we made gets a mode: the umask of a daemon would keep other users out of it.
    if (::mkdir(folder.c_str(), 0755) == 0) ::chmod(folder.c_str(), 0755);
  }
}

}  // namespace weir
