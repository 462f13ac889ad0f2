#include "cache/disk_file.h"

#include <doctest/doctest.h>

#include "cache/disk_purges.h"

namespace weir::cache {
namespace {

struct Sample {
  std::string body = "first piece of a body, and the second";
  DiskObject object;
  std::string head, file;

  Sample() {
    object.seq = 4711;
    object.zone[3] = 9;
    object.facts.status = 404;
    object.facts.lifetime = 60'000;
    object.key = "httpexample.com/a";
    object.fields = "some fields";
    object.tags = {1, ~std::uint64_t{0}};
    const std::string_view view = body;
    for (const auto part : {view.substr(0, 11), view.substr(11)}) {
      object.pieces.push_back({checksum64(part), static_cast<std::uint32_t>(part.size()), 0});
    }
    head = disk_head(object);
    file = head + body;
  }
};

// As the keeper reads a file: its head, then piece after piece.
bool is_accepted(std::string_view file) {
  const auto bytes = disk_head_bytes(file);
  if (!bytes || *bytes > file.size()) return false;
  DiskObject object;
  if (!read_disk_head(file.substr(0, *bytes), file.size(), object)) return false;
  std::size_t at = *bytes;
  for (const DiskPiece& piece : object.pieces) {
    if (checksum64(file.substr(at, piece.bytes)) != piece.sum) return false;
    at += piece.bytes;
  }
  return true;
}

}  // namespace

TEST_CASE("disk file: what was written is read") {
  const Sample it;
  DiskObject read;
  REQUIRE(disk_head_bytes(it.file) == it.head.size());
  REQUIRE(read_disk_head(it.head, it.file.size(), read));
  CHECK(read.seq == 4711);
  CHECK(read.zone == it.object.zone);
  CHECK(read.facts.status == 404);
  CHECK(read.facts.lifetime == 60'000);
  CHECK(read.content == Content::answer);
  CHECK_FALSE(read.soft);
  CHECK(read.key == it.object.key);
  CHECK(read.fields == it.object.fields);
  CHECK(read.tags == it.object.tags);
  CHECK(read.body_bytes() == it.body.size());
  CHECK(is_accepted(it.file));
}

TEST_CASE("disk file: an answer without a body, a mark of variants, a soft purge") {
  DiskObject object;
  object.key = "k";
  object.content = Content::vary;
  object.soft = true;
  const std::string head = disk_head(object);
  DiskObject read;
  REQUIRE(read_disk_head(head, head.size(), read));
  CHECK(read.content == Content::vary);
  CHECK(read.soft);
  CHECK(read.body_bytes() == 0);
}

TEST_CASE("disk file: cut off anywhere it is refused") {
  const Sample it;
  for (std::size_t bytes = 0; bytes < it.file.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK_FALSE(is_accepted(std::string_view(it.file).substr(0, bytes)));
  }
  CHECK_FALSE(is_accepted(it.file + "x"));
  CHECK_FALSE(is_accepted(it.file + it.file));
}

TEST_CASE("disk file: with any bit flipped it is refused") {
  const Sample it;
  for (std::size_t at = 0; at < it.file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string file = it.file;
      file[at] = static_cast<char>(file[at] ^ (1 << bit));
      CAPTURE(at);
      CHECK_FALSE(is_accepted(file));
    }
  }
}

TEST_CASE("disk file: what is no file of ours is refused") {
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(4096, '\0'), std::string(4096, '\xff')}) {
    CHECK_FALSE(is_accepted(text));
  }
}

// --- purges

namespace {

using Kind = PurgeRecord::Kind;
using Verdict = DiskPurges::Verdict;

DiskPurges read_back(const DiskPurges& purges) {
  std::string bytes;
  purges.write(bytes);
  DiskPurges out;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    PurgeRecord record;
    REQUIRE(take_record(rest, record));
    out.add(record);
  }
  return out;
}

}  // namespace

TEST_CASE("disk purges: each kind speaks of what is older and of nothing else") {
  DiskPurges purges;
  const std::uint64_t tags[] = {7}, other_tags[] = {8};
  purges.add({Kind::all, false, 10, 0, {}});
  purges.add({Kind::all, true, 20, 0, {}});
  purges.add({Kind::tag, false, 30, 7, {}});
  purges.add({Kind::prefix, false, 40, 0, "http/a"});
  purges.add({Kind::prefix, true, 50, 0, "http/b"});
  for (const DiskPurges& it : {purges, read_back(purges)}) {
    CHECK(it.judge(10, "x", {}) == Verdict::purged);
    CHECK(it.judge(11, "x", {}) == Verdict::soft);
    CHECK(it.judge(21, "x", {}) == Verdict::stays);
    CHECK(it.judge(30, "x", tags) == Verdict::purged);
    CHECK(it.judge(31, "x", tags) == Verdict::stays);
    CHECK(it.judge(30, "x", other_tags) == Verdict::stays);
    CHECK(it.judge(40, "http/a/1", {}) == Verdict::purged);
    CHECK(it.judge(41, "http/a/1", {}) == Verdict::stays);
    CHECK(it.judge(50, "http/b", {}) == Verdict::soft);
    CHECK(it.judge(50, "http/", {}) == Verdict::stays);
  }
}

TEST_CASE("disk purges: too many become one of everything, and none is lost") {
  DiskPurges purges;
  std::uint64_t seq = 100;
  for (std::size_t i = 0; i < DiskPurges::prefixes_most + 10; ++i) {
    purges.add({Kind::prefix, false, ++seq, 0, "http/" + std::to_string(i)});
  }
  CHECK(purges.size() <= DiskPurges::prefixes_most);
  for (std::size_t i = 0; i < DiskPurges::prefixes_most + 10; ++i) {
    CHECK(purges.judge(101 + i, "http/" + std::to_string(i), {}) == Verdict::purged);
  }
  CHECK(purges.judge(seq + 1, "http/1", {}) == Verdict::stays);
}

TEST_CASE("disk purges: those that nothing is older than are forgotten") {
  DiskPurges purges;
  purges.add({Kind::tag, false, 30, 7, {}});
  purges.add({Kind::prefix, false, 40, 0, "http/a"});
  purges.forget_before(40);
  CHECK(purges.size() == 1);
  CHECK(purges.judge(40, "http/a", {}) == Verdict::purged);
}

TEST_CASE("disk purges: a record that is torn or damaged is not taken") {
  std::string bytes;
  append_record({Kind::prefix, true, 99, 3, "http/prefix"}, bytes);
  PurgeRecord record;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view rest = std::string_view(bytes).substr(0, size);
    CHECK_FALSE(take_record(rest, record));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      std::string_view rest = flipped;
      CAPTURE(at);
      CHECK_FALSE(take_record(rest, record));
    }
  }
}

}  // namespace weir::cache
