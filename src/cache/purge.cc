#include "cache/purge.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

void raise(std::atomic<std::uint64_t>& floor, std::uint64_t to) {
  std::uint64_t was = floor.load(std::memory_order_relaxed);
  while (was < to && !floor.compare_exchange_weak(was, to, std::memory_order_seq_cst)) {
  }
}

Purges::Verdict worse(Purges::Verdict one, Purges::Verdict other) { return std::max(one, other); }

Purges::Verdict by(std::uint64_t seq, std::uint64_t hard, std::uint64_t soft) {
  if (seq <= hard) return Purges::Verdict::purged;
  return seq <= soft ? Purges::Verdict::soft : Purges::Verdict::stays;
}

// By words, as the rule may become another's meanwhile.
bool has_prefix(std::string_view key, const Rule& rule, std::uint32_t bytes) {
  if (bytes > rule_bytes_most || key.size() < bytes) return false;
  for (std::size_t at = 0; at < bytes; at += 8) {
    const std::uint64_t word = rule.text[at / 8].load(std::memory_order_relaxed);
    if (std::memcmp(&word, key.data() + at, std::min<std::size_t>(8, bytes - at)) != 0) {
      return false;
    }
  }
  return true;
}

TagCell* set_of(const Memory& memory, std::uint64_t tag) {
  return memory.tags + mix64(tag) % (tag_cells / tag_ways) * tag_ways;
}

}  // namespace

// Notes a purge at a number of its own. Who drew a later number has done so after the note could be
// seen: else it is noted once more.
template <class Note>
std::uint64_t Purges::at_new_seq(const Note& note) const {
  constexpr int attempts = 1000;
  std::uint64_t seq = 0;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    seq = next_seq();
    note(seq);
    if (memory_.control->seq.load(std::memory_order_seq_cst) == seq) break;
  }
  return seq;
}

Purges::Verdict Purges::judge(const Head& head) const {
  const Control& it = *memory_.control;
  Verdict verdict = judge_floor(head.seq);
  if (head.tags != 0 && head.seq <= it.tag_newest.load(std::memory_order_acquire)) {
    verdict = worse(verdict, judge_tags(head));
  }
  return worse(verdict, judge_prefix(head.seq, key_of(head)));
}

Purges::Verdict Purges::judge_key(std::uint64_t seq, std::string_view key) const {
  return worse(judge_floor(seq), judge_prefix(seq, key));
}

Purges::Verdict Purges::judge_floor(std::uint64_t seq) const {
  return by(seq, memory_.control->hard_floor.load(std::memory_order_acquire),
            memory_.control->soft_floor.load(std::memory_order_acquire));
}

bool Purges::none_since(std::uint64_t seq) const {
  const Control& it = *memory_.control;
  return seq > it.hard_floor.load(std::memory_order_acquire) &&
         seq > it.soft_floor.load(std::memory_order_acquire) &&
         seq > it.tag_newest.load(std::memory_order_acquire) &&
         seq > it.rule_newest.load(std::memory_order_acquire);
}

Purges::Verdict Purges::judge_tags(const Head& head) const {
  Verdict verdict = Verdict::stays;
  for (std::uint16_t i = 0; i < head.tags; ++i) {
    std::uint64_t tag = 0;
    std::memcpy(&tag, tags_of(head) + i, sizeof tag);
    verdict = worse(verdict, judge_record(head.seq, tag));
  }
  // After the records: the floor is raised before a record gives way.
  return worse(verdict, judge_tag_floor(head.seq));
}

Purges::Verdict Purges::judge_tag(std::uint64_t seq, std::uint64_t tag) const {
  const Verdict verdict = judge_record(seq, tag);
  return worse(verdict, judge_tag_floor(seq));
}

Purges::Verdict Purges::judge_record(std::uint64_t seq, std::uint64_t tag) const {
  const TagCell* const set = set_of(memory_, tag);
  Verdict verdict = Verdict::stays;
  for (std::uint32_t way = 0; way < tag_ways; ++way) {
    if (set[way].tag.load(std::memory_order_acquire) != tag) continue;
    verdict = worse(verdict, by(seq, set[way].hard.load(std::memory_order_acquire),
                                set[way].soft.load(std::memory_order_acquire)));
  }
  return verdict;
}

Purges::Verdict Purges::judge_tag_floor(std::uint64_t seq) const {
  return by(seq, memory_.control->tag_hard_floor.load(std::memory_order_acquire),
            memory_.control->tag_soft_floor.load(std::memory_order_acquire));
}

Purges::Verdict Purges::judge_prefix(std::uint64_t seq, std::string_view key) const {
  Verdict verdict = Verdict::stays;
  if (seq > memory_.control->rule_newest.load(std::memory_order_acquire)) return verdict;
  for (const Rule& rule : memory_.control->rules) {
    if (rule.seq.load(std::memory_order_acquire) < seq) continue;
    const std::uint32_t bytes = rule.bytes.load(std::memory_order_relaxed);
    if (!has_prefix(key, rule, bytes)) continue;
    verdict = worse(
        verdict, rule.soft.load(std::memory_order_relaxed) != 0 ? Verdict::soft : Verdict::purged);
  }
  return verdict;
}

void Purges::all(bool soft) const {
  Control& it = *memory_.control;
  at_new_seq([&](std::uint64_t seq) { raise(soft ? it.soft_floor : it.hard_floor, seq); });
}

void Purges::raise_hard_floor(std::uint64_t seq) const { raise(memory_.control->hard_floor, seq); }

void Purges::all_tagged(bool soft) const {
  Control& it = *memory_.control;
  at_new_seq([&](std::uint64_t seq) {
    raise(soft ? it.tag_soft_floor : it.tag_hard_floor, seq);
    raise(it.tag_newest, seq);
  });
}

std::uint64_t Purges::tag(std::uint64_t tag, bool soft) const {
  Control& it = *memory_.control;
  TagCell* const set = set_of(memory_, tag);
  const auto newest = [](const TagCell& cell) {
    return std::max(cell.hard.load(), cell.soft.load());
  };
  TagCell* mine = set;
  for (TagCell* cell = set; cell < set + tag_ways; ++cell) {
    if (cell->tag.load() == tag) {
      mine = cell;
      break;
    }
    if (newest(*cell) < newest(*mine)) mine = cell;
  }
  if (mine->tag.load() != tag) {
    raise(it.tag_hard_floor, mine->hard.load());
    raise(it.tag_soft_floor, mine->soft.load());
    SHM_POINT(cache_tag_displaced);
    mine->tag.store(0);
    mine->hard.store(0);
    mine->soft.store(0);
    mine->tag.store(tag);
  }
  const std::uint64_t noted = at_new_seq([&](std::uint64_t seq) {
    (soft ? mine->soft : mine->hard).store(seq);
    raise(it.tag_newest, seq);
  });
  SHM_POINT(cache_tag_purged);
  return noted;
}

std::uint64_t Purges::prefix(std::string_view key_prefix, bool soft) const {
  if (key_prefix.size() > rule_bytes_most) return 0;
  Control& it = *memory_.control;
  for (Rule& rule : it.rules) {
    if (rule.seq.load() != 0) continue;
    for (std::size_t at = 0; at < key_prefix.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, key_prefix.data() + at, std::min<std::size_t>(8, key_prefix.size() - at));
      rule.text[at / 8].store(word, std::memory_order_relaxed);
    }
    rule.bytes.store(static_cast<std::uint32_t>(key_prefix.size()));
    rule.soft.store(soft);
    const std::uint64_t noted = at_new_seq([&](std::uint64_t seq) {
      rule.seq.store(seq);
      raise(it.rule_newest, seq);
    });
    SHM_POINT(cache_rule_made);
    return noted;
  }
  return 0;
}

void Purges::drop_rules(std::uint64_t before) const {
  for (Rule& rule : memory_.control->rules) {
    if (rule.seq.load() < before) rule.seq.store(0);
  }
}

std::uint64_t Purges::newest() const {
  const Control& it = *memory_.control;
  return std::max(
      {it.hard_floor.load(), it.soft_floor.load(), it.tag_newest.load(), it.rule_newest.load()});
}

}  // namespace weir::cache
