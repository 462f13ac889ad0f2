#include "test/unit/support/memory_transport.h"

#include <doctest/doctest.h>

#include <array>

using namespace weir;
using weir::test::MemoryTransport;

TEST_CASE("memory transport: behaves as a socket does, in the order the test says") {
  struct Owner final : TransportOwner {
    void on_ready(Transport&, Ready ready) override {
      ++calls;
      last = ready;
    }
    int calls = 0;
    Ready last;
  } owner;
  MemoryTransport transport;
  transport.set_owner(&owner);
  std::array<char, 8> chunk;
  CHECK_FALSE(transport.deliver());
  CHECK(transport.read(chunk).state == Io::State::again);
  transport.receive("hello, world");
  CHECK(owner.calls == 0);
  CHECK(transport.deliver());
  CHECK(owner.last.readable);
  CHECK(transport.read(chunk).bytes == 8);
  CHECK(transport.read(chunk).bytes == 4);
  CHECK(transport.read(chunk).state == Io::State::again);
  transport.set_room(3);
  CHECK(transport.write("abcdef").bytes == 3);
  CHECK(transport.write("def").state == Io::State::again);
  transport.set_room(MemoryTransport::unlimited);
  CHECK(transport.deliver());
  CHECK(owner.last.writable);
  CHECK(transport.write("def").bytes == 3);
  CHECK(transport.take_sent() == "abcdef");
  transport.receive_end();
  transport.deliver();
  CHECK(owner.last.closed);
  CHECK(transport.read(chunk).state == Io::State::eof);
  transport.receive_reset();
  CHECK(transport.write("x").state == Io::State::error);
}
