// DiskPurges: the purges of many that what is on disk has to be compared with, and their form in
// the journal, which is kept over a restart. Pure.
//
// In memory a purge is forgotten once all entries were compared with it. The tags and the key of
// what is on disk are known only when its file is read, so here purges stand until nothing is left
// that is older. Where they become too many the oldest become one of everything: more is purged
// than was asked for, never less.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cache/purge.h"
#include "shm/zone.h"

namespace weir::cache {

struct PurgeRecord {
  enum class Kind : std::uint8_t {
    zone = 1,    // from here on: `text` is the zone that gave the numbers
    all,         // what has this seq or less
    all_tagged,  // ... and a tag
    tag,
    prefix,
  };
  Kind kind = Kind::all;
  bool soft = false;
  std::uint64_t seq = 0, tag = 0;
  std::string_view text{};
};
void append_record(const PurgeRecord& record, std::string& out);
// From the front of `rest`. False: it is damaged, or ends too early.
bool take_record(std::string_view& rest, PurgeRecord& out);

class DiskPurges {
 public:
  using Verdict = Purges::Verdict;
  static constexpr std::size_t prefixes_most = 4096, tags_most = 65536;

  void add(const PurgeRecord& record);
  Verdict judge(std::uint64_t seq, std::string_view key, std::span<const std::uint64_t> tags) const;

  Verdict judge_tag(std::uint64_t seq, std::uint64_t tag) const;  // by the records of one tag alone

  // Whether a record of that kind, `all` or `all_tagged`, says anything new.
  bool is_news(PurgeRecord::Kind kind, bool soft, std::uint64_t seq) const {
    return seq > floor_of(kind, soft);
  }
  std::uint64_t hard_floor() const { return hard_; }
  std::uint64_t newest() const { return newest_; }  // seq of any record
  const shm::Id128& zone() const { return zone_; }
  std::size_t size() const { return prefixes_.size() + tags_.size(); }

  // Nothing older than that is left.
  void forget_before(std::uint64_t seq);
  void write(std::string& out) const;  // as few records as say the same

 private:
  struct Seqs {
    std::uint64_t hard = 0, soft = 0;
  };
  std::uint64_t floor_of(PurgeRecord::Kind kind, bool soft) const {
    const bool all = kind == PurgeRecord::Kind::all;
    return soft ? (all ? soft_ : tag_soft_) : (all ? hard_ : tag_hard_);
  }
  void raise(PurgeRecord::Kind kind, bool soft, std::uint64_t seq);
  void fold_oldest();

  std::uint64_t hard_ = 0, soft_ = 0, tag_hard_ = 0, tag_soft_ = 0, newest_ = 0;
  shm::Id128 zone_{};
  std::uint64_t zone_seq_ = 0;
  std::unordered_map<std::uint64_t, Seqs> tags_;
  std::map<std::string, Seqs, std::less<>> prefixes_;
};

}  // namespace weir::cache
