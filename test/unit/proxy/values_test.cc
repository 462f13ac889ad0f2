#include "proxy/values.h"

#include <doctest/doctest.h>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

// What `return` makes of a text with variables for one request.
std::string rendered(const std::string& text, std::string_view request,
                     const std::string& more = "") {
  ProxyBench bench("[server web]\nlisten = 127.0.0.1:80\nserver_name = first.example\n" + more +
                   "[location all]\nserver = web\npath = /\nreturn = 200 \"" + text + "\"\n");
  auto& client = bench.connect();
  const std::string answer = bench.exchange(client, request);
  const auto end = answer.find("\r\n\r\n");
  return end == answer.npos ? std::string() : answer.substr(end + 4);
}

constexpr std::string_view request =
    "POST /a%2Fb/../c?x=1&Y=two&empty= HTTP/1.1\r\nHost: Example.COM:8080\r\nUser-Agent: test/1\r\n"
    "Cookie: a=b; c=d\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Type: text/x\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("values: of the request") {
  struct Row {
    const char* text;
    const char* value;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"$request_method", "POST"},
                                  {"$uri", "/c"},
                                  {"$request_uri", "/a%2Fb/../c?x=1&Y=two&empty="},
                                  {"$args|$query_string", "x=1&Y=two&empty=|x=1&Y=two&empty="},
                                  {"$is_args", "?"},
                                  {"$arg_x$arg_y", "1two"},
                                  {"[$arg_empty$arg_none]", "[]"},
                                  {"$host", "example.com"},
                                  {"$http_host", "Example.COM:8080"},
                                  {"$http_user_agent", "test/1"},
                                  {"$http_x_two", "1, 2"},
                                  {"$cookie_a$cookie_c", "bd"},
                                  {"$content_type", "text/x"},
                                  {"$content_length", "0"},
                                  {"$server_protocol", "HTTP/1.1"},
                                  {"$remote_addr:$remote_port", "192.0.2.7:40000"},
                                  {"$scheme$https", "http"},
                                  {"$server_name", "first.example"},
                                  {"$location", "all"},
                                  {"$connection_requests", "1"},
                                  {"$proxy_add_x_forwarded_for", "192.0.2.7"},
                                  {"${uri}x$$", "/cx$"}}) {
    CAPTURE(row.text);
    CHECK(rendered(row.text, request) == row.value);
  }
}

TEST_CASE("values: every variable of the table can be asked for at any time") {
  for (const Variable& variable : variables()) {
    std::string name(variable.name);
    if (name.ends_with('_')) name += "x";
    CAPTURE(name);
    CHECK(rendered("<$" + name + ">", request).starts_with("<"));
  }
}

TEST_CASE("values: captures of the location's pattern") {
  ProxyBench bench(
      "[server web]\nlisten = 127.0.0.1:80\nreturn = 404\n"
      "[location user]\nserver = web\npath = regex ^/user/([a-z]+)/([0-9]+)$\nreturn = 200 \"$2 "
      "$1\"\n");
  auto& client = bench.connect();
  CHECK(bench.exchange(client, "GET /user/ann/7 HTTP/1.1\r\nHost: a\r\n\r\n")
            .ends_with("\r\n\r\n7 ann"));
}
