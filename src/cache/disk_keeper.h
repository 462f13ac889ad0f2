// DiskKeeper: what the cache keeper does for one [cache] with a `path`: brings to memory what
// workers want, writes what they stored, removes what was purged, has expired or must make room,
// and learns at its start what earlier processes left.
//
// It alone touches the folder, and every step of it may take as long as the disk does: nobody waits
// for it but those who want something from it, and these only for a while. It may be killed
// anywhere: its successor finds what it needs in the zone and in the folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/disk_file.h"
#include "cache/disk_folder.h"
#include "cache/store_inner.h"

namespace weir::cache {

class DiskKeeper {
 public:
  using milliseconds = std::chrono::milliseconds;

  // `store` was entered.
  DiskKeeper(Store& store, std::string name);
  ~DiskKeeper();
  DiskKeeper& operator=(DiskKeeper&&) = delete;

  // A bounded piece of work, if the disk is not slow. How long it may sleep now, where nobody wakes
  // it.
  milliseconds turn();
  // Writes what is to be written, for a moment. Without a successor nobody asks for the disk any
  // more.
  void leave(bool has_successor);

  // Of a store that no keeper works for any more.
  static void retire(Store& store);

 private:
  struct Order {  // in which they were written
    std::uint64_t hash, seq;
  };
  enum class Fetched : std::uint8_t { done, gone, not_now };

  bool open();
  void take_index();
  void hear_purges();
  void listen_to_ring();
  void sync_journal();
  Purges::Verdict judge(const DiskObject& object);

  // Fetching: disk_fetch.cc
  void serve_wanted();
  void serve(CellId id);
  Fetched fetch(std::uint64_t hash, std::uint32_t number, CellId id);
  Fetched read_head(int fd, std::uint64_t file_bytes, DiskObject& out);
  bool read_piece(int fd, std::uint64_t at, const DiskPiece& piece);
  void got_on();

  // Writing: disk_write.cc
  bool write_some(std::int64_t until_ms);
  void look_at(std::uint64_t hash);
  void write(std::uint64_t hash, Inner::Source source);
  bool put(std::uint64_t hash, const DiskObject& object, std::span<const std::string_view> body,
           std::uint64_t body_bytes);
  void keep_soft(std::uint64_t hash, std::uint32_t number);
  void note_written(std::uint64_t hash, std::uint64_t seq, std::uint64_t name, DiskInfo info);
  bool make_room(std::uint64_t blocks);
  bool evict_one();
  void drop(std::uint32_t number);
  void write_failed(int why);

  // What is there at the start, and what is of no use any more: disk_rounds.cc
  bool load_some(std::int64_t until_ms);
  void load(std::uint64_t name);
  bool sweep_some(std::int64_t until_ms);
  bool is_over(std::uint32_t number, std::int64_t now_s) const;
  void loaded();

  Store& store_;
  Inner& inner_;
  const std::string name_;
  DiskControl& zone_;
  DiskIndex index_;
  const std::uint64_t blocks_most_;
  DiskFolder folder_;
  std::deque<Order> order_;
  std::string head_, piece_;  // of the file that is read
  std::uint64_t heard_ = 0;   // purges of the ring that folder_ knows

  std::optional<DiskFolder::Listing> listing_;
  std::int64_t loading_since_ms_ = 0;
  std::uint64_t found_ = 0, refused_ = 0;
  std::uint32_t sweep_at_ = 0;
  bool sweep_in_haste_ = false;

  std::int64_t writes_again_ms_ = 0, synced_ms_ = 0;
  int write_error_ = 0, open_error_ = 0, journal_error_ = 0;
  unsigned busy_ = 0;  // times that another process had the folder
};

}  // namespace weir::cache
