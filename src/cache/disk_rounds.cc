// DiskKeeper, fourth part: the round over the folder at its start, and those over the index.
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "cache/cores.h"
#include "cache/disk_keeper.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t entries_at_a_time = 256;
constexpr std::uint32_t idle_rounds = 16;  // of so many entries for each turn without haste

}  // namespace

// --- what is there

bool DiskKeeper::load_some(std::int64_t until_ms) {
  if (!listing_) return false;
  while (DiskTier::now_ms() < until_ms) {
    const auto found = listing_->next();
    if (!found) {
      loaded();
      return false;
    }
    found->is_part ? listing_->remove_part(found->name) : load(found->name);
    serve_wanted();
  }
  return true;
}

void DiskKeeper::load(std::uint64_t name) {
  DiskObject object;
  struct stat is {};
  bool sound = false;
  if (const Fd fd = folder_.open_file(name); fd && ::fstat(fd.get(), &is) == 0) {
    sound = read_head(fd.get(), static_cast<std::uint64_t>(is.st_size), object) == Fetched::done &&
            folder_.name_of(object.key) == name;
  } else if (errno == 0) {
    return;  // not a file: not ours
  }
  const std::int64_t until = of_use_until(object.content, object.facts);
  // A number of the future was given by a clock that was ahead: what was purged can't be told.
  const bool has_number =
      object.zone == inner_.zone.header().instance || object.seq < zone_.first.load();
  if (!sound || !has_number || until < wall_ms() || judge(object) == Purges::Verdict::purged) {
    ++refused_;
    folder_.remove_file(name);
    return;
  }
  const std::uint64_t hash = store_.key(object.key).hash;
  const std::uint64_t blocks = disk_blocks(static_cast<std::uint64_t>(is.st_size));
  const std::uint32_t number = index_.find(hash);
  if (number != nothing && index_.entry(number).seq.load() >= object.seq) {
    // Known: written meanwhile, or by an earlier keeper in this zone.
    if (index_.info(number).dead) drop(number);
    return;
  }
  if (blocks > DiskInfo::blocks_most || !make_room(blocks)) return;
  DiskInfo info;
  info.blocks = static_cast<std::uint32_t>(blocks);
  info.until_s =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(until) / 1000, DiskInfo::until_most);
  info.soft = info.soft_kept = object.soft;
  note_written(hash, object.seq, name, info);
  hear_purges();  // of its key, too, which had no entry until now
  const std::uint32_t put = index_.find(hash);
  if (put != nothing && judge(object) == Purges::Verdict::purged) drop(put);
  ++found_;
}

void DiskKeeper::loaded() {
  listing_.reset();
  zone_.loaded.store(1);
  // Of different years, and listed as they lie: those that came last stay longest.
  std::sort(order_.begin(), order_.end(),
            [](const Order& one, const Order& other) { return one.seq < other.seq; });
  log::notice("cache {}: {} stored answers found on disk within {} ms, {} removed; {} of {} MiB",
              name_, found_, DiskTier::now_ms() - loading_since_ms_, refused_,
              zone_.blocks.load() * disk_block_bytes >> 20, blocks_most_ * disk_block_bytes >> 20);
}

// --- what is of no use any more

bool DiskKeeper::is_over(std::uint32_t number, std::int64_t now_s) const {
  const DiskInfo info = index_.info(number);
  return info.dead || info.until_s < static_cast<std::uint64_t>(now_s) ||
         index_.entry(number).seq.load() <= folder_.purges().hard_floor();
}

bool DiskKeeper::sweep_some(std::int64_t until_ms) {
  if (zone_.look_all.exchange(0) != 0) {
    sweep_at_ = 0;
    sweep_in_haste_ = true;
  }
  const std::int64_t now_s = wall_ms() / 1000;
  for (std::uint32_t round = 0; sweep_in_haste_ || round < idle_rounds; ++round) {
    const std::uint32_t end = std::min(sweep_at_ + entries_at_a_time, index_.capacity());
    for (; sweep_at_ < end; ++sweep_at_) {
      const std::uint64_t hash = index_.hash(sweep_at_).load(std::memory_order_relaxed);
      if (hash == 0) continue;
      const DiskInfo info = index_.info(sweep_at_);
      // What is dead may have a newer answer in memory.
      if (info.dead || (info.soft && !info.soft_kept))
        look_at(hash);
      else if (is_over(sweep_at_, now_s))
        drop(sweep_at_);
    }
    if (sweep_at_ == index_.capacity()) {
      sweep_at_ = 0;
      sweep_in_haste_ = false;
      // Of entries that went: not more than those that are.
      if (order_.size() > 2 * zone_.entries.load() + 1024) {
        std::erase_if(order_, [this](const Order& it) {
          const std::uint32_t number = index_.find(it.hash);
          return number == nothing || index_.entry(number).seq.load() != it.seq;
        });
      }
      return false;
    }
    if (DiskTier::now_ms() >= until_ms) return sweep_in_haste_;
    serve_wanted();
  }
  return sweep_in_haste_;
}

}  // namespace weir::cache
