// PidFile: the pid of the master in a file that is locked as long as the master lives.
//
// The lock decides whether an instance runs, never the file's existence: what a killed master left
// behind is taken over. Children close the descriptor, so the lock dies with the master.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "os/fd.h"

namespace weir::process {

class PidFile {
 public:
  struct Taken;
  // Locks and writes. `path` absolute; missing folders are made.
  static Taken take(const std::string& path, pid_t pid);
  // The pid of the instance that holds the lock; nullopt: none runs.
  static std::optional<pid_t> holder(const std::string& path);

  PidFile() = default;
  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = default;
  const std::string& path() const { return path_; }
  void remove();  // at the end of the master

 private:
  std::string path_;
  Fd fd_;
};

struct PidFile::Taken {
  std::optional<PidFile> file;
  pid_t holder = 0;   // another instance has it (0 with no file: see error)
  std::string error;  // "open(/run/weir.pid): Permission denied"
};

}  // namespace weir::process
