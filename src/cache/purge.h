// Purges: what was stored before one of them is not found again, or is stale from then on. Every
// stored answer has a number that grows; a purge notes the number it came at, whatever is stored:
// for everything one floor, for a tag a record of a table, for a prefix a rule of a short list that
// stands until all entries were compared with it.
//
// A record that another displaces raises the floor for whatever has a tag: more is purged than was
// asked for, never less.
#pragma once

#include <string_view>

#include "cache/layout.h"
#include "cache/store.h"

namespace weir::cache {

class Purges {
 public:
  enum class Verdict : std::uint8_t { stays, soft, purged };

  explicit Purges(const Memory& memory) : memory_(memory) {}

  std::uint64_t next_seq() const {
    return memory_.control->seq.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  Verdict judge(const Head& head) const;  // without the lock; of a sound head
  Verdict judge_key(std::uint64_t seq, std::string_view key) const;  // of which no tags are known
  Verdict judge_tag(std::uint64_t seq, std::uint64_t tag) const;  // what has this tag, and only it
  bool none_since(std::uint64_t seq) const;  // of many: what has this seq need not be judged

  void all(bool soft) const;                              // without the lock
  void raise_hard_floor(std::uint64_t seq) const;         // all up to this number
  std::uint64_t tag(std::uint64_t tag, bool soft) const;  // under the lock; its seq
  void all_tagged(bool soft) const;                       // without it: more than was asked for
  // Under the lock; its seq, 0: too many.
  std::uint64_t prefix(std::string_view key_prefix, bool soft) const;

  // Housekeeper: all that was stored before was compared with them.
  void drop_rules(std::uint64_t before) const;
  std::uint64_t newest() const;  // seq of the last purge of many

 private:
  template <class Note>
  std::uint64_t at_new_seq(const Note& note) const;
  Verdict judge_tags(const Head& head) const;
  Verdict judge_record(std::uint64_t seq, std::uint64_t tag) const;
  Verdict judge_tag_floor(std::uint64_t seq) const;
  Verdict judge_floor(std::uint64_t seq) const;
  Verdict judge_prefix(std::uint64_t seq, std::string_view key) const;

  const Memory& memory_;
};

}  // namespace weir::cache
