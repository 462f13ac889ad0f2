// The writer's side of a Snapshot, apart from it because of the kill points in it: a source that
// only reads one is the same with and without test hooks, and is not compiled twice for the tests.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shm/points.h"
#include "shm/snapshot.h"

namespace weir::shm {

// put() some words, then publish() once. Words that were not put are unspecified.
template <std::size_t N>
class SnapshotUpdate {
 public:
  explicit SnapshotUpdate(Snapshot<N>& target)
      : target_(target),
        version_(target.version_.load(std::memory_order_relaxed) + 1),
        copy_(target.words_[version_ & 1]) {}
  void put(std::size_t index, std::uint64_t word) {
    assert(index < N);
    copy_[index].store(word, std::memory_order_release);
    SHM_POINT(snapshot_half);
  }
  void publish() {
    SHM_POINT(snapshot_written);
    target_.version_.store(version_, std::memory_order_release);
    SHM_POINT(snapshot_published);
  }

 private:
  Snapshot<N>& target_;
  const std::uint64_t version_;
  std::atomic<std::uint64_t>* const copy_;
};

template <std::size_t N>
void publish(Snapshot<N>& target, std::span<const std::uint64_t> words) {
  SnapshotUpdate<N> update(target);
  for (std::size_t i = 0; i < words.size(); ++i) update.put(i, words[i]);
  update.publish();
}

}  // namespace weir::shm
