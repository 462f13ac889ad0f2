// LogFiles: the log files of an instance and their streams in the log rings.
//
// Opened by the master, which has the right to, and handed to the logger; nobody else writes them
// (but a crash handler, which has the error log's descriptor). Stream 0 is the error log. A path
// keeps its stream over reloads for as long as any generation writes to it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "conf/model.h"
#include "os/fd.h"

namespace weir::process {

class LogFiles {
 public:
  static constexpr std::uint16_t error_stream = 0;
  static constexpr std::uint16_t streams_max = 64;

  struct File {
    std::uint16_t stream;
    int fd;
  };

  // Opens what `config` names and is not open yet, and sets LogConf::stream. An empty text: done;
  // else why not, and nothing has changed for other generations. release() undoes it either way.
  std::string open_for(conf::Config& config, std::uint64_t generation);
  // The generation has gone. The streams that nobody writes to any more (the logger lets go).
  std::vector<std::uint16_t> release(std::uint64_t generation);

  // Opens all files anew (after they were renamed). What can't be opened keeps its old file and is
  // named in the text.
  std::string reopen();

  std::vector<File> files() const;
  int error_log_fd() const;  // non-blocking where the kind of file allows it
  bool error_log_is_stderr() const;

 private:
  struct Entry {
    conf::LogFile file;
    Fd fd;
    std::set<std::uint64_t> users;
    bool open() const { return static_cast<bool>(fd); }
  };
  std::string take(std::size_t stream, const conf::LogFile& file, std::uint64_t generation);
  std::string open_access_log(conf::LogConf& log, std::uint64_t generation);

  std::vector<Entry> entries_;  // by stream
};

// A log file for appending; the text says why not.
Fd open_log(const conf::LogFile& file, std::string& why);

}  // namespace weir::process
