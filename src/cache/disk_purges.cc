#include "cache/disk_purges.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cache/chunk.h"

namespace weir::cache {
namespace {

struct RecordHead {
  std::uint64_t sum;  // of what follows
  std::uint64_t seq, tag;
  std::uint32_t text_bytes;
  std::uint8_t kind, soft;
  std::uint16_t reserved;
};
static_assert(sizeof(RecordHead) == 32);
constexpr std::size_t summed_from = sizeof(std::uint64_t);
constexpr std::uint32_t text_most = 1U << 16;

DiskPurges::Verdict by(std::uint64_t seq, std::uint64_t hard, std::uint64_t soft) {
  if (seq <= hard) return DiskPurges::Verdict::purged;
  return seq <= soft ? DiskPurges::Verdict::soft : DiskPurges::Verdict::stays;
}

}  // namespace

void append_record(const PurgeRecord& record, std::string& out) {
  RecordHead head{};
  head.seq = record.seq;
  head.tag = record.tag;
  head.text_bytes = static_cast<std::uint32_t>(record.text.size());
  head.kind = static_cast<std::uint8_t>(record.kind);
  head.soft = record.soft ? 1 : 0;
  const std::size_t start = out.size();
  out.append(reinterpret_cast<const char*>(&head), sizeof head).append(record.text);
  head.sum = checksum64(std::string_view(out).substr(start + summed_from));
  std::memcpy(out.data() + start, &head.sum, sizeof head.sum);
}

bool take_record(std::string_view& rest, PurgeRecord& out) {
  RecordHead head;
  if (rest.size() < sizeof head) return false;
  std::memcpy(&head, rest.data(), sizeof head);
  const std::size_t bytes = sizeof head + head.text_bytes;
  if (head.text_bytes > text_most || rest.size() < bytes) return false;
  if (head.sum != checksum64(rest.substr(summed_from, bytes - summed_from))) return false;
  if (head.kind < static_cast<std::uint8_t>(PurgeRecord::Kind::zone) ||
      head.kind > static_cast<std::uint8_t>(PurgeRecord::Kind::prefix)) {
    return false;
  }
  out = {static_cast<PurgeRecord::Kind>(head.kind), head.soft != 0, head.seq, head.tag,
         rest.substr(sizeof head, head.text_bytes)};
  rest.remove_prefix(bytes);
  return true;
}

void DiskPurges::raise(PurgeRecord::Kind kind, bool soft, std::uint64_t seq) {
  const bool all = kind == PurgeRecord::Kind::all;
  std::uint64_t& floor = soft ? (all ? soft_ : tag_soft_) : (all ? hard_ : tag_hard_);
  floor = std::max(floor, seq);
}

void DiskPurges::add(const PurgeRecord& record) {
  newest_ = std::max(newest_, record.seq);
  const auto note = [&](Seqs& seqs) {
    std::uint64_t& seq = record.soft ? seqs.soft : seqs.hard;
    seq = std::max(seq, record.seq);
  };
  switch (record.kind) {
    case PurgeRecord::Kind::zone:
      if (record.text.size() == zone_.size()) {
        std::memcpy(zone_.data(), record.text.data(), zone_.size());
      }
      zone_seq_ = record.seq;
      return;
    case PurgeRecord::Kind::all:
    case PurgeRecord::Kind::all_tagged: return raise(record.kind, record.soft, record.seq);
    case PurgeRecord::Kind::tag: note(tags_[record.tag]); break;
    case PurgeRecord::Kind::prefix: note(prefixes_[std::string(record.text)]); break;
  }
  if (prefixes_.size() > prefixes_most || tags_.size() > tags_most) fold_oldest();
}

DiskPurges::Verdict DiskPurges::judge_tag(std::uint64_t seq, std::uint64_t tag) const {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? Verdict::stays : by(seq, found->second.hard, found->second.soft);
}

DiskPurges::Verdict DiskPurges::judge(std::uint64_t seq, std::string_view key,
                                      std::span<const std::uint64_t> tags) const {
  Verdict verdict = by(seq, hard_, soft_);
  if (!tags.empty()) verdict = std::max(verdict, by(seq, tag_hard_, tag_soft_));
  for (const std::uint64_t tag : tags) verdict = std::max(verdict, judge_tag(seq, tag));
  for (const auto& [prefix, seqs] : prefixes_) {
    if (key.starts_with(prefix)) verdict = std::max(verdict, by(seq, seqs.hard, seqs.soft));
  }
  return verdict;
}

void DiskPurges::forget_before(std::uint64_t seq) {
  const auto is_over = [seq](const auto& it) {
    return std::max(it.second.hard, it.second.soft) < seq;
  };
  std::erase_if(tags_, is_over);
  std::erase_if(prefixes_, is_over);
}

// The older half of whichever are too many.
void DiskPurges::fold_oldest() {
  std::vector<std::uint64_t> seqs;
  const auto gather = [&seqs](const auto& of) {
    seqs.clear();
    for (const auto& it : of) seqs.push_back(std::max(it.second.hard, it.second.soft));
    std::nth_element(seqs.begin(), seqs.begin() + static_cast<std::ptrdiff_t>(seqs.size() / 2),
                     seqs.end());
    return seqs[seqs.size() / 2];
  };
  const bool is_tags = tags_.size() > tags_most;
  const std::uint64_t middle = is_tags ? gather(tags_) : gather(prefixes_);
  raise(PurgeRecord::Kind::all, false, middle);
  forget_before(middle + 1);
}

void DiskPurges::write(std::string& out) const {
  using Kind = PurgeRecord::Kind;
  const std::string_view id(reinterpret_cast<const char*>(zone_.data()), zone_.size());
  append_record({Kind::zone, false, zone_seq_, 0, id}, out);
  for (const Kind kind : {Kind::all, Kind::all_tagged}) {
    for (const bool soft : {false, true}) {
      const std::uint64_t seq = floor_of(kind, soft);
      if (seq != 0) append_record({kind, soft, seq, 0, {}}, out);
    }
  }
  const auto both = [&out](Kind kind, const Seqs& seqs, std::uint64_t tag, std::string_view text) {
    if (seqs.hard != 0) append_record({kind, false, seqs.hard, tag, text}, out);
    if (seqs.soft != 0) append_record({kind, true, seqs.soft, tag, text}, out);
  };
  for (const auto& [tag, seqs] : tags_) both(Kind::tag, seqs, tag, {});
  for (const auto& [prefix, seqs] : prefixes_) both(Kind::prefix, seqs, 0, prefix);
}

}  // namespace weir::cache
