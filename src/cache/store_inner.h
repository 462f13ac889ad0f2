// Inner: what a Store is made of, in one process: the parts that work on the zone, and what this
// process has handed out of them. The cores of readers, fills and followers are kept when they end,
// so that a hit allocates nothing once it is warm.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/siphash.h"
#include "cache/cleaner.h"
#include "cache/disk_tier.h"
#include "cache/fills.h"
#include "cache/lock.h"
#include "cache/objects.h"
#include "cache/passes.h"
#include "cache/purge.h"
#include "cache/store.h"
#include "cache/uses.h"
#include "cache/wishes.h"

namespace weir::cache {

class Restored;  // cores.h

struct Inner {
  Inner(std::string its_name, shm::Zone its_zone, const Geometry& geometry);
  ~Inner();
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

  std::string name;  // of the zone
  shm::Zone zone;
  Memory memory;
  Segments segments{memory};
  Index index{memory};
  Queues queues{memory};
  Objects objects{memory};
  Cleaner cleaner{memory};
  Purges purges{memory};
  Passes passes{memory};
  Uses uses{memory};
  Wishes wishes{memory};
  Wakes wakes;
  Fills fills{memory, wakes};
  DiskTier disk{memory, wakes};
  SipKey secret;
  // The one of another size that this one was made behind, if it was there when the process began.
  std::weak_ptr<Store> earlier;  // master
  std::shared_ptr<Store> earlier_held;

  // Checked in all but the body; nullptr: it is not that, or damaged. Its segment must be pinned.
  Head* sound_head(Ref ref, std::uint64_t hash) const;
  // An object that the index does not know yet, all of it but its body.
  struct Text {
    std::string_view key, fields;
    std::span<const std::uint64_t> tags;
    std::size_t bytes() const { return key.size() + fields.size() + tags.size() * 8; }
  };
  struct Plan {
    std::uint64_t hash, seq;
    Facts facts{};
    std::uint64_t body_word = 0;
    Content content = Content::answer;
    std::uint64_t length = 0;  // of the body; length_unknown
    bool in_pieces = false;
    std::uint32_t inline_bytes = 0;  // room for a body in the head
    std::uint32_t capacity = 0;      // places for pieces in the head
    std::uint32_t body_seq = 0;
    static std::uint32_t units(const Text& text, std::uint32_t inline_bytes);
    static std::uint32_t units_in_pieces(const Text& text, std::uint32_t capacity);
  };
  std::uint64_t body_word_of(std::uint64_t seq) const;
  Head* write_head(Ref ref, const Text& text, const Plan& plan) const;
  bool put_marker(const Key& key, std::string_view vary,
                  std::uint64_t seq) const;  // under the lock

  // What came from the earlier store has not been removed there since it was compared.
  bool earlier_holds() const;
  bool stands(const Head& head) const;  // neither purged nor removed there
  std::uint64_t removals() const;       // changes with each removal and purge
  Found find(const Key& key);
  Head* head_under(const Key& key);  // under the lock: what find() would give; null: nothing
  // What is stored under a hash, to be written to disk: not counted as a use, nor if it was purged.
  struct Source {
    Reader reader{};
    std::string key{};
    std::vector<std::uint64_t> tags{};
    Content content = Content::answer;
  };
  Source source_of(std::uint64_t hash);
  Reader grow_with(Ref ref, const Key& key);  // empty: it is not there any more
  // The Reader of an object whose segment is pinned, and is unpinned by it.
  Reader open(Ref ref, Head& head);
  void copy_pieces(Head& from, Head& to) const;
  static std::vector<std::uint64_t> tags_copy(const Head& head);
  void drop_damaged(const Key& key, Ref ref);
  bool freshen(const Key& key, Reader& stored, const Facts& facts, std::string_view fields);
  bool remove(const Key& key, bool soft, bool purge);
  bool remove_from_memory(const Key& key, bool soft, bool purge);
  bool hide_unlocked(const Key& key, bool soft) const;
  bool purge_prefix(std::string_view key_prefix, bool soft) const;
  void purge_tag(std::uint64_t tag, bool soft) const;

  Joined join(const Key& key, FollowerOwner& owner, std::optional<std::uint64_t> seen);
  bool is_outdated(CellId id, const Key& key) const;  // under the lock
  Follower fetch(const Key& key, FollowerOwner& owner);
  Follower follow(CellId id, const Key& key, FollowerOwner& owner);
  Fill lead(CellId id, const Key& key, std::uint64_t seq);
  // For the cache keeper, whose cell it is; `restored` outlives it.
  Fill restore(CellId id, const Key& key, std::uint64_t seq, Restored& restored);
  void tell_followers();

  void repair();
  bool sweep(std::int64_t now_ms);
  void sweep_one(std::uint32_t number, std::int64_t now_ms);
  void clean_dead(std::uint32_t slot);

  void give_back(Reader::Core* core);
  void give_back(Fill::Core* core);
  void give_back(Follower::Core* core);
  template <class Core>
  static Core* take(std::vector<std::unique_ptr<Core>>& kept);

  std::vector<std::unique_ptr<Reader::Core>> readers;
  std::vector<std::unique_ptr<Fill::Core>> fill_cores;
  std::vector<std::unique_ptr<Follower::Core>> follower_cores;
  Follower::Core* first_follower = nullptr;
  Follower::Core* next_told = nullptr;  // while they are being told
};

}  // namespace weir::cache
