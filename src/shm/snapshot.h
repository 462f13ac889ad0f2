// Snapshot: a value of N words that one process writes and any process reads, without a lock.
//
// Two copies and a version: the writer fills the copy that is not current and then stores the next
// version, which makes that copy the current one. A writer that dies half way leaves the previous
// value in force, whole; nothing has to be repaired. A reader copies and looks at the version
// again; only a writer that publishes faster than the reader copies can make it try again, and it
// gives up after a bounded number of tries. The words are release stores and acquire loads instead
// of fences (ordinary moves on x86), which ThreadSanitizer understands.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir::shm {

template <std::size_t N>
class Snapshot {
 public:
  using Words = std::array<std::uint64_t, N>;

  // False when the writer was faster every time; `out` is then unspecified.
  [[nodiscard]] bool read(Words& out) const {
    for (int attempt = 0; attempt < tries; ++attempt) {
      const std::uint64_t version = version_.load(std::memory_order_acquire);
      const auto& copy = words_[version & 1];
      for (std::size_t i = 0; i < N; ++i) out[i] = copy[i].load(std::memory_order_acquire);
      if (version_.load(std::memory_order_acquire) == version) return true;
    }
    return false;
  }

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  template <std::size_t>
  friend class SnapshotUpdate;  // shm/snapshot_update.h: what the writer does
  static constexpr int tries = 1000;
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a lock would die with its owner");

  std::atomic<std::uint64_t> version_;
  std::atomic<std::uint64_t> words_[2][N];
};

}  // namespace weir::shm
