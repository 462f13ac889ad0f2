// Folders for what the master writes: pid file, sockets, logs.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace weir {

// Makes the folders that `file` (absolute) lies in where they are missing, mode 0755 whatever the
// umask. Says nothing when it can't: opening the file says why, with the file's name.
void make_folder_of(std::string_view file);

// Makes `folder` in one that is there, private to `uid`; one that is there already is given to it.
// False: errno says why.
bool make_private_folder(const std::string& folder, uid_t uid, gid_t gid);

}  // namespace weir
