#include "base/buffer.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace weir;

namespace {
constexpr std::size_t kib = 1024;

std::string fill(Buffer& buffer, char c, std::size_t count) {
  const std::string bytes(count, c);
  return bytes.substr(0, buffer.append(bytes));
}
}  // namespace

TEST_CASE("buffer: what is produced is read in order, and an empty buffer starts at its front") {
  BufferPool pool(64 * kib);
  Buffer buffer(pool);
  CHECK(buffer.empty());
  CHECK(buffer.writable().empty());
  REQUIRE(buffer.acquire());
  CHECK(buffer.append("hello ") == 6);
  CHECK(buffer.append("world") == 5);
  buffer.consume(6);
  CHECK(buffer.readable() == "world");
  CHECK(buffer.writable().size() == 16 * kib - 11);
  buffer.compact();
  CHECK(buffer.writable().size() == 16 * kib - 5);
  buffer.consume(5);
  CHECK(buffer.writable().size() == 16 * kib);
}

TEST_CASE("buffer: append makes room by moving what is unread, and takes no more than fits") {
  BufferPool pool(64 * kib);
  Buffer buffer(pool);
  REQUIRE(buffer.acquire());
  fill(buffer, 'a', 16 * kib);
  CHECK(buffer.full());
  buffer.consume(10 * kib);
  CHECK(buffer.append(std::string(12 * kib, 'b')) == 10 * kib);
  CHECK(buffer.full());
  CHECK(buffer.readable() == std::string(6 * kib, 'a') + std::string(10 * kib, 'b'));
}

TEST_CASE("buffer: growing doubles up to 256 KiB and keeps the bytes") {
  BufferPool pool(1024 * kib);
  Buffer buffer(pool);
  REQUIRE(buffer.grow());
  const std::string text = fill(buffer, 'x', 9 * kib);
  buffer.consume(1 * kib);
  for (std::size_t size = 32 * kib; size <= 256 * kib; size *= 2) {
    REQUIRE(buffer.grow());
    CHECK(buffer.capacity() == size);
    CHECK(buffer.readable() == text.substr(kib));
    CHECK(pool.bytes_used() == size);
  }
  CHECK_FALSE(buffer.grow());
  CHECK(buffer.readable().size() == 8 * kib);
}

TEST_CASE("buffer: grows to a size at once, never smaller, never beyond the largest block") {
  BufferPool pool(1024 * kib);
  Buffer buffer(pool);
  REQUIRE(buffer.acquire());
  const std::string text = fill(buffer, 'x', 9 * kib);
  buffer.consume(1 * kib);
  REQUIRE(buffer.grow_for_body(256 * kib));
  CHECK(buffer.capacity() == 64 * kib);
  CHECK(buffer.readable() == text.substr(kib));
  CHECK(pool.bytes_used() == 64 * kib);
  CHECK_FALSE(buffer.grow_for_body(100 * kib));
  CHECK_FALSE(buffer.grow_to(64 * kib));
  CHECK_FALSE(buffer.grow_to(512 * kib));
  CHECK(buffer.capacity() == 64 * kib);
  CHECK(BufferPool::block_within(100 * kib) == 64 * kib);
  CHECK(BufferPool::block_within(1000 * kib) == 256 * kib);
  CHECK(BufferPool::block_within(1) == 16 * kib);
}

TEST_CASE("buffer: a pool at its bound refuses, and the refused buffer is unchanged") {
  BufferPool pool(48 * kib);
  Buffer first(pool), second(pool), third(pool);
  REQUIRE(first.acquire());
  REQUIRE(first.append("kept") == 4);
  REQUIRE(second.acquire());
  CHECK_FALSE(first.grow());
  CHECK(first.readable() == "kept");
  CHECK(first.capacity() == 16 * kib);
  REQUIRE(third.acquire());
  Buffer fourth(pool);
  CHECK_FALSE(fourth.acquire());
  second.release();
  CHECK(fourth.acquire());
}

TEST_CASE("pool: a freed block serves the next taker, and free blocks of other sizes make way") {
  BufferPool pool(64 * kib);
  char* small = pool.take(16 * kib);
  pool.give(small, 16 * kib);
  CHECK(pool.bytes_kept() == 16 * kib);
  CHECK(pool.take(16 * kib) == small);
  pool.give(small, 16 * kib);
  char* large = pool.take(64 * kib);
  REQUIRE(large != nullptr);
  CHECK(pool.bytes_kept() == 0);
  CHECK(pool.take(16 * kib) == nullptr);
  pool.give(large, 64 * kib);
  CHECK(pool.bytes_used() == 0);
  pool.trim(63 * kib);
  CHECK(pool.bytes_kept() == 0);
}

TEST_CASE("pool: never more than the bound, whatever is taken and given") {
  BufferPool pool(512 * kib);
  std::vector<std::pair<char*, std::size_t>> held;
  std::uint32_t seed = 7;
  for (int step = 0; step < 20'000; ++step) {
    seed = seed * 1'664'525U + 1'013'904'223U;
    const std::size_t size = 16 * kib << (seed >> 8) % 5;
    if ((seed >> 16) % 2 == 0) {
      if (char* block = pool.take(size); block != nullptr) {
        block[0] = block[size - 1] = 'x';
        held.emplace_back(block, size);
      } else {
        CHECK(pool.bytes_used() + size > pool.bytes_max());
      }
    } else if (!held.empty()) {
      pool.give(held.back().first, held.back().second);
      held.pop_back();
    }
    REQUIRE(pool.bytes_used() + pool.bytes_kept() <= pool.bytes_max());
  }
  for (const auto& [block, size] : held) pool.give(block, size);
}

TEST_CASE("pool: waiters are woken in order, as many as there are blocks, each once per wait") {
  BufferPool pool(32 * kib);
  struct Party {
    Party(BufferPool& of, std::string& into, char as)
        : buffer(of), log(into), name(as), waiter(&Party::woken, this) {}
    static void woken(void* self) {
      auto& party = *static_cast<Party*>(self);
      party.log += party.name;
      if (!party.buffer.acquire()) party.buffer.pool().wait(party.waiter);
    }
    Buffer buffer;
    std::string& log;
    char name;
    BufferPool::Waiter waiter;
  };
  std::string log;
  Party a(pool, log, 'a'), b(pool, log, 'b'), c(pool, log, 'c');
  Buffer both(pool);
  REQUIRE(both.acquire(32 * kib));
  pool.wait(a.waiter);
  pool.wait(a.waiter);
  pool.wait(b.waiter);
  pool.wait(c.waiter);
  pool.wake();
  CHECK(log.empty());
  both.release();
  pool.wake();
  CHECK(log == "ab");
  pool.wake();
  CHECK(log == "ab");
  a.buffer.release();
  pool.wake();
  CHECK(log == "abc");
}

TEST_CASE("buffer: moving hands the block over") {
  BufferPool pool(64 * kib);
  Buffer first(pool);
  REQUIRE(first.acquire());
  first.append("x");
  Buffer second(std::move(first));
  CHECK(second.readable() == "x");
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): what a moved-from buffer is
  CHECK_FALSE(first.has_block());
  Buffer third(pool);
  REQUIRE(third.acquire());
  third = std::move(second);
  CHECK(third.readable() == "x");
  CHECK(pool.bytes_used() == 16 * kib);
}

TEST_CASE("buffer: the reserve is there when the pool is not, and grows into the pool later") {
  BufferPool pool(16 * kib);
  Buffer holder(pool), needy(pool), lucky(pool);
  REQUIRE(holder.acquire());
  REQUIRE(needy.acquire_reserve());
  CHECK(needy.capacity() == BufferPool::reserve_bytes);
  CHECK(pool.bytes_used() == 16 * kib);
  fill(needy, 'r', 100);
  CHECK_FALSE(needy.grow());
  holder.release();
  REQUIRE(needy.grow());
  CHECK(needy.capacity() == 16 * kib);
  CHECK(needy.readable() == std::string(100, 'r'));
  needy.release();
  REQUIRE(lucky.acquire_reserve());
  CHECK(lucky.capacity() == 16 * kib);
}
