#include "conf/diff.h"

#include <doctest/doctest.h>

#include "support.h"

namespace weir::conf {
namespace {

using Lines = std::vector<std::string>;

Lines changes(const std::string& before, const std::string& after) {
  const Loaded old_one = test::load_text(before), new_one = test::load_text(after);
  CAPTURE(old_one.report());
  CAPTURE(new_one.report());
  REQUIRE(old_one.config);
  REQUIRE(new_one.config);
  return diff(*old_one.config, *new_one.config);
}

const std::string web = "[server web]\nlisten = 80\n";
const std::string api = "[location api]\nserver = web\npath = /api\n";

}  // namespace

TEST_CASE("diff: a changed value is named with its section, where it is written") {
  CHECK(changes(web + api, web + api + "proxy_read_timeout = 30s\n") ==
        Lines{"proxy_read_timeout 60s -> 30s in [location api]"});
  CHECK(changes(web + api, web + "proxy_read_timeout = 2m\n" + api) ==
        Lines{"proxy_read_timeout 60s -> 2m in [server web]"});
  CHECK(changes("[defaults]\nsend_timeout = 1s\n" + web + api, web + api) ==
        Lines{"send_timeout 1s -> 60s in [defaults]"});
  CHECK(changes("[main]\npid = a\n" + web, "[main]\npid = b\n" + web) ==
        Lines{"pid /srv/weir/a -> /srv/weir/b in [main] (takes a restart)"});
  CHECK(changes(web, web + "return = 200 hi\n") == Lines{"return none -> 200 hi in [server web]"});
}

TEST_CASE("diff: what means the same is no change, wherever it stands") {
  CHECK(changes(web + "keepalive_timeout = 60s\n", "# moved\n" + web + "keepalive_timeout = 1m\n")
            .empty());
  CHECK(changes(web + api, web + "send_timeout = 60s\n" + api).empty());
}

TEST_CASE("diff: lines of lists, sections that come and go") {
  CHECK(changes(web, "[server web]\nlisten = 8443 ssl\nlisten = 80\nssl_certificate = auto\n") ==
        Lines{"listen 0.0.0.0:8443 ssl added in [server web]",
              "ssl_certificate auto added in [server web]"});
  CHECK(changes(web + "add_header = A 1\n" + api, web + "add_header = A 2\n" + api) ==
        Lines{"add_header A 1 removed in [server web]", "add_header A 2 added in [server web]"});
  CHECK(changes(web + "server_name = a b\n", web + "server_name = b a\n") ==
        Lines{"server_name in another order in [server web]"});
  CHECK(changes(web + api, web + "[upstream u]\nserver = 127.0.0.1:1\n") ==
        Lines{"[location api] removed", "[upstream u] added"});
  CHECK(changes("[upstream u]\nserver = 127.0.0.1:1\n" + web,
                "[upstream u]\nserver = 127.0.0.1:2\n" + web) ==
        Lines{"server 127.0.0.1:1 removed in [upstream u]",
              "server 127.0.0.1:2 added in [upstream u]"});
}

TEST_CASE("diff: a key that changes is told without the key") {
  const std::string keys = "[api_keys k]\nkey = demo sha256:";
  CHECK(changes(keys + std::string(64, '1') + "\n" + web,
                keys + std::string(64, '2') + "\n" + web) == Lines{"key changed in [api_keys k]"});
}

}  // namespace weir::conf
