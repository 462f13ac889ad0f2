// DiskKeeper, third part: what was stored in memory becomes a file, and files make room.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/log.h"
#include "cache/cores.h"
#include "cache/disk_keeper.h"

namespace weir::cache {
namespace {

constexpr std::int64_t pause_ms = 5000;  // after a write failed
constexpr unsigned second_chances = 64;  // for one file
constexpr unsigned evicted_when_full = 16;

}  // namespace

// True: there is more. Whoever wants something is served between two files.
bool DiskKeeper::write_some(std::int64_t until_ms) {
  for (auto& place : zone_.todo) {
    if (place.load(std::memory_order_relaxed) == 0) continue;
    if (DiskTier::now_ms() >= until_ms) return true;
    look_at(place.exchange(0));
    hear_purges();
    serve_wanted();
  }
  return false;
}

// What is in memory and newer is written; what is dead and in memory no more is removed.
void DiskKeeper::look_at(std::uint64_t hash) {
  // Said before it is looked: what becomes of it from here on is told in writing_removed.
  zone_.writing_removed.store(0);
  zone_.writing_hash.store(hash);
  const std::uint32_t number = index_.find(hash);
  Inner::Source source = inner_.source_of(hash);
  const bool is_newer =
      source.reader && (number == nothing || index_.info(number).dead ||
                        index_.entry(number).seq.load() < source.reader.stored_seq());
  if (is_newer) {
    write(hash, std::move(source));
  } else if (number != nothing && index_.info(number).dead) {
    drop(number);
  } else if (number != nothing && index_.info(number).soft && !index_.info(number).soft_kept) {
    keep_soft(hash, number);
  } else if (number == nothing && !source.reader) {
    count(zone_.dropped);  // it left memory before
  }
  zone_.writing_hash.store(0);
}

void DiskKeeper::write(std::uint64_t hash, Inner::Source source) {
  const std::uint32_t number = index_.find(hash);
  DiskObject object;
  object.seq = source.reader.stored_seq();
  object.zone = inner_.zone.header().instance;
  object.facts = source.reader.facts();
  object.body_word = source.reader.body_word();
  object.content = source.content;
  object.soft = source.reader.soft_purged();
  object.key = source.key;
  object.fields = source.reader.fields();
  object.tags = std::move(source.tags);
  std::vector<std::string_view> body;
  std::uint64_t at = 0;
  for (std::string_view part; !(part = source.reader.read(at)).empty(); at += part.size()) {
    body.push_back(part);
    object.pieces.push_back({checksum64(part), static_cast<std::uint32_t>(part.size()), 0});
  }
  const bool is_whole = !source.reader.damaged() && at == source.reader.length();
  if (is_whole && DiskTier::now_ms() >= writes_again_ms_ && put(hash, object, body, at)) return;
  // What is there is another answer.
  if (number != nothing && index_.hash(number).load() == hash) drop(number);
  if (DiskTier::now_ms() < writes_again_ms_) count(zone_.dropped);
}

bool DiskKeeper::put(std::uint64_t hash, const DiskObject& object,
                     std::span<const std::string_view> body, std::uint64_t body_bytes) {
  const std::int64_t until = of_use_until(object.content, object.facts);
  if (until < wall_ms()) return false;
  const std::string head = disk_head(object);
  const std::uint64_t blocks = disk_blocks(head.size() + body_bytes);
  if (head.size() > disk_head_most || blocks > DiskInfo::blocks_most) return false;
  if (blocks > blocks_most_ / 2 || !make_room(blocks)) return false;
  const std::uint64_t name = folder_.name_of(object.key);
  zone_.writing_name.store(name);
  std::vector<std::string_view> parts{head};
  parts.insert(parts.end(), body.begin(), body.end());
  if (const int failed = folder_.write_file(name, parts); failed != 0) {
    write_failed(failed);
    return false;
  }
  if (write_error_ != 0) log::notice("cache {}: files are written again", name_);
  write_error_ = 0;
  DiskInfo info;
  info.blocks = static_cast<std::uint32_t>(blocks);
  info.until_s =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(until) / 1000, DiskInfo::until_most);
  info.soft = info.soft_kept = object.soft;
  note_written(hash, object.seq, name, info);
  count(zone_.stored);
  return true;
}

void DiskKeeper::note_written(std::uint64_t hash, std::uint64_t seq, std::uint64_t name,
                              DiskInfo info) {
  std::uint32_t number = index_.find(hash);
  if (number != nothing) {
    zone_.blocks.fetch_sub(index_.info(number).blocks);
    zone_.entries.fetch_sub(1);
  } else if ((number = index_.empty_place(hash)) == nothing) {
    drop(index_.oldest_of(hash));
    number = index_.empty_place(hash);
    if (number == nothing) {  // its file could not be removed, so its place is not free
      folder_.remove_file(name);
      return;
    }
  }
  index_.put(number, hash, seq, name, info);
  zone_.blocks.fetch_add(info.blocks);
  zone_.entries.fetch_add(1);
  order_.push_back({hash, seq});
  // What became of it while it was written, and was said when it could not be found yet.
  const std::uint32_t removed =
      zone_.writing_hash.load() == hash ? zone_.writing_removed.load() : 0;
  if ((removed & 1) != 0)
    drop(number);
  else if ((removed & 2) != 0)
    index_.entry(number).info.fetch_or(DiskInfo::soft_bit);
}

// Soft purged on disk, and not in memory: its file is to say so after a restart, too.
void DiskKeeper::keep_soft(std::uint64_t hash, std::uint32_t number) {
  const std::uint64_t name = index_.entry(number).name.load();
  DiskObject object;
  std::string body;
  const Fd fd = folder_.open_file(name);
  struct stat is {};
  bool sound =
      fd && ::fstat(fd.get(), &is) == 0 &&
      read_head(fd.get(), static_cast<std::uint64_t>(is.st_size), object) == Fetched::done &&
      object.seq == index_.entry(number).seq.load();
  std::uint64_t at = head_.size();
  for (const DiskPiece& piece : object.pieces) {
    sound = sound && read_piece(fd.get(), at, piece);
    if (!sound) break;
    body += piece_;
    at += piece.bytes;
  }
  if (!sound) return drop(number);
  object.soft = true;
  const std::string_view view = body;
  if (!put(hash, object, {&view, 1}, body.size())) drop(number);
}

bool DiskKeeper::make_room(std::uint64_t blocks) {
  const auto is_full = [&] {
    return zone_.blocks.load() + blocks > blocks_most_ ||
           zone_.entries.load() >= inner_.memory.geometry.disk_entries_most;
  };
  while (is_full()) {
    if (!evict_one()) return false;
  }
  return true;
}

// The oldest, unless it was fetched since its last turn. False: nothing is left, or can be removed.
bool DiskKeeper::evict_one() {
  for (unsigned chances = 0; !order_.empty();) {
    const Order oldest = order_.front();
    order_.pop_front();
    const std::uint32_t number = index_.find(oldest.hash);
    if (number == nothing || index_.entry(number).seq.load() != oldest.seq) continue;
    DiskEntry& entry = index_.entry(number);
    if (index_.info(number).used && !index_.info(number).dead && chances < second_chances) {
      ++chances;
      entry.info.fetch_and(~DiskInfo::used_bit);
      order_.push_back(oldest);
      continue;
    }
    const std::uint64_t before = zone_.entries.load();
    drop(number);
    if (zone_.entries.load() == before) return false;
    count(zone_.evicted);
    return true;
  }
  return false;
}

// File and entry. Where the file can't be removed the entry stays, and says that it is dead.
void DiskKeeper::drop(std::uint32_t number) {
  DiskEntry& entry = index_.entry(number);
  entry.info.fetch_or(DiskInfo::dead_bit);
  if (!folder_.remove_file(entry.name.load())) return;
  zone_.blocks.fetch_sub(index_.info(number).blocks);
  zone_.entries.fetch_sub(1);
  index_.clear(number);
}

// One line for a disk that is full or broken, not one for each file.
void DiskKeeper::write_failed(int why) {
  count(zone_.write_errors);
  writes_again_ms_ = DiskTier::now_ms() + pause_ms;
  if (why == ENOSPC || why == EDQUOT) {
    for (unsigned i = 0; i < evicted_when_full && evict_one(); ++i) {
    }
  }
  if (why == write_error_) return;
  write_error_ = why;
  log::line(log::Level::alert, "cache {}: files can't be written ({}: {}); tried again after {} s",
            name_, why, std::strerror(why), pause_ms / 1000);
}

}  // namespace weir::cache
