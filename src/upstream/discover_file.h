// DiscoverFile: peers listed in a file. Its folder is watched (inotify), so that a file that is
// renamed into place, or appears after it was missing, is seen at once; a look every few seconds
// finds what no notice comes for (symbolic links to elsewhere, network file systems, a folder that
// was missing).
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/clock.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "os/fd.h"
#include "upstream/discovery_source.h"

namespace weir {

class DiscoverFile final : public DiscoverySource {
 public:
  explicit DiscoverFile(const SourcePlace& place);

  void start() override;
  void look_again(std::chrono::milliseconds delay) override;

  static constexpr std::size_t bytes_max = 1U << 20;

 private:
  struct Seen {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{}, written{};
    bool operator==(const Seen& other) const;
  };

  void watch_folder();
  void noticed();
  void look();
  void read(bool even_if_unchanged);

  SourcePlace place_;
  std::string folder_;
  Fd inotify_;
  bool watching_folder_ = false;
  LevelWatcher watcher_;
  Timer timer_;
  bool wanted_ = true;  // a reading has been asked for, whether the file changed or not ...
  clock::Monotonic wanted_at_{};  // ... from then on
  Seen seen_;
  bool was_seen_ = false;
};

}  // namespace weir
