#include "shm/ring.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace weir::shm {
namespace {

// A ring in private memory. The bytes are aligned as in a zone.
struct TestRing {
  explicit TestRing(std::size_t size = ring_bytes_min) : data(size / 8) {}
  RingControl control{};
  std::vector<std::uint64_t> data;
  Ring ring() { return {&control, std::as_writable_bytes(std::span(data))}; }
};

std::vector<std::string> drain(RingReader& reader, bool* damaged = nullptr) {
  std::vector<std::string> lines;
  auto walk = reader.walk();
  RingReader::Record record;
  while (walk.next(record)) lines.emplace_back(record.line);
  if (damaged != nullptr) *damaged = walk.damaged();
  reader.advance(walk.position());
  return lines;
}

std::string numbered(unsigned number) {
  return std::to_string(number) + std::string(number * 37 % 3000, 'x') + "\n";
}

}  // namespace

TEST_CASE("ring: lines come out as they went in, with stream and level, many times around") {
  TestRing memory;
  RingWriter writer(memory.ring());
  RingReader reader(memory.ring());
  unsigned pushed = 0, read = 0;
  while (pushed < 5000) {
    for (int i = 0; i < 7; ++i, ++pushed) {
      REQUIRE(
          writer.push(static_cast<Stream>(pushed % stream_count), numbered(pushed), pushed % 8));
    }
    auto walk = reader.walk();
    RingReader::Record record;
    while (walk.next(record)) {
      REQUIRE(record.line == numbered(read));
      REQUIRE(record.stream == read % stream_count);
      REQUIRE(record.level == read % 8);
      ++read;
    }
    REQUIRE_FALSE(walk.damaged());
    reader.advance(walk.position());
  }
  CHECK(read == pushed);
}

TEST_CASE("ring: a line that finds no room is dropped and counted by stream, and nothing else") {
  TestRing memory;
  RingWriter writer(memory.ring());
  RingReader reader(memory.ring());
  const std::string line(999, 'a');
  unsigned fitted = 0;
  while (writer.push(3, line)) ++fitted;
  CHECK(fitted == ring_bytes_min / 1008);
  CHECK_FALSE(writer.push(4, std::string(line_bytes_max, 'b')));
  CHECK(writer.dropped(3) == 1);
  CHECK(writer.dropped(4) == 1);
  CHECK(writer.dropped(0) == 0);
  CHECK(reader.dropped(3) == 1);
  CHECK(drain(reader).size() == fitted);
  CHECK(writer.push(3, line));
  CHECK(drain(reader) == std::vector<std::string>{line});
}

TEST_CASE("ring: the logger is wanted once more than half of it is waiting") {
  TestRing memory;
  RingWriter writer(memory.ring());
  RingReader reader(memory.ring());
  const std::string line(1000, 'a');
  for (unsigned i = 0; i < 32; ++i) {
    CHECK_FALSE(writer.wants_drain());
    REQUIRE(writer.push(0, line));
  }
  while (!writer.wants_drain()) REQUIRE(writer.push(0, line));
  drain(reader);
  CHECK_FALSE(writer.wants_drain());
}

TEST_CASE("ring: a line is cut to the longest, and still ends in a newline") {
  TestRing memory;
  RingWriter writer(memory.ring());
  RingReader reader(memory.ring());
  REQUIRE(writer.push(0, std::string(line_bytes_max + 1, 'a')));
  const auto lines = drain(reader);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].size() == line_bytes_max);
  CHECK(lines[0].back() == '\n');
}

TEST_CASE("ring: what was not committed does not exist, for the reader and for the next owner") {
  TestRing memory;
  RingReader reader(memory.ring());
  {
    RingWriter killed(memory.ring());
    REQUIRE(killed.push(0, "whole\n"));
    const auto room = killed.reserve(0, 100);
    REQUIRE(room.size() == 100);
    std::memcpy(room.data(), "half of a li", 12);
  }
  RingWriter successor(memory.ring());
  REQUIRE(successor.push(0, "next\n"));
  CHECK(drain(reader) == std::vector<std::string>{"whole\n", "next\n"});
  successor.reserve(0, 100);
  successor.commit(0);
  CHECK(drain(reader).empty());
}

TEST_CASE("ring: two writers of one process may take turns") {
  TestRing memory;
  RingWriter access(memory.ring()), error(memory.ring());
  RingReader reader(memory.ring());
  for (int i = 0; i < 1000; ++i) {
    const std::string line(static_cast<std::size_t>(10 + i), 'a');
    REQUIRE(access.push(1, line));
    REQUIRE(error.push(0, "error\n"));
    REQUIRE(drain(reader) == std::vector<std::string>{line, "error\n"});
  }
}

TEST_CASE("ring: the end of the buffer is met at every alignment") {
  for (std::size_t first = 1; first < 200; ++first) {
    CAPTURE(first);
    TestRing memory;
    RingWriter writer(memory.ring());
    RingReader reader(memory.ring());
    REQUIRE(writer.push(0, std::string(first, 'a')));
    drain(reader);
    for (int i = 0; i < 1000; ++i) {
      const std::string line(120, static_cast<char>('a' + i % 26));
      REQUIRE(writer.push(1, line));
      REQUIRE(drain(reader) == std::vector<std::string>{line});
    }
  }
}

TEST_CASE("ring: no content makes a reader crash, loop or leave its bounds") {
  std::mt19937 random(1);
  TestRing memory;
  RingReader reader(memory.ring());
  const std::uint64_t positions[] = {0,
                                     1,
                                     4,
                                     8,
                                     16,
                                     ring_bytes_min - 8,
                                     ring_bytes_min,
                                     ring_bytes_min + 8,
                                     1U << 20,
                                     ~std::uint64_t{0},
                                     ~std::uint64_t{7}};
  for (int round = 0; round < 3000; ++round) {
    RingWriter writer(memory.ring());
    for (unsigned i = 0; i < 20; ++i) writer.push(0, numbered(i));
    const auto raw = std::as_writable_bytes(std::span(memory.data));
    for (int i = 0; i < 1 + round % 200; ++i) {
      const std::size_t at = round % 2 ? random() % raw.size() : random() % 64 * 8 % raw.size();
      raw[at] = static_cast<std::byte>(random());
    }
    if (round % 5 == 0) {
      auto& victim = round % 10 == 0 ? memory.control.head : memory.control.tail;
      victim.store(round % 3 == 0 ? positions[random() % std::size(positions)] : random());
    }
    bool damaged = false;
    const auto lines = drain(reader, &damaged);
    CHECK(lines.size() <= ring_bytes_min / 16);
    if (damaged) reader.skip_damage();
    CHECK(drain(reader).empty());
    RingWriter next(memory.ring());
    REQUIRE(next.push(0, "fresh\n"));  // it works again after any damage
    REQUIRE(drain(reader) == std::vector<std::string>{"fresh\n"});
  }
}

TEST_CASE("ring: producer and consumer at full speed, with lives on both sides ending at will") {
  TestRing memory;
  constexpr unsigned lines = 200000;
  std::atomic<bool> done{false};
  std::thread producer([&] {
    auto writer = std::make_unique<RingWriter>(memory.ring());
    for (unsigned i = 0; i < lines;) {
      if (i % 1000 == 0) {
        writer->reserve(0, 50);  // left behind
        writer = std::make_unique<RingWriter>(memory.ring());
      }
      if (writer->push(1, std::to_string(i) + '\n')) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
    done = true;
  });
  unsigned next = 0;
  for (bool last = false; !last;) {
    last = done;
    RingReader reader(memory.ring());
    bool damaged = false;
    for (const std::string& line : drain(reader, &damaged)) {
      REQUIRE(line == std::to_string(next) + '\n');
      ++next;
    }
    REQUIRE_FALSE(damaged);
  }
  producer.join();
  CHECK(next == lines);
}

}  // namespace weir::shm
