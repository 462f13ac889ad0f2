#include "process/purge_url.h"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace weir;
using namespace weir::process;

namespace {

Template compiled(std::string_view text) {
  Template out;
  TemplateProblem problem;
  REQUIRE(Template::compile(text, out, problem));
  return out;
}

std::string key(std::string_view url, std::string_view form, const TargetRules& rules = {}) {
  PurgeUrl purge(url);
  REQUIRE(purge.error() == "");
  const auto out = purge.key(compiled(form), rules);
  CHECK(out.why == "");
  CHECK(out.unknown == "");
  return out.text;
}

PurgeUrl::Rendered prefix(std::string_view url, std::string_view form) {
  PurgeUrl purge(url);
  REQUIRE(purge.error() == "");
  return purge.key_prefix(compiled(form), {});
}

constexpr std::string_view usual = "$scheme$host$request_uri";

}  // namespace

TEST_CASE("purge URL: it becomes the key that a request for it has") {
  CHECK(key("http://example.com/a?b=c", usual) == "httpexample.com/a?b=c");
  CHECK(key("HTTPS://Example.COM:443/A", usual) == "httpsexample.com/A");
  CHECK(key("http://example.com", usual) == "httpexample.com/");
  CHECK(key("http://example.com?a", usual) == "httpexample.com/?a");
  CHECK(key("http://[::1]:8080/", "$host $http_host $server_port") == "[::1] [::1]:8080 8080");
  PurgeUrl other("https://example.com:80/a");
  CHECK(other.key(compiled("$host$uri"), {}).with_port == "example.com/a :80");
  PurgeUrl plain("https://example.com:443/a");
  CHECK(plain.key(compiled("$host$uri"), {}).with_port == "");
  CHECK(key("http://a:80/", "$http_host $server_port $https") == "a 80 ");
  CHECK(key("https://a/", "$http_host $server_port $https") == "a 443 on");
  CHECK(key("http://a/x", "$uri$is_args$args") == "/x");
  CHECK(key("http://a/x?", "$uri$is_args$args") == "/x?");
  CHECK(key("http://a/x?q=1&r=2", "$uri$is_args$query_string $arg_r") == "/x?q=1&r=2 2");
}

TEST_CASE("purge URL: the path is normalised as that of a request, what was received is not") {
  CHECK(key("http://a/b/../c//d/%7ee", "$uri") == "/c/d/~e");
  CHECK(key("http://a/b/../c//d/%7ee", "$request_uri") == "/b/../c//d/%7ee");
  CHECK(key("http://a/c//d", "$uri", {.merge_slashes = false}) == "/c//d");
  PurgeUrl url("http://a/b%2Fc");
  CHECK(url.key(compiled("$uri"), {}).text == "/b%2Fc");
  CHECK(url.key(compiled("$uri"), {.reject_encoded_slash = true}).why != "");
  CHECK(url.key(compiled("$uri"), {}).why == "");
}

TEST_CASE("purge URL: what is not a URL of a request") {
  for (const char* text :
       {"", "/a", "example.com/a", "ftp://a/", "http://", "http:///a", "http://a b/",
        "http://a/#top", "http://a/\x01", "http://a/\xc3\xa4", "http://u@a/", "http://a:70000/"}) {
    CAPTURE(text);
    CHECK(PurgeUrl(text).error() != "");
  }
}

TEST_CASE("purge URL: a variable that it does not tell is named as it is written") {
  const auto named = [](std::string_view form) {
    PurgeUrl url("http://a/");
    return url.key(compiled(form), {}).unknown;
  };
  CHECK(named("$host$cookie_lang$remote_addr") == "$cookie_lang");
  CHECK(named("${http_accept_language}$uri") == "$http_accept_language");
  CHECK(named("$1$uri") == "$1");
}

TEST_CASE("purge URL: a prefix ends where URLs that begin so go on differently") {
  CHECK(prefix("http://a/b/", usual).text == "httpa/b/");
  CHECK(prefix("http://a/b/", "$host$uri$is_args$args").text == "a/b/");
  CHECK(prefix("http://a/b", "$host$request_uri/$scheme").text == "a/b");
  CHECK(prefix("http://a/b", "$host$request_uri$cookie_x").text == "a/b");
  CHECK(prefix("http://a/b", "$host$request_uri$cookie_x").unknown == "");
  CHECK(prefix("http://a/b?c=", "$host$uri$is_args$args-").text == "a/b?c=");
  CHECK(prefix("http://a/b?c=", "$request_uri-$host").text == "/b?c=");
  CHECK(prefix("http://a/", "$scheme-$host").text == "http-a");
}

TEST_CASE("purge URL: a prefix that keys don't have") {
  CHECK(prefix("http://a/b", "$cookie_x$uri").unknown == "$cookie_x");
  CHECK(prefix("http://a/b", "$host$cookie_x").unknown == "$cookie_x");
  CHECK(prefix("http://a/b", "$args$uri").why != "");
  CHECK(prefix("http://a/b", "$arg_x$uri").why != "");
  CHECK(prefix("http://a/b", "$host$args").why != "");
}
