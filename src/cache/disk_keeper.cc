#include "cache/disk_keeper.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "cache/cores.h"

namespace weir::cache {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds between_tries{10}, between_failed_tries{1000}, longest_sleep{1000};
constexpr unsigned busy_told = 500;  // tries: that long no earlier keeper takes to leave
constexpr std::int64_t turn_ms = 10;
constexpr std::int64_t leave_ms = 1000;

}  // namespace

DiskKeeper::DiskKeeper(Store& store, std::string name)
    : store_(store),
      inner_(*store.inner_),
      name_(std::move(name)),
      zone_(*inner_.memory.disk),
      index_(inner_.memory),
      blocks_most_(inner_.memory.geometry.sizes.disk_bytes / disk_block_bytes) {}

DiskKeeper::~DiskKeeper() = default;

void DiskKeeper::retire(Store& store) {
  if (DiskControl* const disk = store.inner_->memory.disk; disk != nullptr) disk->open.store(0);
}

// Another process may have the folder: one of an earlier generation that is about to leave, or one
// that hangs in a call to a disk that does not answer.
bool DiskKeeper::open() {
  const std::string& path = inner_.memory.geometry.sizes.disk_path;
  const auto opened = folder_.open(path, inner_.zone.header().instance, zone_.first.load());
  const int why = opened == DiskFolder::Opened::busy ? EBUSY : errno;
  if (opened != DiskFolder::Opened::done) {
    if (open_error_ != why && opened == DiskFolder::Opened::failed) {
      log::line(log::Level::alert, "cache {}: {} can't be used ({}: {}); tried again each second",
                name_, path, why, std::strerror(why));
    }
    if (opened == DiskFolder::Opened::busy && ++busy_ == busy_told) {
      log::line(log::Level::alert, "cache {}: another process has {}; it is waited for", name_,
                path);
    }
    open_error_ = why;
    return false;
  }
  open_error_ = 0;
  busy_ = 0;
  if (folder_.began_anew()) {  // what is there is removed when it is come to
    for (std::uint32_t number = 0; number < index_.capacity(); ++number) index_.clear(number);
  }
  heard_ = zone_.purges_heard.load();
  hear_purges();
  take_index();
  listing_.emplace(folder_);
  loading_since_ms_ = DiskTier::now_ms();
  zone_.loaded.store(0);
  zone_.keeper.store(inner_.memory.self);
  zone_.since_ms.store(0);
  zone_.open.store(1);
  return true;
}

// What an earlier keeper left in the zone: in the order of its answers, as good as that of its
// files.
void DiskKeeper::take_index() {
  // It was killed with a file that others had purged, or replaced, before it was known.
  if (zone_.writing_hash.load() != 0 && zone_.writing_removed.load() != 0) {
    const std::uint32_t number = index_.find(zone_.writing_hash.load());
    if (number != nothing) drop(number);
    folder_.remove_file(zone_.writing_name.load());
  }
  zone_.writing_hash.store(0);
  std::uint64_t blocks = 0, entries = 0;
  for (std::uint32_t number = 0; number < index_.capacity(); ++number) {
    const std::uint64_t hash = index_.hash(number).load();
    if (hash == 0) continue;
    order_.push_back({hash, index_.entry(number).seq.load()});
    blocks += index_.info(number).blocks;
    ++entries;
  }
  std::sort(order_.begin(), order_.end(),
            [](const Order& one, const Order& other) { return one.seq < other.seq; });
  zone_.blocks.store(blocks);
  zone_.entries.store(entries);
  zone_.look_all.store(1);
}

// --- purges

// In force at once; what is in the ring stays there until it is in the journal.
void DiskKeeper::listen_to_ring() {
  using Kind = PurgeRecord::Kind;
  const Control& control = *inner_.memory.control;
  const auto floor = [this](Kind kind, bool soft, std::uint64_t seq) {
    if (folder_.purges().is_news(kind, soft, seq)) folder_.note({kind, soft, seq, 0, {}});
  };
  for (const std::uint64_t made = zone_.purges_made.load(); heard_ < made; ++heard_) {
    const DiskPurge& it = zone_.purge[heard_ % disk_purges];
    const std::string_view text{it.text, std::min(it.bytes, disk_purge_text)};
    folder_.note({it.is_prefix != 0 ? Kind::prefix : Kind::tag, it.soft != 0, it.seq, it.tag,
                  it.is_prefix != 0 ? text : std::string_view()});
  }
  // After the ring: what had no room there raised the floor.
  floor(Kind::all, false, std::max(control.hard_floor.load(), zone_.floor.load()));
  floor(Kind::all, true, control.soft_floor.load());
  floor(Kind::all_tagged, false, control.tag_hard_floor.load());
  floor(Kind::all_tagged, true, control.tag_soft_floor.load());
}

void DiskKeeper::hear_purges() {
  const std::uint64_t floor = folder_.purges().hard_floor();
  listen_to_ring();
  if (folder_.purges().hard_floor() != floor) zone_.look_all.store(1);
  if (!folder_.has_unwritten()) return;
  std::optional<std::uint64_t> oldest;
  if (folder_.journal_is_long() && zone_.loaded.load() != 0) {
    // Entries that went leave their order behind: no matter, they are older.
    oldest = order_.empty() ? inner_.memory.control->seq.load() : order_.front().seq;
    for (const Order& it : order_) oldest = std::min(*oldest, it.seq);
  }
  const int failed = folder_.write_journal(oldest);
  if (failed == 0) zone_.purges_heard.store(heard_);
  if (failed == ENOSPC || failed == EDQUOT) evict_one();
  if (failed != 0 && failed != journal_error_) {
    log::line(log::Level::alert,
              "cache {}: purges can't be noted on disk ({}: {}): after a restart they may be lost",
              name_, failed, std::strerror(failed));
  }
  journal_error_ = failed;
}

void DiskKeeper::sync_journal() {
  folder_.sync_journal();
  synced_ms_ = DiskTier::now_ms();
}

Purges::Verdict DiskKeeper::judge(const DiskObject& object) {
  const DiskPurges& purges = folder_.purges();
  return std::max(purges.judge(object.seq, object.key, object.tags),
                  purges.judge_tag(object.seq, DiskTier::key_tag(object.key)));
}

// --- its turns

milliseconds DiskKeeper::turn() {
  if (!folder_ && !open()) return open_error_ == EBUSY ? between_tries : between_failed_tries;
  zone_.asleep.store(0);
  hear_purges();
  serve_wanted();
  const std::int64_t until = DiskTier::now_ms() + turn_ms;
  bool more = write_some(until);
  more |= load_some(until);
  more |= sweep_some(until);
  // When there is nothing else to do, but at least each second.
  if (!more || DiskTier::now_ms() - synced_ms_ >= longest_sleep.count()) sync_journal();
  if (more) return milliseconds(0);
  // Said before it is looked once more: who has something to tell either sees it or is seen.
  zone_.asleep.store(1);
  const auto is_set = [](const auto& word) { return word.load() != 0; };
  const bool any = std::any_of(std::begin(zone_.wanted), std::end(zone_.wanted), is_set) ||
                   std::any_of(std::begin(zone_.todo), std::end(zone_.todo), is_set) ||
                   (zone_.purges_made.load() != heard_);
  if (!any) return longest_sleep;
  zone_.asleep.store(0);
  return milliseconds(0);
}

void DiskKeeper::leave(bool has_successor) {
  if (!has_successor) retire(store_);
  if (!folder_) return;
  hear_purges();
  const std::int64_t until = DiskTier::now_ms() + leave_ms;
  while (write_some(until) && DiskTier::now_ms() < until) {
  }
  hear_purges();
  folder_.sync_journal();
  listing_.reset();
  folder_.close();
}

}  // namespace weir::cache
