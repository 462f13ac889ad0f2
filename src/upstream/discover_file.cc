#include "upstream/discover_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "upstream/peer_list.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds settle{20};           // notices come in bursts
constexpr milliseconds look_interval{5000};  // for what no notice comes

constexpr std::uint32_t notices = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

std::string failure(std::string_view what) {
  return fmt::format("{} ({}: {})", what, errno, std::strerror(errno));
}

}  // namespace

bool DiscoverFile::Seen::operator==(const Seen& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         same_time(changed, other.changed) && same_time(written, other.written);
}

DiscoverFile::DiscoverFile(const SourcePlace& place)
    : place_(place),
      folder_(place.conf.path.substr(0, place.conf.path.rfind('/') + 1)),
      watcher_(
          place.loop, [](void* self) { static_cast<DiscoverFile*>(self)->noticed(); }, this),
      timer_(
          place.loop, [](void* self) { static_cast<DiscoverFile*>(self)->look(); }, this) {}

void DiscoverFile::start() {
  inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_ || !watcher_.watch(inotify_.get())) {
    log::warn("discover {}: {}: it is looked at every {} ms", place_.conf.path,
              failure("no notices of changes"), look_interval.count());
    inotify_.reset();
  }
  watch_folder();
  timer_.arm(milliseconds(0));
}

void DiscoverFile::look_again(milliseconds delay) {
  wanted_ = true;
  wanted_at_ = clock::now() + delay;
  timer_.arm(delay);
}

void DiscoverFile::watch_folder() {
  if (!inotify_ || watching_folder_) return;
  watching_folder_ = ::inotify_add_watch(inotify_.get(), folder_.c_str(), notices) >= 0;
}

// Which file of the folder changed is not asked: a link to ours may be what was replaced.
void DiscoverFile::noticed() {
  alignas(inotify_event) std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t got = ::read(inotify_.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      inotify_event notice;
      std::memcpy(&notice, bytes.data() + at, sizeof notice);
      at += static_cast<ssize_t>(sizeof notice + notice.len);
      if ((notice.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(inotify_.get(), notice.wd);
      if ((notice.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) watching_folder_ = false;
    }
  }
  timer_.arm(settle);
}

void DiscoverFile::look() {
  watch_folder();
  // Notices of other files of the folder must not make a second reading come too early.
  const auto left = std::chrono::ceil<milliseconds>(wanted_at_ - clock::now());
  const bool due = wanted_ && left.count() <= 0;
  timer_.arm(wanted_ && !due ? std::min(left, look_interval) : look_interval);
  if (due) wanted_ = false;
  read(due);
}

void DiscoverFile::read(bool even_if_unchanged) {
  const std::string& path = place_.conf.path;
  const auto trouble = [&](const std::string& why) {
    was_seen_ = false;
    place_.owner.on_trouble(*this, why);
  };
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return trouble(failure("can't be read"));
  struct stat is {};
  if (::fstat(fd.get(), &is) != 0) return trouble(failure("can't be read"));
  if (!S_ISREG(is.st_mode)) return trouble("is not a regular file");
  const Seen now{is.st_dev, is.st_ino, is.st_size, is.st_ctim, is.st_mtim};
  if (!even_if_unchanged && was_seen_ && now == seen_) return;
  std::string text;
  std::array<char, 16384> bytes;
  while (text.size() <= bytes_max) {
    const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return trouble(failure("can't be read"));
    if (got == 0) break;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  was_seen_ = true;
  seen_ = now;
  if (text.size() > bytes_max) {
    return place_.owner.on_trouble(*this, fmt::format("has more than {} bytes", bytes_max));
  }
  PeerList list = parse_peer_list(text, place_.conf.port, place_.peers_max);
  if (!list.error.empty()) {
    return place_.owner.on_trouble(*this, fmt::format("{}:{}: {}", path, list.line, list.error));
  }
  place_.owner.on_found(*this, std::move(list.peers));
}

}  // namespace weir
