// What the disk tier reads back: the head of a file, the journal of purges, a block of fields. None
// is believed: whatever the bytes, what comes out lies inside them and says the same when it is
// written again.
#include <array>
#include <cstring>
#include <string>

#include "cache/disk_file.h"
#include "cache/disk_purges.h"
#include "cache/field_block.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

using namespace cache;

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void run_head(std::string_view file) {
  const auto bytes = disk_head_bytes(file);
  if (!bytes || *bytes > file.size()) return;
  const std::string_view head = file.substr(0, *bytes);
  DiskObject object;
  if (!read_disk_head(head, file.size(), object)) return;
  check(inside(object.key, head) && inside(object.fields, head));
  check(*bytes + object.body_bytes() == file.size());
  const std::string again = disk_head(object);
  check(again.size() == head.size());
  DiskObject same;
  check(read_disk_head(again, file.size(), same));
  check(same.seq == object.seq && same.zone == object.zone && same.key == object.key &&
        same.fields == object.fields && same.tags == object.tags &&
        same.pieces.size() == object.pieces.size());
}

// Fuzzing does not find a checksum: where the head ends, and its sum, are put right.
void run_mended_head(std::string file) {
  constexpr std::size_t bytes_at = 12, sum_at = 16, file_bytes_at = 24;
  if (file.size() < disk_head_least) return;
  const std::string_view model = [] {
    static const std::string head = disk_head({});
    return std::string_view(head);
  }();
  std::memcpy(file.data(), model.data(), bytes_at);
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, file.data() + bytes_at, sizeof bytes);
  bytes = static_cast<std::uint32_t>(disk_head_least + bytes % (file.size() - disk_head_least + 1));
  std::memcpy(file.data() + bytes_at, &bytes, sizeof bytes);
  const std::uint64_t file_bytes = file.size();
  std::memcpy(file.data() + file_bytes_at, &file_bytes, sizeof file_bytes);
  const std::uint64_t sum =
      checksum64(std::string_view(file).substr(file_bytes_at, bytes - file_bytes_at));
  std::memcpy(file.data() + sum_at, &sum, sizeof sum);
  run_head(file);
}

void run_journal(std::string_view journal) {
  DiskPurges purges;
  std::string_view rest = journal;
  PurgeRecord record;
  while (take_record(rest, record)) {
    check(inside(record.text, journal));
    purges.add(record);
    std::string written;
    append_record(record, written);
    std::string_view again = written;
    PurgeRecord same;
    check(take_record(again, same) && again.empty());
    check(same.kind == record.kind && same.soft == record.soft && same.seq == record.seq &&
          same.text == record.text);
  }
  // As few records as say the same.
  std::string written;
  purges.write(written);
  DiskPurges same;
  std::string_view all = written;
  while (take_record(all, record)) same.add(record);
  check(all.empty());
  constexpr std::array<std::uint64_t, 2> tags = {1, 7};
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40})
    for (const std::string_view key : {"httpa/", "httpa/b", "x"})
      check(same.judge(seq, key, tags) == purges.judge(seq, key, tags));
}

void run_block(std::string_view block) {
  ResponseHead head;
  if (!read_field_block(block, true, head)) return check(head.fields.begin() == head.fields.end());
  for (const Field& field : head.fields) {
    check(inside(field.value, block));
    check(field.id == FieldId::other ? inside(field.name, block) : !field.name.empty());
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(stored_bytes) {
  if (input.empty()) return;
  const std::string_view rest = input.substr(1);
  switch (input[0] & 3) {
    case 0: return weir::fuzz::run_head(rest);
    case 1: return weir::fuzz::run_mended_head(std::string(rest));
    case 2: return weir::fuzz::run_journal(rest);
    default: return weir::fuzz::run_block(rest);
  }
}
