// DiskFolder: the folder of a disk tier: one file for each stored answer in 256 subfolders, and the
// journal of purges (disk_purges.h). Whoever has it open has it alone: the lock on its journal's
// neighbour "lock" is the kernel's, and ends with the process.
//
//   lock
//   journal                 the secret that names files by their keys, and purges
//   ab/abcd0123456789ef.weir
//   ab/abcd0123456789ef.part     being written; left over by one that died
//
// Other names are left alone. Files are made whole under another name and renamed; nothing is
// synced but the journal: what a crash of the machine tears is found by its checksums. Every call
// may block as long as the disk does: for the cache keeper alone.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/siphash.h"
#include "cache/disk_purges.h"
#include "os/fd.h"

namespace weir::cache {

class DiskFolder {
 public:
  // busy: another process has it. failed: errno says why.
  enum class Opened : std::uint8_t { done, busy, failed };

  // `zone` gives its answers numbers from `first` on. Where what is there can't be compared with
  // them (no journal, a damaged one, or a clock that was set back) it begins anew: files that are
  // there bear names that nothing has.
  Opened open(const std::string& path, const shm::Id128& zone, std::uint64_t first);
  void close();
  explicit operator bool() const { return static_cast<bool>(root_); }
  bool began_anew() const { return began_anew_; }

  std::uint64_t name_of(std::string_view key) const { return siphash(secret_, key); }

  // A regular file, to be read; nothing: errno says why not, 0 where it is no regular file.
  Fd open_file(std::uint64_t name) const;
  // 0, or what errno says. In the place of one that is there.
  int write_file(std::uint64_t name, std::span<const std::string_view> parts) const;
  bool remove_file(std::uint64_t name) const;  // true: it is gone

  // --- the journal
  const DiskPurges& purges() const { return purges_; }
  void note(const PurgeRecord& record);  // in force at once, in the file by write_journal()
  // 0, or what errno says: then it is to be called again. `oldest`: seq of what is left, where
  // known.
  int write_journal(std::optional<std::uint64_t> oldest);
  bool has_unwritten() const { return !unwritten_.empty(); }
  bool journal_is_long() const;  // it will be written anew
  void sync_journal();

  // --- listing
  class Listing {
   public:
    explicit Listing(const DiskFolder& folder) : folder_(folder) {}
    // The next file with a name of ours. nullopt: that was all.
    struct Found {
      std::uint64_t name = 0;
      bool is_part = false;  // was not finished
    };
    std::optional<Found> next();
    // What is left of a file that nobody finished.
    void remove_part(std::uint64_t name) const;

   private:
    bool open_next();
    const DiskFolder& folder_;
    unsigned at_ = 0;
    Handle<DIR, &::closedir> stream_;
  };

 private:
  friend class Listing;
  int read_journal(std::string& out) const;
  bool take_journal(std::string_view bytes);
  int rewrite_journal();
  bool begin_anew();

  Fd lock_, root_, journal_;
  SipKey secret_;
  DiskPurges purges_;
  std::string unwritten_;
  std::uint64_t journal_bytes_ = 0, rewritten_bytes_ = 0;
  bool began_anew_ = false, unsynced_ = false;
};

}  // namespace weir::cache
