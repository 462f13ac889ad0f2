#include "http/uri.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "http/faults.h"
#include "http/host.h"

using namespace weir;
using namespace std::string_literals;

namespace {

struct Resolved {
  int status = 0;  // 0: fine
  std::string authority, host, path, upstream_path, query, host_field, scheme;
  int port = 0;
  TargetForm form = TargetForm::origin;
  bool has_query = false;
};

Resolved resolve(std::string_view method, std::string_view target,
                 const std::vector<std::string_view>& hosts, const TargetRules& rules = {},
                 Version version = Version::http_1_1) {
  RequestHead head;
  head.method_text = method;
  head.method = parse_method(method);
  head.target = target;
  head.version = version;
  for (const auto host : hosts) head.fields.add(FieldId::host, host);
  Arena arena;
  const auto result = resolve_target(head, rules, arena);
  Resolved out;
  if (!result) {
    out.status = status_of(result.error());
    return out;
  }
  out.authority = head.authority;
  out.host = head.host;
  out.port = head.port;
  out.path = head.path;
  out.upstream_path = head.upstream_path;
  out.query = head.query;
  out.has_query = head.has_query;
  out.host_field = head.fields.value(FieldId::host);
  out.scheme = head.scheme;
  out.form = head.form;
  return out;
}

// The normal form, or the status it is refused with.
std::string normal(std::string_view path, const TargetRules& rules = {}) {
  Arena arena;
  const auto result = normalise_path(path, rules, arena);
  return result ? std::string(result->path) : std::to_string(status_of(result.error()));
}

}  // namespace

TEST_CASE("path: every spelling of one resource has one normal form") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> resources = {
      {"/admin/x",
       {"/admin/x", "//admin/x", "/admin//x", "///admin///x", "/./admin/x", "/admin/./x",
        "/admin/y/../x", "/a/../admin/x", "/a/b/../../admin/x", "/%61dmin/x", "/%61%64%6D%69%6e/x",
        "/admin/%78", "/%2e/admin/x", "/a/%2e%2e/admin/x", "/a/%2E./admin/x", "/a/.%2e/admin/x",
        "/admin/x/y/..//../x", "/admin/.//x", "//./admin//./x"}},
      {"/admin/", {"/admin/", "/admin//", "/admin/.", "/admin/./", "/admin/x/..", "/admin/x/../"}},
      {"/", {"/", "//", "/.", "/./", "/a/..", "/a/../", "/a/b/../..", "/%2e"}},
      {"/%C3%A9", {"/%C3%A9", "/%c3%a9", "/%C3%a9", "/./%c3%A9"}},
      {"/a%20b", {"/a%20b", "/a%20%62", "//a%20b"}},
      {"/a%7Bb%7D", {"/a{b}", "/a%7bb%7d", "/a%7Bb}"}},
      {"/a%2Fb", {"/a%2Fb", "/a%2fb", "/%61%2fb"}},
      {"/a%5Cb", {"/a%5Cb", "/a%5cb"}},
      {"/..%2Fb", {"/..%2Fb", "/%2e%2e%2fb"}},
      {"/%252e%252e/x", {"/%252e%252e/x", "/%252%65%252e/x"}},
      {"/.../..a/a../.a", {"/.../..a/a../.a", "/%2e%2e%2e/..a/a../.a"}},
      {"/a;b=c@d:e!f", {"/a;b=c@d:e!f", "/a;b=%63@d:e!f"}},
      {"/a%3Bb", {"/a%3Bb", "/a%3bb"}},
  };
  for (const auto& [form, spellings] : resources) {
    for (const std::string& spelling : spellings) {
      CAPTURE(spelling);
      CHECK(normal(spelling) == form);
    }
    CHECK(normal(form) == form);
  }
}

TEST_CASE("path: what is refused") {
  for (const std::string& path :
       {std::string("/a\\b"),       std::string("/a%00b"),     std::string("/%"),
        std::string("/%4"),         std::string("/%zz"),       std::string("/%4g"),
        std::string("/%-1"),        std::string("/.."),        std::string("/../x"),
        std::string("/a/../.."),    std::string("/a/../../b"), std::string("/%2e%2e/x"),
        std::string("/a//../../x"), std::string(""),           std::string("a"),
        std::string("/a b"),        std::string("/a\x01"),     "/a\0b"s,
        std::string("/\x80"),       std::string("/a?b"),       std::string("/a#b")}) {
    CAPTURE(path);
    CHECK(normal(path) == "400");
  }
}

TEST_CASE("path: merging slashes and opaque slashes are options") {
  const TargetRules keep{.merge_slashes = false};
  CHECK(normal("/a//b", keep) == "/a//b");
  CHECK(normal("//", keep) == "//");
  CHECK(normal("/a//../b", keep) == "/a/b");
  CHECK(normal("/a/.//b", keep) == "/a//b");
  CHECK(normal("/a/b/../c", keep) == "/a/c");
  const TargetRules strict{.reject_encoded_slash = true};
  CHECK(normal("/a%2Fb", strict) == "400");
  CHECK(normal("/a%2fb", strict) == "400");
  CHECK(normal("/a%5cb", strict) == "400");
  CHECK(normal("/a%2Eb", strict) == "/a.b");
}

TEST_CASE("path: normalising what is normal changes nothing, whatever the bytes") {
  const char alphabet[] = {'/', '.', '%', '2', 'e', 'F', 'a', ';', '{'};
  std::uint32_t seed = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (int i = 0; i < 12; ++i) {
      seed = seed * 1664525 + 1013904223;
      path += alphabet[(seed >> 16) % sizeof alphabet];
    }
    for (const bool merge : {true, false}) {
      const TargetRules rules{.merge_slashes = merge};
      const std::string once = normal(path, rules);
      if (once == "400") continue;
      CAPTURE(path);
      REQUIRE(normal(once, rules) == once);
      const bool dots =
          (once + "/").find("/./") != once.npos || (once + "/").find("/../") != once.npos;
      REQUIRE_FALSE(dots);
      if (merge) REQUIRE(once.find("//") == once.npos);
    }
  }
}

TEST_CASE(
    "path: the upstream gets the client's bytes only where nothing but unreserved escapes "
    "changed") {
  const auto sent = [](std::string_view target) {
    return resolve("GET", target, {"h"}).upstream_path;
  };
  CHECK(sent("/a") == "/a");
  CHECK(sent("/%61b%7E") == "/%61b%7E");
  CHECK(sent("/%C3%A9") == "/%C3%A9");
  CHECK(sent("/%c3%a9") == "/%C3%A9");
  CHECK(sent("/a/../b") == "/b");
  CHECK(sent("/a//b") == "/a/b");
  CHECK(sent("/%61//b") == "/a/b");
  CHECK(sent("/{") == "/%7B");
  CHECK(resolve("GET", "/a//b", {"h"}, {.merge_slashes = false}).upstream_path == "/a//b");
}

TEST_CASE("target: the four forms and the query") {
  const auto origin = resolve("GET", "/x/../a?b=/../?&c", {"Example.COM:80"});
  CHECK(origin.status == 0);
  CHECK(origin.form == TargetForm::origin);
  CHECK(origin.path == "/a");
  CHECK(origin.query == "b=/../?&c");
  CHECK(origin.authority == "example.com");
  CHECK(origin.host_field == "example.com");
  CHECK(resolve("GET", "/x?", {"h"}).has_query);
  CHECK_FALSE(resolve("GET", "/x", {"h"}).has_query);

  const auto absolute = resolve("GET", "HTTP://Example.com:8080/a?b", {"example.com:8080"});
  CHECK(absolute.form == TargetForm::absolute);
  CHECK(absolute.scheme == "http");
  CHECK(absolute.authority == "example.com:8080");
  CHECK(absolute.host == "example.com");
  CHECK(absolute.port == 8080);
  CHECK(absolute.path == "/a");
  const auto bare = resolve("GET", "http://h?x", {"h"});
  CHECK(bare.path == "/");
  CHECK(bare.query == "x");
  CHECK(resolve("GET", "https://h:443", {"h"}).path == "/");

  CHECK(resolve("OPTIONS", "*", {"h"}).form == TargetForm::asterisk);
  CHECK(resolve("OPTIONS", "http://h", {"h"}).path == "*");
  CHECK(resolve("OPTIONS", "http://h/", {"h"}).path == "/");

  const TargetRules connect{.allow_connect = true};
  const auto tunnel = resolve("CONNECT", "h:443", {"h:443"}, connect);
  CHECK(tunnel.form == TargetForm::authority);
  CHECK(tunnel.authority == "h:443");
  CHECK(resolve("TRACE", "/", {"h"}, {.allow_trace = true}).status == 0);
}

TEST_CASE("target: $request_uri never holds the authority of an absolute target") {
  const auto uri = [](std::string_view method, std::string_view target) {
    RequestHead head;
    head.method = parse_method(method);
    head.target = target;
    head.fields.add(FieldId::host, "H");
    Arena arena;
    REQUIRE(resolve_host(head, {}, arena));
    CHECK(head.received_host == "H");
    CHECK(head.path.empty());
    for (const bool merge : {true, false})  // the rules of one server, then of another
      REQUIRE(resolve_path(head, {.merge_slashes = merge}, arena));
    REQUIRE(resolve_host(head, {}, arena));
    CHECK(head.received_host == "H");
    return std::string(head.request_uri) + " " + std::string(head.path);
  };
  CHECK(uri("GET", "/a//b?c") == "/a//b?c /a//b");
  CHECK(uri("GET", "http://h/a/./b?c") == "/a/./b?c /a/b");
  CHECK(uri("GET", "http://h?c") == "/?c /");
  CHECK(uri("GET", "http://h") == "/ /");
  CHECK(uri("OPTIONS", "http://h") == "* *");
  CHECK(uri("OPTIONS", "*") == "* *");
}

TEST_CASE("target: what is refused, and its status") {
  const std::vector<std::tuple<std::string, std::string, std::vector<std::string_view>, int>> bad =
      {
          {"GET", "*", {"h"}, 400},
          {"GET", "/a#b", {"h"}, 400},
          {"GET", "/a?b#c", {"h"}, 400},
          {"GET", "a", {"h"}, 400},
          {"GET", "h:80", {"h"}, 400},
          {"GET", "ftp://h/", {"h"}, 400},
          {"GET", "http:/h/", {"h"}, 400},
          {"GET", "http:///x", {"h"}, 400},
          {"GET", "http://u@h/", {"h"}, 400},
          {"GET", "http://h/", {"i"}, 400},
          {"GET", "http://h:81/", {"h"}, 400},
          {"GET", "http://h/", {}, 400},
          {"GET", "http://h\\i/", {"h"}, 400},
          {"GET", "/", {}, 400},
          {"GET", "/", {"h", "h"}, 400},
          {"GET", "/", {""}, 400},
          {"CONNECT", "h:443", {"h:443"}, 405},
          {"TRACE", "/", {"h"}, 405},
      };
  for (const auto& [method, target, hosts, status] : bad) {
    const std::string shown = std::string(method).append(" ").append(target);
    CAPTURE(shown);
    CHECK(resolve(method, target, hosts).status == status);
  }
  const TargetRules connect{.allow_connect = true};
  for (const char* target : {"h", "/", "http://h:443/", "h:", "h:443/", "*"})
    CHECK(resolve("CONNECT", target, {"h:443"}, connect).status == 400);
}

TEST_CASE("host: HTTP/1.0 may come without one") {
  const auto without = resolve("GET", "/", {}, {}, Version::http_1_0);
  CHECK(without.status == 0);
  CHECK(without.host.empty());
  CHECK(without.host_field.empty());
  CHECK(resolve("GET", "http://H/", {}, {}, Version::http_1_0).host_field == "h");
  CHECK(resolve("GET", "/", {"a", "a"}, {}, Version::http_1_0).status == 400);
}

TEST_CASE("host: every spelling of one authority has one text") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> hosts = {
      {"example.com",
       {"example.com", "EXAMPLE.com", "example.com.", "example.com:443", "Example.Com.:443",
        "example.com:", "example.com:0443"}},
      {"example.com:80", {"example.com:80", "example.COM:80", "example.com.:080"}},
      {"192.0.2.1", {"192.0.2.1", "192.0.2.1:443", "192.0.2.1."}},
      {"[::1]", {"[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]:443", "[::0:1]"}},
      {"[2001:db8::a]:8443", {"[2001:DB8::A]:8443", "[2001:db8:0:0:0:0:0:a]:8443"}},
      {"my_host-1", {"my_host-1", "MY_HOST-1"}},
  };
  for (const auto& [text, spellings] : hosts) {
    for (const std::string& spelling : spellings) {
      CAPTURE(spelling);
      CHECK(resolve("GET", "/", {spelling}, {.default_port = 443}).authority == text);
      CHECK(resolve("GET", "https://" + spelling + "/", {spelling}, {.default_port = 443})
                .authority == text);
    }
  }
}

TEST_CASE("host: what is not an authority") {
  const std::string label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  for (const std::string& bad : {std::string(""),
                                 std::string(":80"),
                                 std::string("."),
                                 std::string(".a"),
                                 std::string("a..b"),
                                 std::string("a.."),
                                 std::string("a b"),
                                 std::string("a/b"),
                                 std::string("a\\b"),
                                 std::string("a?b"),
                                 std::string("a#b"),
                                 std::string("u@a"),
                                 std::string("u:p@a"),
                                 std::string("a,b"),
                                 std::string("a%2e"),
                                 std::string("a:b"),
                                 std::string("a:80:80"),
                                 std::string("a:0"),
                                 std::string("a:65536"),
                                 std::string("a:-1"),
                                 std::string("a:+1"),
                                 std::string("a: 80"),
                                 std::string("a:000080"),
                                 std::string("[::1"),
                                 std::string("::1"),
                                 std::string("[]"),
                                 std::string("[::1]a"),
                                 std::string("[::1]80"),
                                 std::string("[fe80::1%25e]"),
                                 std::string("[1.2.3.4]"),
                                 std::string("[v1.a]"),
                                 std::string("1.2.3"),
                                 std::string("1.2.3.4.5"),
                                 std::string("256.1.1.1"),
                                 std::string("01.2.3.4"),
                                 std::string("0x7f.1"),
                                 std::string("127.1"),
                                 std::string("2130706433"),
                                 std::string("a.1"),
                                 std::string("\xc3\xa9"),
                                 std::string("a\x01"),
                                 "a\0b"s,
                                 "[::1\0]"s,
                                 label,
                                 long_name}) {
    CAPTURE(bad);
    Arena arena;
    CHECK_FALSE(parse_authority(bad, arena));
  }
}

TEST_CASE("query arguments and cookies: the first of a name, as it stands") {
  CHECK(query_argument("a=1&b=%20&a=2", "a") == "1");
  CHECK(query_argument("a=1&B=%20", "b") == "%20");
  CHECK(query_argument("a&b=", "a") == "");
  CHECK(query_argument("a&b=", "b") == "");
  CHECK(query_argument("a=b=c", "a") == "b=c");
  CHECK_FALSE(query_argument("ab=1&=2&&", "a"));
  CHECK_FALSE(query_argument("", "a"));
  Fields fields;
  CHECK_FALSE(cookie_value(fields, "a"));
  fields.add("Cookie", "x=1; a=2;a=3 ; bad; =4");
  fields.add("Cookie", "y=\"q\"");
  CHECK(cookie_value(fields, "a") == "2");
  CHECK(cookie_value(fields, "y") == "\"q\"");
  CHECK_FALSE(cookie_value(fields, "bad"));
}
