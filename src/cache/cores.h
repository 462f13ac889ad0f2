// What stands behind a Reader, a Fill and a Follower in the process that has it.
#pragma once

#include <vector>

#include "cache/store_inner.h"

namespace weir::cache {

class Reader::Core {
 public:
  struct Part {
    const char* at;
    std::uint64_t start;  // in the body
    std::uint32_t bytes, sum;
    bool is_final;    // nothing is appended to it any more
    bool is_checked;  // against its sum
  };

  Inner* inner = nullptr;
  Ref ref;
  Head* head = nullptr;
  Head* lister = nullptr;  // whose list of pieces is read: `head`, or what the index has by now
  bool complete = false, failed = false, damaged = false, inline_checked = false;
  std::uint64_t bytes = 0;  // of the body, as last seen
  std::uint32_t body_sum = 0;
  Ref table;  // whose segment is pinned
  std::vector<Part> parts;
  std::size_t last = 0;  // the part that was read last
  std::vector<std::uint32_t> pinned;

  bool pin(Ref where);
  // Looks again at what grows. False: damaged, or what it needs is not there any more.
  bool look();
  std::string_view read(std::uint64_t at);
  void reset();

 private:
  bool add_parts(const Body& body);
  bool go_to_current();
  bool add_part(Piece& piece, std::uint32_t number);
  bool is_whole(const Body& body);
  std::string_view read_inline(std::uint64_t at);
  std::string_view read_part(Part& part, std::uint64_t at);
  bool spoil();
};

// What a fill brings that was stored before, on disk or in another store, under the seq it is to
// have.
class Restored {
 public:
  explicit Restored(std::uint32_t its_owner) : owner(its_owner) {}
  const std::uint32_t owner;  // of the cell: a slot, or disk_slot
  Content content = Content::answer;
  std::uint64_t body_word = 0;  // 0: it had none
  bool soft = false;
  // All purges there were until now. Under the zone's lock.
  virtual Purges::Verdict judge_again() = 0;

 protected:
  ~Restored() = default;
};

class Fill::Core {
 public:
  Inner* inner = nullptr;
  Restored* restored = nullptr;  // null: from an origin
  std::string key;
  std::uint64_t hash = 0, seq = 0;
  CellId cell;
  Ref ref;
  Head* head = nullptr;
  std::uint64_t bytes = 0, length = length_unknown;

  bool begin(const Facts& facts, std::string_view fields, std::optional<std::uint64_t> length,
             std::span<const std::uint64_t> tags, const weir::cache::Key* variant,
             std::string_view vary);
  bool append(std::string_view bytes);
  bool commit();
  void end(CellState state);  // nothing is stored
  void reset();

 private:
  bool allocate_head(const Inner::Text& text, Inner::Plan& plan, const weir::cache::Key* variant,
                     std::string_view vary);
  bool go_to_variant(const weir::cache::Key& variant, std::string_view vary);
  Ref allocate(std::uint32_t units);
  bool add_piece(std::size_t wanted);
  bool grow_table();
  void finish_piece();
  void let_go();
  std::uint32_t owner() const { return restored != nullptr ? restored->owner : inner->memory.self; }
  bool may_restore(bool& soft) const;
  bool store();

  weir::cache::Part* part_ = nullptr;  // the piece that is being filled
  std::uint32_t room_ = 0, used_ = 0;
  std::uint32_t pieces_ = 0, capacity_ = 0;
  Piece* table_ = nullptr;
  std::uint64_t in_pieces_ = 0;  // bytes that the pieces so far have room for
  std::uint64_t growing_ = 0;    // units that no entry refers to yet
  std::vector<std::uint32_t> held_;
};

class Follower::Core {
 public:
  Inner* inner = nullptr;
  FollowerOwner* owner = nullptr;
  Follower* handle = nullptr;
  std::string key;
  std::uint64_t hash = 0;
  CellId cell;
  Reader reader;
  Ref attached;
  State told = State::waiting;
  std::uint64_t told_bytes = 0;
  Core *next = nullptr, *previous = nullptr;

  State state();
  void reset();

 private:
  bool attach();
  State of_reader();
};

// Until when a stored answer is good for anything, in wall-clock milliseconds.
std::int64_t of_use_until(Content content, const Facts& facts);

// Pieces and the whole of their body: what a body in pieces is checked against at first.
std::uint32_t pieces_checksum(std::span<Piece> pieces, std::uint64_t bytes);

// How large the next piece of a body is to be that has so many bytes already.
std::uint32_t piece_bytes_for(const Geometry& geometry, std::uint64_t body_bytes);

}  // namespace weir::cache
