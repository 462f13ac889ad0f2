// Store: one [cache] of the configuration: a zone that all workers read and write, and this
// process's way into it.
//
// What a worker does with it:
//
//   find()  ->  answer: a Reader, pinned for as long as it lives; read() gives its body piece by
//   piece
//               vary: the names that choose among variants: find() again with the variant's key
//               pass: not storable, known since a moment: ask the origin, don't wait for others
//               nothing, or stale: join()
//   join()  ->  leads: a Fill: this process fetches; begin(), append()..., commit()
//               follows: a Follower: another request fetches the same; its owner is told of each
//               step
//               look_again: another fetched it between find() and join()
//               alone: no cell or lock to be had: ask the origin, nothing is stored
//
// A call takes a few microseconds, and where another process has the lock it waits for that no
// longer than lock.h says; a lock that can't be had is a miss.
// A process may be killed at any instruction: what it pinned, filled or locked is taken back by
// clean_dead(), and every check of a Reader that fails (magic, bounds, key, checksum) is a miss and
// is counted. Nothing of the zone is handed to sendfile, splice or MSG_ZEROCOPY.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/facts.h"
#include "os/fd.h"
#include "shm/slots.h"
#include "shm/zone.h"

namespace weir::cache {

enum class Eviction : std::uint8_t { s3fifo, lru };

struct Inner;  // what a Store is made of: store_inner.h

struct StoreSizes {
  std::uint64_t bytes = 0;             // of memory for stored answers
  std::uint64_t entries_max = 0;       // 0: as many as fit
  std::uint64_t object_bytes_max = 0;  // head and body of one answer
  Eviction eviction = Eviction::s3fifo;
  std::string disk_path{};       // absolute; empty: memory alone
  std::uint64_t disk_bytes = 0;  // of files there
  bool operator==(const StoreSizes&) const = default;
};

// What an answer is stored under. `text` is the whole of it and is compared on every hit; the view
// need only live until the call returns. The hash is keyed with the zone's secret: nobody outside
// can aim at a bucket.
struct Key {
  std::string_view text;
  std::uint64_t hash;
};

// A stored answer as one request reads it. Holds the memory it reads from: it is not reused while
// the Reader lives, whatever is evicted or purged meanwhile. An answer that still comes from its
// origin grows while it is read.
class Reader {
 public:
  enum class Progress : std::uint8_t { growing, complete, failed };

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&& other) noexcept;
  ~Reader();
  explicit operator bool() const { return core_ != nullptr; }

  const Facts& facts() const;
  std::string_view fields() const;   // as given to Fill::begin(): cache/field_block.h reads it
  std::uint64_t stored_seq() const;  // grows with each answer that is stored in this zone
  // A number that no other body has had: what is derived from this one and has it in its key is not
  // found for another. A 304 leaves it as it is, and so does the way to the disk and back.
  std::uint64_t body_word() const;
  std::span<const std::uint64_t> tags() const;  // as given to Fill::begin()
  bool soft_purged() const;  // to be treated as stale: a soft purge came after it

  Progress progress() const;
  std::uint64_t body_bytes() const;             // that are there now
  std::optional<std::uint64_t> length() const;  // of the whole body; nullopt: not known yet

  // The bytes from `at` on, as far as they lie together; empty: none there (yet), or damaged().
  // Checked against their checksum before they are handed out first. They stay where they are while
  // the Reader lives.
  std::string_view read(std::uint64_t at);
  bool damaged() const;

 private:
  friend class Store;
  friend struct Inner;
  class Core;
  explicit Reader(Core* core) : core_(core) {}
  Core* core_ = nullptr;
};

// The way of an answer into the store. Destroyed before commit(): abandoned; whoever follows is
// told.
class Fill {
 public:
  Fill() = default;
  Fill(const Fill&) = delete;
  Fill& operator=(const Fill&) = delete;
  Fill(Fill&& other) noexcept;
  Fill& operator=(Fill&& other) noexcept;
  ~Fill();
  explicit operator bool() const { return core_ != nullptr; }

  // The head of a storable answer is there. `tags`: hashes of its surrogate keys (Store::tag_hash).
  // `variant`: the answer belongs under this key, and `vary` (names, as its Vary says) under the
  // one that was joined; those who follow look again. False: no room; it is abandoned then.
  bool begin(const Facts& facts, std::string_view fields, std::optional<std::uint64_t> length,
             std::span<const std::uint64_t> tags, const Key* variant = nullptr,
             std::string_view vary = {});
  Reader reader();                      // of what is there so far; after begin()
  bool append(std::string_view bytes);  // false: no room or too large; it is abandoned then
  bool commit();                        // the body is whole: from now on it is found by all
  // The answer may not be stored: until then nobody waits for another at this key.
  void pass(std::int64_t until_ms);
  // The stored answer was found valid (304), or was made so by another: those who follow look
  // again.
  void look_again();
  void abandon();

 private:
  friend struct Inner;
  class Core;
  explicit Fill(Core* core) : core_(core) {}
  Core* core_ = nullptr;
};

class Follower;
class FollowerOwner {
 public:
  // Something changed: state() says what. Called from Store::on_wake(); the Follower may be
  // destroyed inside.
  virtual void on_fill_news(Follower& follower) = 0;

 protected:
  ~FollowerOwner() = default;
};

// A request that waits for what another one fetches. Owned by its FollowerOwner; leaves by its
// destructor.
class Follower {
 public:
  enum class State : std::uint8_t {
    waiting,     // no head yet
    growing,     // reader() has the head and what has come of the body
    complete,    // reader() has all of it
    look_again,  // find() again: it is there, under another key, or it was found fresh
    pass,        // not storable: each asks for itself
    failed,      // the origin failed the one who led
    orphaned,    // the one who led is gone: take_over() makes one of those who follow the next
  };

  Follower() = default;
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  Follower(Follower&& other) noexcept;
  Follower& operator=(Follower&& other) noexcept;
  ~Follower();
  explicit operator bool() const { return core_ != nullptr; }

  State state() const;
  Reader& reader();  // growing or complete
  // Of Store::fetch(): it took too long. Whoever joins next leads.
  void give_up();
  // Nobody else leads this key now: the Fill. Empty: another was faster; state() says what comes.
  Fill take_over();

 private:
  friend struct Inner;
  class Core;
  explicit Follower(Core* core) : core_(core) {}
  Core* core_ = nullptr;
};

struct Found {
  enum class Kind : std::uint8_t { nothing, answer, vary, pass };
  Kind kind = Kind::nothing;
  Reader reader{};  // answer; vary: fields() are the names
};

// Where something was found, for a look later whether it still is there.
struct Sighting {
  std::uint32_t number = 0;
  std::uint64_t hash = 0, ref = 0, seq = 0;  // ref 0: nowhere
};

struct Joined {  // one of the three, or none: alone
  Fill fill{};
  Follower follower{};
  bool look_again = false;
};

// What came of the requests that a store was asked for.
struct Served {
  std::uint64_t hits = 0, misses = 0, revalidated = 0, stale = 0, bypassed = 0, collapsed = 0,
                bytes_out = 0;
};
inline constexpr std::size_t served_counts = 7;
inline constexpr std::uint64_t Served::*served_members[served_counts] = {
    &Served::hits,     &Served::misses,    &Served::revalidated, &Served::stale,
    &Served::bypassed, &Served::collapsed, &Served::bytes_out};
static_assert(sizeof(Served) == served_counts * sizeof(std::uint64_t));

// What the zone holds and has done since it was made; sums over all workers.
struct StoreStats {
  std::uint64_t bytes_max = 0, bytes_used = 0;  // used: of objects that can be found
  std::uint64_t entries_max = 0, entries = 0;
  std::uint64_t copies = 0;  // stored, of answers in content codings
  std::uint64_t stored = 0, evicted = 0, expired = 0, purged = 0, damaged = 0, no_room = 0,
                lock_timeouts = 0;
  std::uint64_t segments = 0, segments_free = 0, segments_pinned = 0, moved_bytes = 0;
  Served served{};
  std::uint64_t disk_bytes_max = 0, disk_bytes = 0;  // max 0: there is no disk tier
  std::uint64_t disk_entries_max = 0, disk_entries = 0;
  std::uint64_t disk_hits = 0, disk_stored = 0, disk_evicted = 0, disk_damaged = 0,
                disk_dropped = 0, disk_write_errors = 0;
  bool disk_loaded = false;
};

class Store {
 public:
  // Master, before it forks: a zone of its own. Kept over reloads while sizes() are the same.
  static Result<std::unique_ptr<Store>> create(std::string_view name, const StoreSizes& sizes);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // The same zone as another process has it: for tests. At another address, or, for the thread
  // sanitizer's sake, at the same one; this Store must live longer then.
  enum class Address : std::uint8_t { another, same };
  Result<std::unique_ptr<Store>> view(Address address = Address::another) const;
  // As somebody outside has it, who only looks: check_now(), stats().
  static Result<std::unique_ptr<Store>> attach(std::string_view name, const StoreSizes& sizes,
                                               Fd zone);

  // Of shared memory, index and all.
  static std::uint64_t zone_bytes(const StoreSizes& sizes);
  // Of the cache keeper's own, at most.
  static std::uint64_t keeper_bytes(const StoreSizes& sizes);
  const StoreSizes& sizes() const;
  const shm::Zone& zone() const;

  // Master: what `before` holds comes over into this one, which is of another size (transfer.h).
  void follow(const std::shared_ptr<Store>& before);

  // What a child must not close: the eventfds of all slots, 256.
  std::vector<int> wake_fds() const;
  // In a child, after fork: who it is; only then the calls below.
  void enter(shm::SlotId self);
  int wake_fd() const;  // readable when on_wake() has something to do (workers)
  void on_wake();       // tells followers

  Key key(std::string_view text) const;
  static std::uint64_t tag_hash(std::string_view tag);

  Found find(const Key& key);
  Sighting sighting(const Key& key, const Reader& found) const;
  // It is there as it was, neither purged nor soft purged; that counts as a use. False: it is not,
  // or cannot be told without find().
  bool still_sees(const Sighting& it);
  // How often a key was asked for that is not stored, this time included; forgotten after a while.
  std::uint32_t count_use(const Key& key);
  // Another copy of what is stored under this key is wanted; `how` (31 bits) is between the two who
  // talk. False: too many are.
  bool wish(const Key& key, std::uint32_t how);
  struct Wish {
    std::uint32_t how = 0;
    std::string key{};
    Reader reader{};  // empty: it is gone
  };
  std::optional<Wish> take_wish();
  // `seen`: the stored_seq() of what find() gave, 0 for nothing. Where another answer is stored by
  // now nobody leads: find() again. Without it that is not asked, and there is always a way on.
  Joined join(const Key& key, FollowerOwner& owner, std::optional<std::uint64_t> seen = {});
  // Where find() found nothing: it may be on disk. Then the cache keeper brings it to memory, and
  // says look_again; or pass, where it can't. Empty: it is not on disk, or the disk is too slow.
  Follower fetch(const Key& key, FollowerOwner& owner);
  // The stored answer with other facts and fields, its body as it is: after a 304 (RFC 9111 4.3.4).
  bool freshen(const Key& key, Reader& stored, const Facts& facts, std::string_view fields);
  bool remove(const Key& key);  // true: something was there

  // Purging: soft ones become stale, others are not found again. Constant time, whatever is stored.
  bool purge(const Key& key, bool soft);
  bool purge_prefix(std::string_view key_prefix,
                    bool soft);  // false: too many at once, later again
  void purge_tag(std::uint64_t tag, bool soft);
  void purge_all(bool soft);

  // Housekeeper. keep_house(): makes room (moves what lives out of segments that hold little),
  // drops what is expired beyond use or purged, repairs what a dead process left; a bounded piece
  // of work per call. True: there is more to do.
  bool keep_house(std::int64_t now_ms);
  void clean_dead(shm::SlotId dead);  // before its slot is given anew

  void count(const Served& more);  // in cells of this process's own
  StoreStats stats() const;
  std::uint64_t index_bytes()
      const;  // besides the memory for answers, and in proportion to entries
  // What must hold while nobody changes anything, and does not. Empty: all is well.
  std::vector<std::string> check() const;
  // The same while others work with it: it takes the lock, so nothing is changed for as long.
  std::vector<std::string> check_now() const;

 private:
  friend class DiskKeeper;
  friend class Transfer;
  friend struct Inner;
  explicit Store(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace weir::cache
