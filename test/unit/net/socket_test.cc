#include "net/socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "net/linger.h"
#include "net/plain_transport.h"
#include "os/memfd.h"
#include "os/signals.h"

using namespace weir;
using std::chrono::milliseconds;

namespace {

struct Ends {
  explicit Ends(Loop& loop) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    peer = Fd(fds[1]);
    transport = std::make_unique<PlainTransport>(loop, Fd(fds[0]), Address(), Side::client);
    REQUIRE(transport->start());
  }
  void say(std::string_view bytes) const {
    REQUIRE(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  std::string hear() const {
    std::string heard;
    std::array<char, 65536> chunk;
    ssize_t count = 0;
    while ((count = ::recv(peer.get(), chunk.data(), chunk.size(), 0)) > 0)
      heard.append(chunk.data(), static_cast<std::size_t>(count));
    return heard;
  }
  Fd peer;
  std::unique_ptr<PlainTransport> transport;
};

struct Owner final : TransportOwner {
  void on_ready(Transport&, Ready ready) override {
    ++calls;
    last = ready;
  }
  int calls = 0;
  Ready last;
};

}  // namespace

TEST_CASE("plain transport: room alone is no news; data, and the end, are") {
  Loop loop;
  Ends ends(loop);
  Owner owner;
  ends.transport->set_owner(&owner);
  loop.turn(milliseconds(0));
  CHECK(owner.calls == 0);
  CHECK(ends.transport->writable());
  ends.say("x");
  loop.turn(milliseconds(0));
  CHECK(owner.calls == 1);
  ends.peer.reset();
  loop.turn(milliseconds(0));
  CHECK(owner.calls == 2);
  CHECK(owner.last.readable);
}

TEST_CASE("plain transport: a file goes out as it is, the rest of it once there is room") {
  ignore_signals({SIGPIPE});  // as all our processes do
  Loop loop;
  Ends ends(loop);
  loop.turn(milliseconds(0));
  std::string bytes;
  for (int i = 0; bytes.size() < 4'000'000; ++i) bytes += std::to_string(i);
  auto file = memfd::create("file", bytes.size());
  REQUIRE(file);
  REQUIRE(::pwrite(file->get(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  Socket& socket = *ends.transport->plain_socket();
  std::string heard;
  std::size_t sent = 0;
  int waits = 0;
  while (sent < bytes.size()) {
    const Io io = socket.write({file->get(), sent, bytes.size() - sent});
    REQUIRE(io.state == Io::State::bytes);
    sent += io.bytes;
    if (sent == bytes.size()) break;
    REQUIRE(!socket.writable());
    CHECK(socket.write({file->get(), 0, 1}).state == Io::State::again);
    ++waits;
    heard += ends.hear();
    loop.turn(milliseconds(1000));
    REQUIRE(socket.writable());
  }
  heard += ends.hear();
  CHECK(waits > 1);
  CHECK(heard == bytes);
  ends.peer.reset();
  CHECK(socket.write({file->get(), 0, 1}).state == Io::State::error);
  CHECK(socket.write({file->get(), 0, 1}).state == Io::State::error);
}

TEST_CASE("plain transport: a short read ends the burst; Want::more looks again, once") {
  Loop loop;
  Ends ends(loop);
  std::array<char, 16> chunk;
  CHECK(ends.transport->read(chunk).state == Io::State::again);
  ends.say("hello");
  CHECK(ends.transport->read(chunk).state == Io::State::again);  // no edge yet
  loop.turn(milliseconds(0));
  const Io io = ends.transport->read(chunk);
  CHECK(io.bytes == 5);
  CHECK_FALSE(ends.transport->readable());
  ends.say("more");  // its edge has not been seen
  CHECK(ends.transport->read(chunk).state == Io::State::again);
  CHECK(ends.transport->read(chunk, Want::more).bytes == 4);
  CHECK(ends.transport->read(chunk, Want::more).state == Io::State::again);
}

TEST_CASE("plain transport: a full read goes on, and after the peer's end every read does") {
  Loop loop;
  Ends ends(loop);
  std::array<char, 4> chunk;
  ends.say("12345678abc");
  ::shutdown(ends.peer.get(), SHUT_WR);
  loop.turn(milliseconds(0));
  for (const std::size_t want : {4U, 4U, 3U}) CHECK(ends.transport->read(chunk).bytes == want);
  CHECK(ends.transport->readable());
  CHECK(ends.transport->read(chunk).state == Io::State::eof);
  CHECK(ends.transport->read(chunk).state == Io::State::eof);
}

TEST_CASE("plain transport: parts are sent together; a full socket waits for its edge") {
  Loop loop;
  Ends ends(loop);
  Owner owner;
  ends.transport->set_owner(&owner);
  loop.turn(milliseconds(0));
  for (const std::size_t size : {4U, 2043U, 2044U, 10000U}) {  // to 2048 bytes, and more
    std::string head = "head ", body(size, 'b');
    const std::array<iovec, 3> parts = {iovec{head.data(), head.size()}, iovec{nullptr, 0},
                                        iovec{body.data(), body.size()}};
    CHECK(ends.transport->write(parts).bytes == 5 + size);
    CHECK(ends.hear() == head + body);
  }
  const std::string much(1 << 20, 'x');
  std::size_t sent = 0;
  for (int step = 0; step < 1000; ++step) {
    const Io io = ends.transport->write(std::string_view(much));
    if (io.state == Io::State::again) break;
    REQUIRE(io.state == Io::State::bytes);
    sent += io.bytes;
  }
  CHECK_FALSE(ends.transport->writable());
  CHECK(ends.hear().size() == sent);
  loop.turn(milliseconds(1000));
  CHECK(owner.last.writable);
  CHECK(ends.transport->writable());
}

TEST_CASE("plain transport: after a failed write the end of the stream is an error, not an end") {
  Loop loop;
  Ends ends(loop);
  ends.peer.reset();
  loop.turn(milliseconds(0));
  const Io io = ends.transport->write("x");
  REQUIRE(io.state == Io::State::error);
  CHECK(io.error.side == Side::client);
  CHECK(io.error.what == "broken pipe");
  std::array<char, 4> chunk;
  CHECK(ends.transport->read(chunk).state == Io::State::error);
  CHECK(ends.transport->write("x").state == Io::State::error);
}

TEST_CASE("plain transport: a half-closed peer can still be answered") {
  Loop loop;
  Ends ends(loop);
  ends.say("GET");
  ::shutdown(ends.peer.get(), SHUT_WR);
  loop.turn(milliseconds(0));
  std::array<char, 16> chunk;
  CHECK(ends.transport->read(chunk).bytes == 3);
  CHECK(ends.transport->read(chunk).state == Io::State::eof);
  CHECK(ends.transport->write("answer").bytes == 6);
  ends.transport->shutdown_write();
  CHECK(ends.hear() == "answer");
}

TEST_CASE("plain transport: again() calls the owner in the next turn") {
  Loop loop;
  Ends ends(loop);
  Owner owner;
  ends.transport->set_owner(&owner);
  loop.turn(milliseconds(0));
  ends.transport->again();
  loop.turn(milliseconds(10'000));
  CHECK(owner.calls == 1);
}

TEST_CASE("lingering: ends our direction, throws away what comes, closes at the peer's end") {
  Loop loop;
  Lingerers lingerers(loop);
  bool empty = false;
  lingerers.on_empty([](void* flag) { *static_cast<bool*>(flag) = true; }, &empty);
  Ends ends(loop);
  REQUIRE(ends.transport->write("413").bytes == 3);
  lingerers.add(std::move(ends.transport));
  CHECK(lingerers.count() == 1);
  CHECK(ends.hear() == "413");
  char probe = 0;
  CHECK(::recv(ends.peer.get(), &probe, 1, 0) == 0);  // our end
  for (int chunk = 0; chunk < 20; ++chunk) {
    ends.say(std::string(10'000, 'x'));
    loop.turn(milliseconds(0));
  }
  CHECK(lingerers.count() == 1);
  ::shutdown(ends.peer.get(), SHUT_WR);
  loop.turn(milliseconds(0));
  CHECK(lingerers.count() == 0);
  CHECK(empty);
}

TEST_CASE("lingering: bounded in bytes and in time") {
  Loop loop;
  Lingerers lingerers(loop);
  Ends talker(loop), silent(loop), closed_already(loop);
  lingerers.add(std::move(talker.transport), {milliseconds(30'000), milliseconds(5'000), 5'000});
  talker.say(std::string(6'000, 'x'));
  loop.turn(milliseconds(0));
  loop.turn(milliseconds(0));
  CHECK(lingerers.count() == 0);
  lingerers.add(std::move(silent.transport), {milliseconds(40), milliseconds(5'000), 5'000});
  for (int turn = 0; lingerers.count() > 0 && turn < 100; ++turn) loop.turn(milliseconds(100));
  CHECK(lingerers.count() == 0);
  closed_already.peer.reset();
  loop.turn(milliseconds(0));
  std::array<char, 4> chunk;
  CHECK(closed_already.transport->read(chunk).state == Io::State::eof);
  lingerers.add(std::move(closed_already.transport));
  loop.turn(milliseconds(0));  // no edge is to come: it looks by itself
  CHECK(lingerers.count() == 0);
}
