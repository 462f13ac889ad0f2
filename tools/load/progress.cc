#include "tools/load/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace weir::load {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

// By time or by number, whichever is further.
double share_done(const Progress& it) {
  double share = 0;
  if (it.duration.count() > 0) {
    share = static_cast<double>(it.elapsed.count()) / static_cast<double>(it.duration.count());
  }
  if (it.requests > 0) {
    share = std::max(share, static_cast<double>(it.done) / static_cast<double>(it.requests));
  }
  return std::clamp(share, 0.0, 1.0);
}

}  // namespace

std::string progress_line(const Progress& progress, std::size_t width) {
  const double share = share_done(progress);
  const double seconds = std::max(0.0, std::chrono::duration<double>(progress.elapsed).count());
  const std::string figures =
      fmt::format(" {:3.0f}%  {:.0f} s  {} done  {:.0f}/s  {} open  {} failed", share * 100,
                  seconds, progress.done, progress.per_second, progress.in_flight, progress.failed);
  std::string line;
  constexpr std::size_t bar_min = 10, bar_max = 40;
  if (width >= figures.size() + bar_min + 2) {
    const std::size_t room = std::min(width - figures.size() - 2, bar_max);
    const auto full = static_cast<std::size_t>(share * static_cast<double>(room));
    line = fmt::format("[{}{}]", std::string(full, '='), std::string(room - full, ' '));
  }
  line += figures;
  return line.substr(0, width);
}

ProgressBar::ProgressBar() : visible_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(Progress progress) {
  const std::chrono::duration<double> since = progress.elapsed - last_.elapsed;
  if (since.count() > 0) {
    progress.per_second = static_cast<double>(progress.done - last_.done) / since.count();
  }
  if (shown_) progress.per_second = (progress.per_second + last_.per_second) / 2;  // calmer
  last_ = progress;
  shown_ = true;
  fmt::print(stderr, "\r{}\x1b[K", progress_line(progress, terminal_width() - 1));
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace weir::load
