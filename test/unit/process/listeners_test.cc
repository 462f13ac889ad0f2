#include "process/listeners.h"

#include <doctest/doctest.h>

namespace weir::process {
namespace {

conf::ListenConf any_port() {
  conf::ListenConf listen;
  listen.address = *Address::parse("127.0.0.1:0");
  return listen;
}

}  // namespace

TEST_CASE("listeners: an address that is taken back before it was forgotten keeps its sockets") {
  const conf::ListenConf listen = any_port();
  Listeners listeners;
  REQUIRE(listeners.prepare({&listen}, 2).empty());
  CHECK(listeners.preparing());
  REQUIRE(listeners.commit().empty());
  CHECK_FALSE(listeners.preparing());

  REQUIRE(listeners.prepare({}, 2).empty());
  REQUIRE(listeners.commit().empty());
  CHECK(listeners.removed().size() == 1);
  REQUIRE(listeners.prepare({&listen}, 2).empty());
  CHECK(listeners.preparing());
  REQUIRE(listeners.commit().empty());
  listeners.forget_removed();
  CHECK(listeners.socket_count() == 2);

  REQUIRE(listeners.prepare({}, 2).empty());
  REQUIRE(listeners.commit().empty());
  listeners.forget_removed();
  CHECK(listeners.socket_count() == 0);
}

TEST_CASE("listeners: what is rolled back leaves no socket, and a removed address stays removed") {
  const conf::ListenConf listen = any_port();
  Listeners listeners;
  REQUIRE(listeners.prepare({&listen}, 1).empty());
  listeners.rollback();
  CHECK_FALSE(listeners.preparing());
  CHECK(listeners.socket_count() == 0);

  REQUIRE(listeners.prepare({&listen}, 1).empty());
  REQUIRE(listeners.commit().empty());
  REQUIRE(listeners.prepare({}, 1).empty());
  REQUIRE(listeners.commit().empty());
  REQUIRE(listeners.prepare({&listen}, 3).empty());
  CHECK(listeners.socket_count() == 3);
  listeners.rollback();
  CHECK(listeners.socket_count() == 1);
  CHECK(listeners.removed().size() == 1);
}

}  // namespace weir::process
