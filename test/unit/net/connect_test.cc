// Listener and dialer against each other, over abstract Unix sockets and the loopback.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "net/dialer.h"
#include "net/listener.h"
#include "net/plain_transport.h"

using namespace weir;
using std::chrono::milliseconds;

namespace {

Fd listening_on(const Address& address, int backlog = 128) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  REQUIRE(fd);
  REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
  if (backlog > 0) REQUIRE(::listen(fd.get(), backlog) == 0);
  return fd;
}

Address abstract_address() {
  return *Address::parse("unix:@weir-unit-" + std::to_string(::getpid()));
}

struct Host final : ListenerOwner {
  void on_accept(Listener& listener, Fd fd, const Address& peer) override {
    accepted.push_back(std::move(fd));
    last_peer = peer;
    if (stop_after != 0 && accepted.size() == stop_after) listener.stop();
  }
  std::vector<Fd> accepted;
  Address last_peer;
  std::size_t stop_after = 0;
};

struct Guest {
  explicit Guest(Loop& loop) : dialer(loop, &Guest::done, this) {}
  static void done(void* self, std::unique_ptr<Socket> connected) {
    auto& guest = *static_cast<Guest*>(self);
    ++guest.calls;
    guest.socket = std::move(connected);
  }
  Dialer dialer;
  std::unique_ptr<Socket> socket;
  int calls = 0;
};

std::vector<Fd> call_in(const Address& address, int count) {
  std::vector<Fd> callers;
  for (int index = 0; index < count; ++index) {
    Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), address.data(), address.size()) == 0);
    callers.push_back(std::move(fd));
  }
  return callers;
}

}  // namespace

TEST_CASE("dialer: connects over TCP, and the socket works with the registration it has") {
  Loop loop;
  const Fd listening = listening_on(*Address::parse("127.0.0.1:0"));
  Host host;
  Listener listener(loop, listening.get(), host);
  REQUIRE(listener.start());
  Guest guest(loop);
  const Address to = *Address::local_of(listening.get());
  REQUIRE(guest.dialer.connect(to) == Dialer::Started::waiting);
  for (int turn = 0; turn < 100 && (guest.calls == 0 || host.accepted.empty()); ++turn)
    loop.turn(milliseconds(100));
  REQUIRE(guest.socket);
  CHECK(guest.calls == 1);
  CHECK(host.last_peer.is_loopback());
  PlainTransport transport(std::move(guest.socket), to);
  REQUIRE(transport.start());
  CHECK(transport.write("hi").bytes == 2);
  CHECK(transport.local() == host.last_peer);
  char heard[4];
  CHECK(::recv(host.accepted[0].get(), heard, sizeof heard, 0) == 2);
  REQUIRE(::send(host.accepted[0].get(), "yo", 2, MSG_NOSIGNAL) == 2);
  for (int turn = 0; turn < 100 && !transport.readable(); ++turn) loop.turn(milliseconds(100));
  CHECK(transport.read(heard).bytes == 2);
}

TEST_CASE("dialer: a Unix socket may connect at once") {
  Loop loop;
  const Fd listening = listening_on(abstract_address());
  Guest guest(loop);
  REQUIRE(guest.dialer.connect(abstract_address()) == Dialer::Started::connected);
  const auto socket = guest.dialer.take_socket();
  REQUIRE(socket);
  CHECK(socket->writable());
  CHECK(guest.calls == 0);
}

TEST_CASE("dialer: refused, at once or later, with the errno and the upstream to blame") {
  Loop loop;
  const Fd bound = listening_on(*Address::parse("127.0.0.1:0"), 0);  // bound, not listening
  Guest guest(loop);
  if (guest.dialer.connect(*Address::local_of(bound.get())) == Dialer::Started::waiting) {
    for (int turn = 0; turn < 100 && guest.calls == 0; ++turn) loop.turn(milliseconds(100));
    CHECK(guest.calls == 1);
  }
  CHECK_FALSE(guest.socket);
  CHECK(guest.dialer.error_number() == ECONNREFUSED);
  CHECK(guest.dialer.error().side == Side::upstream);
  CHECK(guest.dialer.error().what == "connection refused");
  CHECK(guest.dialer.connect(*Address::parse("unix:/nonexistent/socket")) ==
        Dialer::Started::failed);
  CHECK(guest.dialer.error_number() == ENOENT);
}

TEST_CASE("dialer: after cancel() nobody is called") {
  Loop loop;
  const Fd listening = listening_on(*Address::parse("127.0.0.1:0"));
  Guest guest(loop);
  REQUIRE(guest.dialer.connect(*Address::local_of(listening.get())) == Dialer::Started::waiting);
  guest.dialer.cancel();
  CHECK_FALSE(guest.dialer.waiting());
  loop.turn(milliseconds(20));
  CHECK(guest.calls == 0);
  CHECK(guest.dialer.connect(*Address::local_of(listening.get())) == Dialer::Started::waiting);
}

TEST_CASE("listener: accepts no more than its budget in a turn, the rest in the next ones") {
  Loop loop;
  const Fd listening = listening_on(abstract_address());
  const auto callers = call_in(abstract_address(), 100);
  Host host;
  int user = 0;
  Listener listener(loop, listening.get(), host, &user);
  REQUIRE(listener.start());
  loop.turn(milliseconds(0));
  CHECK(host.accepted.size() == 64);
  loop.turn(milliseconds(0));
  CHECK(host.accepted.size() == 100);
  CHECK(listener.accepted() == 100);
  CHECK(listener.user() == &user);
}

TEST_CASE("listener: stop() in the middle leaves the queue to others; pause() until resume()") {
  Loop loop;
  const Fd listening = listening_on(abstract_address());
  const auto callers = call_in(abstract_address(), 20);
  Host host;
  host.stop_after = 5;
  Listener listener(loop, listening.get(), host);
  REQUIRE(listener.start());
  loop.turn(milliseconds(0));
  loop.turn(milliseconds(0));
  CHECK(host.accepted.size() == 5);
  host.stop_after = 0;
  listener.pause();
  REQUIRE(listener.start());
  loop.turn(milliseconds(0));
  CHECK(host.accepted.size() == 5);
  listener.resume();
  listener.resume();
  loop.turn(milliseconds(0));
  CHECK(host.accepted.size() == 20);
}

TEST_CASE("listener: out of descriptors, one client is turned away and accepting pauses") {
  Loop loop;
  const Fd listening = listening_on(abstract_address());
  const auto callers = call_in(abstract_address(), 3);
  Host host;
  Listener listener(loop, listening.get(), host);
  REQUIRE(listener.start());
  // The sanitizer's check of a vptr (fmt has one) opens a pipe, which there is no descriptor for.
  log::set_threshold(log::Level::emerg);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const Fd next(::dup(listening.get()));  // the lowest free number: one more is over the limit
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next.get()) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  loop.turn(milliseconds(0));
  const auto turned_away = listener.turned_away();
  loop.turn(milliseconds(0));
  const auto still = listener.turned_away();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  log::set_threshold(log::Level::notice);
  CHECK(turned_away == 1);
  CHECK(still == 1);
  CHECK(host.accepted.empty());
  char probe = 0;
  CHECK(::recv(callers[0].get(), &probe, 1, 0) == 0);  // it was told
  for (int turn = 0; turn < 100 && host.accepted.size() < 2; ++turn) loop.turn(milliseconds(100));
  CHECK(host.accepted.size() == 2);
}
