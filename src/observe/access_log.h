// Access lines: one line per request, rendered in the worker and pushed into its log ring.
//
// combined is nginx's, byte for byte; json has fixed keys; anything else is a template of the
// configuration. A line costs no allocation once the scratch has grown, and no system call but one
// wake of the logger when the ring is half full. One line is one record: a line break in a value of
// an unescaped format becomes a blank, a line longer than shm::line_bytes_max is shortened (json:
// its values are cut, so that it stays json) and says so with "...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conf/model.h"
#include "http/template.h"
#include "shm/zones.h"

namespace weir::observe {

inline constexpr std::string_view combined_format =
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "
    "\"$http_referer\" \"$http_user_agent\"";

// How the lines of one [log] look. Immutable.
class AccessFormat {
 public:
  explicit AccessFormat(const conf::LogConf& conf);  // whose template was checked when it was read

  // Replaces `line` by the line of one request, with its newline; at most shm::line_bytes_max.
  void render(const Values& values, std::string& line) const;

 private:
  conf::LogFormat::Kind kind_;
  Escape escape_ = Escape::log;
  Template text_;  // unused by json
};

// All logs of a configuration, for one worker.
class AccessLogs {
 public:
  AccessLogs(const conf::Config& config, const shm::Zones& zones, shm::SlotId slot);

  // `index`: of the [log] in Config::logs. False when the ring was full: the line is dropped and
  // counted there.
  bool write(std::size_t index, const Values& values);

 private:
  struct Log {
    AccessFormat format;
    shm::Stream stream;
  };
  const shm::Zones& zones_;
  shm::RingWriter ring_;
  std::vector<Log> logs_;
  std::string line_;
  bool woken_ = false;  // the logger knows that more than half of the ring is waiting
};

}  // namespace weir::observe
