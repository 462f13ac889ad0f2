#include "os/memfd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "os/memory.h"

namespace weir {

TEST_CASE("a sealed memfd can neither shrink nor grow nor be sealed further") {
  auto fd = memfd::create("test", 8192);
  REQUIRE(fd);
  CHECK_FALSE(memfd::is_sealed(fd->get()));
  REQUIRE(memfd::back(fd->get(), 0, 8192));
  REQUIRE(memfd::seal(fd->get(), Access::read_write));
  CHECK(memfd::is_sealed(fd->get()));
  for (const off_t size : {0, 4096, 8191, 8193, 1 << 20}) {
    CAPTURE(size);
    errno = 0;
    CHECK(::ftruncate(fd->get(), size) == -1);
    CHECK(errno == EPERM);
  }
  CHECK(::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
  CHECK(*memfd::size(fd->get()) == 8192);
}

TEST_CASE("a memfd sealed for reading stays writable for the mappings it had, and for no other") {
  auto fd = memfd::create("test", 4096);
  REQUIRE(fd);
  auto writer = Mapping::of(fd->get(), 4096, Access::read_write);
  REQUIRE(writer);
  REQUIRE(memfd::seal(fd->get(), Access::read_only));
  CHECK_FALSE(Mapping::of(fd->get(), 4096, Access::read_write));
  auto reader = Mapping::of(fd->get(), 4096, Access::read_only);
  REQUIRE(reader);
  writer->bytes()[7] = std::byte{42};
  CHECK(reader->bytes()[7] == std::byte{42});
  CHECK(::mprotect(reader->bytes().data(), 4096, PROT_READ | PROT_WRITE) == -1);
}

TEST_CASE("memory that is not there is an error, before anything is taken") {
  const auto available = memory::available();
  REQUIRE(available);  // without this the test would take the whole machine
  const std::size_t too_much = *available + (std::size_t{1} << 30);
  auto fd = memfd::create("test", too_much);
  REQUIRE(fd);
  CHECK_FALSE(memfd::back(fd->get(), 0, too_much));
  struct stat status {};
  REQUIRE(::fstat(fd->get(), &status) == 0);
  CHECK(status.st_blocks == 0);
}

TEST_CASE("memory: numbers are found by the whole name at the start of a line") {
  constexpr std::string_view text =
      "MemTotal:  5 kB\nMemFree:       16 kB\nfile 7\nfile_x 8\nbad: x\n";
  CHECK(memory::number_of(text, "MemFree") == 16);
  CHECK(memory::number_of(text, "file") == 7);
  CHECK(memory::number_of(text, "file_x") == 8);
  for (const char* name : {"Mem", "Free", "bad", "none", ""}) {
    CAPTURE(name);
    CHECK_FALSE(memory::number_of(text, name));
  }
}

TEST_CASE("a mapping moves and is unmapped once") {
  auto fd = memfd::create("test", 4096);
  REQUIRE(fd);
  auto first = Mapping::of(fd->get(), 4096, Access::read_write);
  REQUIRE(first);
  Mapping second = std::move(*first);
  CHECK(second.bytes().size() == 4096);
  CHECK_FALSE(static_cast<bool>(*first));
  second = Mapping{};
  CHECK_FALSE(static_cast<bool>(second));
}

}  // namespace weir
