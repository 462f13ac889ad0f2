#include "proxy/answer_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "proxy/hit_memory.h"
#include "proxy/router.h"
#include "test/unit/cache/store_support.h"

using namespace weir;

namespace {

constexpr std::size_t kib = 1024;
constexpr std::string_view head = "HTTP/1.1 200 OK\r\n\r\n";

struct Stored {
  Stored() : store(cache::make_store({.bytes = 64U << 20})) {
    REQUIRE(cache::put(*store, "k", body));
    cache::Found found = store->find(store->key("k"));
    REQUIRE(found.kind == cache::Found::Kind::answer);
    reader = std::move(found.reader);
  }
  const std::string body = cache::body_of("k", 300 * kib);
  std::unique_ptr<cache::Store> store;
  cache::Reader reader;
};

std::string text_of(const FileBytes& file) {
  std::string text(file.bytes, '\0');
  REQUIRE(::pread(file.fd, text.data(), text.size(), static_cast<off_t>(file.at)) ==
          static_cast<ssize_t>(text.size()));
  return text;
}

}  // namespace

TEST_CASE("answer files: head and body, which nobody can change") {
  Stored stored;
  AnswerFiles files(std::uint64_t{1} << 20);
  const auto file = files.make(head, stored.reader);
  REQUIRE(file != nullptr);
  const std::string whole = std::string(head) + stored.body;
  CHECK(text_of(file->from(0)) == whole);
  CHECK(text_of(file->from(70'001)) == whole.substr(70'001));
  const int fd = file->from(0).fd;
  CHECK(::pwrite(fd, "x", 1, 0) < 0);
  CHECK(::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK(::ftruncate(fd, 0) < 0);
  CHECK(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0);
}

TEST_CASE("answer files: bounded by bytes and by descriptors, as long as anybody has them") {
  Stored stored;
  const std::uint64_t bytes = head.size() + stored.body.size();
  AnswerFiles two(2 * bytes);
  auto first = two.make(head, stored.reader);
  const auto second = two.make(head, stored.reader);
  CHECK(first != nullptr);
  CHECK(second != nullptr);
  CHECK(two.make(head, stored.reader) == nullptr);
  CHECK(two.held() == 2 * bytes);
  first.reset();
  CHECK(two.held() == bytes);
  CHECK(two.make(head, stored.reader) != nullptr);
  CHECK(AnswerFiles(0).make(head, stored.reader) == nullptr);
  CHECK(AnswerFiles(bytes - 1).make(head, stored.reader) == nullptr);

  AnswerFiles many(std::uint64_t{1} << 40);
  std::vector<std::shared_ptr<const AnswerFile>> all;
  while (auto file = many.make(head, stored.reader)) all.push_back(std::move(file));
  CHECK(all.size() == AnswerFiles::files_max);
}

TEST_CASE("hit memory: a file for what comes again often; one that is outdated makes room") {
  Stored stored;
  const std::uint64_t bytes = head.size() + stored.body.size();
  HitMemory hits(8, bytes);
  const ListenPoint listen;
  RepeatableHit hit;
  hit.stored_seq = 1;
  hit.body_bytes = stored.body.size();
  hit.from_ms = 1000;
  hit.until_ms = 2000;
  const auto file_of = [&](std::string_view request, std::int64_t now) {
    HitMemory::Remembered* const known = hits.find({listen, false, request});
    REQUIRE(known != nullptr);
    ++known->asked;
    return hits.file_of(*known, stored.reader, now);
  };
  hits.keep({listen, false, "one"}, hit, head);
  for (unsigned i = 1; i < HitMemory::asked_for_file; ++i) CHECK(file_of("one", 1000) == nullptr);
  const AnswerFile* const file = file_of("one", 1000);
  REQUIRE(file != nullptr);
  CHECK(file_of("one", 1000) == file);
  hits.keep({listen, false, "one"}, hit, head);  // answered the long way
  CHECK(file_of("one", 1000) == file);

  hit.until_ms = 4000;
  hits.keep({listen, false, "two"}, hit, head);
  for (unsigned i = 0; i < HitMemory::asked_for_file; ++i) CHECK(file_of("two", 1999) == nullptr);
  for (unsigned i = 1; i < HitMemory::asked_for_file; ++i) CHECK(file_of("two", 2100) == nullptr);
  CHECK(file_of("two", 2100) != nullptr);
  CHECK(file_of("one", 2100) == nullptr);
  hit.stored_seq = 2;
  hits.keep({listen, false, "two"}, hit, head);
  CHECK(file_of("two", 2200) == nullptr);
}
