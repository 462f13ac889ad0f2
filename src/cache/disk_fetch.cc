// DiskKeeper, second part: what workers want becomes an answer in memory.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cache/cores.h"
#include "cache/disk_keeper.h"

namespace weir::cache {
namespace {

constexpr std::size_t first_read = 4096;

// 0, or what errno says; EIO where the file ends too early.
int read_exactly(int fd, std::uint64_t at, std::size_t bytes, std::string& out) {
  out.resize(bytes);
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::pread(fd, out.data() + done, bytes - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return EIO;
    done += static_cast<std::size_t>(got);
  }
  return 0;
}

bool is_our_lack(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR;
}

class FromDisk final : public Restored {
 public:
  FromDisk(void* keeper, const DiskObject& object,
           Purges::Verdict (*judge)(void* keeper, const DiskObject& object))
      : Restored(disk_slot), keeper_(keeper), object_(object), judge_(judge) {
    content = object.content;
    body_word = object.body_word;
  }
  Purges::Verdict judge_again() override { return judge_(keeper_, object_); }

 private:
  void* keeper_;
  const DiskObject& object_;
  Purges::Verdict (*judge_)(void*, const DiskObject&);
};

}  // namespace

void DiskKeeper::got_on() {
  std::int64_t since = zone_.since_ms.load();
  if (since != 0) zone_.since_ms.compare_exchange_strong(since, DiskTier::now_ms());
}

void DiskKeeper::serve_wanted() {
  bool any = false;
  for (auto& place : zone_.wanted) {
    const std::uint64_t word = place.load();
    if (word == 0) continue;
    any = true;
    serve(DiskTier::cell_of(word));
    place.store(0);  // only now: a successor goes on where this one was killed
    got_on();
  }
  if (any) return;
  std::int64_t since = zone_.since_ms.load();
  // Nobody waits, unless just now: then since_ms is of that moment, and changed.
  if (since != 0) zone_.since_ms.compare_exchange_strong(since, 0);
}

void DiskKeeper::serve(CellId id) {
  const CellWord word = inner_.fills.word(id);
  if (word.version != id.version || word.slot != disk_slot || !word.is_active()) return;
  const std::uint64_t hash = inner_.fills.cell(id).hash.load();
  const std::uint32_t number = index_.find(hash);
  Fetched fetched = Fetched::gone;
  if (number != nothing && !index_.info(number).dead) fetched = fetch(hash, number, id);
  if (fetched == Fetched::gone && number != nothing) drop(number);
  // Where it was done this says nothing any more.
  inner_.fills.change(id, fetched == Fetched::not_now ? CellState::pass : CellState::look_again,
                      disk_slot);
}

DiskKeeper::Fetched DiskKeeper::read_head(int fd, std::uint64_t file_bytes, DiskObject& out) {
  if (file_bytes < disk_head_least) return Fetched::gone;
  const auto first = static_cast<std::size_t>(std::min<std::uint64_t>(first_read, file_bytes));
  if (read_exactly(fd, 0, first, head_) != 0) return Fetched::gone;
  const auto bytes = disk_head_bytes(head_);
  if (!bytes || *bytes > file_bytes) return Fetched::gone;
  if (*bytes > head_.size() && read_exactly(fd, 0, *bytes, head_) != 0) return Fetched::gone;
  head_.resize(*bytes);
  return read_disk_head(head_, file_bytes, out) ? Fetched::done : Fetched::gone;
}

bool DiskKeeper::read_piece(int fd, std::uint64_t at, const DiskPiece& piece) {
  return read_exactly(fd, at, piece.bytes, piece_) == 0 && checksum64(piece_) == piece.sum;
}

// All of it is in memory and compared before a byte of it is handed out.
DiskKeeper::Fetched DiskKeeper::fetch(std::uint64_t hash, std::uint32_t number, CellId id) {
  DiskEntry& entry = index_.entry(number);
  const std::uint64_t seq = entry.seq.load();
  const Fd fd = folder_.open_file(entry.name.load());
  if (!fd) return is_our_lack(errno) ? Fetched::not_now : Fetched::gone;
  struct stat is {};
  if (::fstat(fd.get(), &is) != 0) return Fetched::gone;
  DiskObject object;
  const auto file_bytes = static_cast<std::uint64_t>(is.st_size);
  if (read_head(fd.get(), file_bytes, object) != Fetched::done || object.seq != seq ||
      store_.key(object.key).hash != hash) {
    count(zone_.damaged);
    return Fetched::gone;
  }
  if (judge(object) == Purges::Verdict::purged) return Fetched::gone;
  if (object.key.size() + object.fields.size() + object.body_bytes() >
      inner_.memory.geometry.object_bytes_most) {
    return Fetched::gone;  // the configuration of another day
  }
  FromDisk restored(this, object, [](void* keeper, const DiskObject& it) {
    auto* const self = static_cast<DiskKeeper*>(keeper);
    self->listen_to_ring();
    return self->judge(it);
  });
  restored.soft = object.soft || index_.info(number).soft;
  Fill fill = inner_.restore(id, {object.key, hash}, seq, restored);
  if (!fill.begin(object.facts, object.fields, object.body_bytes(), object.tags)) {
    return Fetched::not_now;
  }
  std::uint64_t at = head_.size();
  for (const DiskPiece& piece : object.pieces) {
    if (!read_piece(fd.get(), at, piece)) {
      count(zone_.damaged);
      entry.info.fetch_or(DiskInfo::dead_bit);  // before those who wait look again
      fill.look_again();
      return Fetched::gone;
    }
    if (!fill.append(piece_)) return Fetched::not_now;
    at += piece.bytes;
    got_on();
  }
  entry.info.fetch_or(DiskInfo::used_bit);
  if (fill.commit()) count(zone_.hits);
  return Fetched::done;
}

}  // namespace weir::cache
