#include "observe/log_drain.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

namespace weir::observe {
namespace {

using shm::Stream;

constexpr LogDrain::Time start{};

// A regular file without a place on a disk.
struct File {
  int fd = ::memfd_create("log", MFD_CLOEXEC);
  File() { REQUIRE(fd >= 0); }
  ~File() { ::close(fd); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  Fd handle() const { return Fd(::dup(fd)); }  // shares the position, as O_APPEND would
  std::string text() const {
    struct stat status {};
    REQUIRE(::fstat(fd, &status) == 0);
    std::string out(static_cast<std::size_t>(status.st_size), '\0');
    REQUIRE(::pread(fd, out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()));
    return out;
  }
};

struct Bench {
  std::unique_ptr<shm::Zones> zones;
  std::vector<shm::RingWriter> writers;
  explicit Bench(unsigned workers = 1) {
    auto made = shm::Zones::create({.ring_bytes = shm::ring_bytes_min});
    REQUIRE(made);
    zones = std::move(*made);
    for (unsigned i = 0; i < workers; ++i) {
      writers.push_back(zones->log_writer(*zones->claim(shm::Role::worker, 1, 1)));
    }
  }
  shm::RingReader reader(unsigned worker = 0) const {
    return shm::RingReader(zones->rings.ring(worker));
  }
};

// What a logger does before it is killed: note the batch and the file's size, write a part.
void die_after_writing(Bench& bench, unsigned worker, Stream stream, const File& file,
                       std::string_view part) {
  auto reader = bench.reader(worker);
  struct stat status {};
  REQUIRE(::fstat(file.fd, &status) == 0);
  auto& intent = reader.intent();
  intent.to = reader.head();
  intent.done = 0;
  intent.size_before = static_cast<std::uint64_t>(status.st_size);
  intent.file_id = static_cast<std::uint64_t>(status.st_ino) * 0x9e3779b97f4a7c15U ^
                   static_cast<std::uint64_t>(status.st_dev);
  intent.armed = stream + 1U;
  intent.from = reader.tail();
  REQUIRE(::write(file.fd, part.data(), part.size()) == static_cast<ssize_t>(part.size()));
}

}  // namespace

TEST_CASE("log drain: lines of many workers and streams go to their files, in order, once") {
  Bench bench(3);
  File access, error;
  LogDrain drain(*bench.zones);
  drain.set_file(0, error.handle());
  drain.set_file(5, access.handle());
  for (int i = 0; i < 3; ++i) {
    for (auto& writer : bench.writers) {
      REQUIRE(writer.push(5, "access " + std::to_string(i) + '\n'));
      REQUIRE(writer.push(0, "error " + std::to_string(i) + '\n'));
    }
  }
  const auto pass = drain.drain(start);
  CHECK(pass.lines == 18);
  CHECK(pass.lost == 0);
  CHECK_FALSE(pass.more);
  const std::string each = "access 0\naccess 1\naccess 2\n";
  CHECK(access.text() == each + each + each);
  CHECK(error.text().size() == 9 * 8);
  CHECK(drain.drain(start).lines == 0);
}

TEST_CASE("log drain: a line without an end gets one, and takes no other with it") {
  Bench bench;
  File file;
  LogDrain drain(*bench.zones);
  drain.set_file(1, file.handle());
  REQUIRE(bench.writers[0].push(1, "cut shor"));
  REQUIRE(bench.writers[0].push(1, "next\n"));
  drain.drain(start);
  CHECK(file.text() == "cut sho\nnext\n");
}

TEST_CASE("log drain: after a switch the old file gets nothing more") {
  Bench bench;
  File before, after;
  LogDrain drain(*bench.zones);
  drain.set_file(1, before.handle());
  REQUIRE(bench.writers[0].push(1, "one\n"));
  drain.drain(start);
  REQUIRE(bench.writers[0].push(1, "two\n"));
  drain.set_file(1, after.handle());
  drain.drain(start);
  CHECK(before.text() == "one\n");
  CHECK(after.text() == "two\n");
}

TEST_CASE("log drain: lines for a stream without a file are lost and counted") {
  Bench bench;
  LogDrain drain(*bench.zones);
  REQUIRE(bench.writers[0].push(1, "one\n"));
  REQUIRE(bench.writers[0].push(1, "two\n"));
  CHECK(drain.drain(start).lost == 2);
  CHECK(bench.reader().lost(1) == 2);
  CHECK(bench.reader().tail() == bench.reader().head());
}

TEST_CASE("log drain: a full disk loses lines of that stream only, and is tried each second") {
  Bench bench;
  File file;
  LogDrain drain(*bench.zones);
  drain.set_file(1, Fd(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
  drain.set_file(2, file.handle());
  const auto push_both = [&] {
    REQUIRE(bench.writers[0].push(1, "lost\n"));
    REQUIRE(bench.writers[0].push(2, "kept\n"));
  };
  push_both();
  auto pass = drain.drain(start);
  CHECK(pass.error == ENOSPC);
  CHECK(pass.error_stream == 1);
  CHECK(pass.lost == 1);
  push_both();
  pass = drain.drain(start + std::chrono::milliseconds(999));
  CHECK(pass.error == 0);  // not tried
  CHECK(pass.lost == 1);
  push_both();
  CHECK(drain.drain(start + std::chrono::seconds(1)).error == ENOSPC);
  CHECK(file.text() == "kept\nkept\nkept\n");
  CHECK(bench.reader().lost(1) == 3);
}

TEST_CASE("log drain: a line that a failure cut is completed before any other") {
  Bench bench;
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_NONBLOCK | O_CLOEXEC) == 0);
  const Fd out(pipe[0]);
  const int room = ::fcntl(pipe[1], F_SETPIPE_SZ, 4096);
  REQUIRE(room == 4096);
  LogDrain drain(*bench.zones);
  drain.set_file(1, Fd(pipe[1]));
  std::string expected;
  for (const char c : {'a', 'b', 'c'}) {
    const std::string line = std::string(2999, c) + '\n';
    REQUIRE(bench.writers[0].push(1, line));
    if (c != 'c') expected += line;
  }
  const auto pass = drain.drain(start);  // a whole, b cut at 1096 bytes, c lost
  CHECK(pass.error == EAGAIN);
  CHECK(pass.lost == 1);
  CHECK(pass.lines == 2);
  std::string got(8192, '\0');
  const ssize_t first = ::read(out.get(), got.data(), got.size());
  REQUIRE(first == 4096);
  REQUIRE(bench.writers[0].push(1, "d\n"));
  CHECK(drain.drain(start).lost == 0);
  const ssize_t second = ::read(out.get(), got.data() + first, got.size() - 4096);
  REQUIRE(second > 0);
  got.resize(static_cast<std::size_t>(first + second));
  CHECK(got == expected + "d\n");
}

TEST_CASE("log drain: a logger killed in or after a write is continued to the byte") {
  const std::string lines = "first line\nsecond line\n";
  for (std::size_t written = 0; written <= lines.size(); ++written) {
    CAPTURE(written);
    Bench bench(2);
    File file;
    REQUIRE(::write(file.fd, "old\n", 4) == 4);
    REQUIRE(bench.writers[1].push(1, "first line\n"));
    REQUIRE(bench.writers[1].push(1, "second line\n"));
    die_after_writing(bench, 1, 1, file, lines.substr(0, written));
    REQUIRE(bench.writers[0].push(1, "third line\n"));
    LogDrain successor(*bench.zones);
    successor.set_file(1, file.handle());
    successor.drain(start);
    CHECK(file.text() == "old\n" + lines + "third line\n");
  }
}

TEST_CASE("log drain: an intent that cannot be true is ignored") {
  const std::pair<std::uint64_t, std::uint64_t> extents[] = {{0, 0},
                                                             {0, 8},
                                                             {0, 12},
                                                             {0, 1U << 20},
                                                             {0, ~std::uint64_t{0}},
                                                             {8, 16},
                                                             {~std::uint64_t{0}, 8}};
  for (const auto& extent : extents) {
    const std::uint64_t from = extent.first, to = extent.second;
    CAPTURE(from);
    CAPTURE(to);
    Bench bench;
    File file;
    REQUIRE(bench.writers[0].push(1, "a line of some length\n"));
    auto reader = bench.reader();
    reader.intent().from = from;
    reader.intent().to = to;
    reader.intent().done = shm::stream_count + 1U;
    LogDrain drain(*bench.zones);
    drain.set_file(1, file.handle());
    drain.drain(start);
    CHECK(file.text() == "a line of some length\n");
  }
}

TEST_CASE("log drain: damage costs what is in that ring and nothing else") {
  Bench bench(2);
  File file;
  LogDrain drain(*bench.zones);
  drain.set_file(1, file.handle());
  REQUIRE(bench.writers[0].push(1, "before\n"));
  REQUIRE(bench.writers[0].push(1, "damaged\n"));
  REQUIRE(bench.writers[1].push(1, "other\n"));
  bench.zones->rings.ring(0).data[16] = std::byte{0xff};  // length of the second record
  const auto pass = drain.drain(start);
  CHECK(pass.damaged == 1);
  CHECK(pass.lines == 2);
  REQUIRE(bench.writers[0].push(1, "after\n"));
  drain.drain(start);
  CHECK(file.text() == "before\nother\nafter\n");
  CHECK(bench.reader().damaged() == 1);
}

TEST_CASE("log drain: more than a pass may take is taken by the next") {
  Bench bench;
  File file;
  LogDrain drain(*bench.zones);
  drain.set_file(1, file.handle());
  const std::string line = std::string(4000, 'x') + '\n';
  std::size_t pushed = 0;
  for (int round = 0; round < 50; ++round) {
    while (bench.writers[0].push(1, line)) ++pushed;
    while (drain.drain(start).more) {
    }
  }
  CHECK(file.text().size() == pushed * line.size());
}

}  // namespace weir::observe
