#include "tools/load/target.h"

#include <doctest/doctest.h>

using namespace weir;
using load::parse_url;

TEST_CASE("target: what a URL says") {
  struct Case {
    const char *url, *host, *authority, *path;
    unsigned port;
    bool tls;
  };
  for (const Case& it :
       {Case{"http://a", "a", "a", "/", 80, false}, Case{"https://a", "a", "a", "/", 443, true},
        Case{"HTTPS://A.example:8443/x?y=z", "A.example", "A.example:8443", "/x?y=z", 8443, true},
        Case{"http://127.0.0.1:8080?q", "127.0.0.1", "127.0.0.1:8080", "/?q", 8080, false},
        Case{"http://[::1]:81/a/b", "::1", "[::1]:81", "/a/b", 81, false},
        Case{"http://[2001:db8::1]", "2001:db8::1", "[2001:db8::1]", "/", 80, false}}) {
    CAPTURE(it.url);
    const auto target = parse_url(it.url);
    REQUIRE(target);
    CHECK(target->host == it.host);
    CHECK(target->authority == it.authority);
    CHECK(target->path == it.path);
    CHECK(target->port == it.port);
    CHECK(target->tls == it.tls);
    CHECK(target->socket_path.empty());
  }
}

TEST_CASE("target: a Unix socket") {
  const auto target = parse_url("http://unix:/run/app.sock:/health?x");
  REQUIRE(target);
  CHECK(target->socket_path == "/run/app.sock");
  CHECK(target->path == "/health?x");
  CHECK(target->authority == "localhost");
  CHECK(parse_url("http://unix:/run/app.sock")->path == "/");
  std::string error;
  CHECK(load::resolve(*target, error).path() == "/run/app.sock");
}

TEST_CASE("target: what is refused") {
  for (const char* url : {"",
                          "localhost",
                          "localhost:80/",
                          "ftp://a/",
                          "http://",
                          "http:///x",
                          "http://:80/",
                          "http://a:0/",
                          "http://a:65536/",
                          "http://a:x/",
                          "http://a:/",
                          "http://a:1:2/",
                          "http://user@a/",
                          "http://a b/",
                          "http://a/\x01",
                          "http://a/\xc3\xa9",
                          "http://a/#top",
                          "http://[::1",
                          "http://[127.0.0.1]/",
                          "http://[::1]x/",
                          "http://a_b!/",
                          "http://unix:",
                          "http://unix:/s:x"}) {
    CAPTURE(url);
    CHECK_FALSE(parse_url(url));
  }
}

TEST_CASE("target: an address needs no resolver") {
  std::string error;
  CHECK(load::resolve(*parse_url("http://[::1]:8080/"), error).to_string() == "[::1]:8080");
  CHECK(load::resolve(*parse_url("http://192.0.2.1/"), error).to_string() == "192.0.2.1:80");
  CHECK(error.empty());
}
