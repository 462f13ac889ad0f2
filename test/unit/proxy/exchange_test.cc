#include "proxy/exchange.h"

#include <doctest/doctest.h>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

std::string proxied(const std::string& more = "", const std::string& sections = "") {
  return "[upstream origins]\nserver = 127.0.0.1:8000\nkeepalive = 8\n"
         "[server web]\nlisten = 127.0.0.1:80\nupstream = origins\n" +
         more + "\n" + sections;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
std::string status(std::string_view answer) { return std::string(answer.substr(9, 3)); }

// One request through to an origin that is a string; what the origin got.
std::string forwarded(ProxyBench& bench, std::string_view request,
                      const char* address = "192.0.2.7") {
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect(address);
  bench.exchange(client, request);
  return origin.wire.from_code;
}

}  // namespace

TEST_CASE("exchange: a request through a kept connection, and its answer") {
  ProxyBench bench(proxied());
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  for (int i = 0; i < 3; ++i) {
    CHECK(
        bench.exchange(client, "GET /x?y HTTP/1.1\r\nHost: Example.com\r\nX-A: b\r\n\r\n").empty());
    const std::string sent = std::exchange(origin.wire.from_code, {});
    CHECK(sent.starts_with("GET /x?y HTTP/1.1\r\n"));
    CHECK(has(sent, "Host: example.com\r\n"));
    CHECK(has(sent, "X-A: b\r\n"));
    origin.wire.to_code = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Out: 1\r\n\r\nhello";
    bench.settle();
    CHECK(has(client.wire.from_code, "X-Out: 1\r\n"));
    CHECK(client.wire.from_code.ends_with("\r\n\r\nhello"));
    client.wire.from_code.clear();
  }
  CHECK(client.wire.writes == 3);
  CHECK(origin.wire.writes == 3);
  CHECK(bench.buffers.bytes_used() == 0);
}

TEST_CASE("exchange: what a client says of itself is replaced, in every spelling") {
  ProxyBench bench(proxied());
  const std::string sent = forwarded(bench,
                                     "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: "
                                     "1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX_Real_IP: 1.1.1.1\r\n"
                                     "x-forwarded-proto: https\r\nX-Forwarded-Host: "
                                     "evil\r\nForwarded: for=1.1.1.1\r\nX-Request-Id: mine\r\n"
                                     "X-Forwarded-Port: 1\r\nX-Backend-Server: x\r\n\r\n");
  CHECK_FALSE(has(sent, "1.1.1.1"));
  CHECK_FALSE(has(sent, "evil"));
  CHECK_FALSE(has(sent, "mine"));
  CHECK(has(sent, "X-Forwarded-For: 192.0.2.7\r\n"));
  CHECK(has(sent, "X-Real-IP: 192.0.2.7\r\n"));
  CHECK(has(sent, "X-Forwarded-Proto: http\r\n"));
  CHECK(has(sent, "X-Forwarded-Host: a\r\n"));
  CHECK(has(sent, "Via: 1.1 weir\r\n"));
}

TEST_CASE("exchange: a trusted peer is believed and appended to") {
  ProxyBench bench(proxied("set_real_ip_from = 10.0.0.0/8\n"));
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.9\r\nX-Forwarded-Proto: "
      "https\r\n\r\n";
  const std::string trusted = forwarded(bench, request, "10.1.2.3");
  CHECK(has(trusted, "X-Forwarded-For: 6.6.6.6, 192.0.2.9, 10.1.2.3\r\n"));
  CHECK(has(trusted, "X-Real-IP: 192.0.2.9\r\n"));
  CHECK(has(trusted, "X-Forwarded-Proto: https\r\n"));
  const std::string stranger = forwarded(bench, request, "11.1.2.3");
  CHECK(has(stranger, "X-Forwarded-For: 11.1.2.3\r\n"));
  CHECK(has(stranger, "X-Forwarded-Proto: http\r\n"));
}

TEST_CASE("exchange: hop-by-hop fields stay here") {
  ProxyBench bench(proxied());
  const std::string sent = forwarded(
      bench,
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-One\r\nX-One: 1\r\nKeep-Alive: 5\r\n"
      "TE: gzip\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nProxy: "
      "evil\r\n\r\n");
  for (const char* name : {"X-One", "Keep-Alive", "TE:", "Proxy", "Upgrade", "HTTP2-Settings"}) {
    CAPTURE(name);
    CHECK_FALSE(has(sent, name));
  }
}

TEST_CASE("exchange: set_header, add_header, remove_header, debug_headers") {
  ProxyBench bench(proxied(
      "set_header = X-Set \"$request_method $uri\"\nset_header = X-Gone \"\"\n"
      "add_header = X-Added $upstream_addr\nremove_header = X-Secret\ndebug_headers = on\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  bench.exchange(client, "GET /p HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\n\r\n");
  CHECK(has(origin.wire.from_code, "X-Set: GET /p\r\n"));
  CHECK_FALSE(has(origin.wire.from_code, "X-Gone"));
  origin.wire.to_code =
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Secret: s\r\nX-Backend-Server: "
      "forged\r\n\r\n";
  bench.settle();
  const std::string& answer = client.wire.from_code;
  CHECK(has(answer, "X-Added: 127.0.0.1:8000\r\n"));
  CHECK_FALSE(has(answer, "X-Secret"));
  CHECK(has(answer, "X-Backend-Server: http://127.0.0.1:8000\r\n"));
  CHECK_FALSE(has(answer, "forged"));
}

TEST_CASE("exchange: API keys: who has one passes, and nobody behind sees it") {
  const std::string keys =
      "[api_keys clients]\nheader = X-API-Key\n"
      "key = demo sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464\n";
  ProxyBench bench(keys + proxied("auth = api_keys:clients\nset_header = X-User $remote_user\n"));
  auto& none = bench.connect();
  std::string answer = bench.exchange(none, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status(answer) == "401");
  CHECK(has(answer, "WWW-Authenticate: "));
  CHECK_FALSE(has(answer, "Connection: close"));
  CHECK(status(bench.exchange(none, "GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: wrong\r\n\r\n")) ==
        "401");
  CHECK(status(bench.exchange(none,
                              "GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: test-api-key-123\r\n"
                              "Connection: x-api-key\r\n\r\n")) == "400");
  const std::string sent = forwarded(
      bench, "GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: test-api-key-123\r\nX_API_Key: t\r\n\r\n");
  CHECK(has(sent, "X-User: demo\r\n"));
  CHECK_FALSE(has(sent, "test-api-key"));
  CHECK_FALSE(has(sent, "API"));
}

TEST_CASE("exchange: rewrites as nginx") {
  ProxyBench bench(proxied(
      "",
      "[location old]\nserver = web\npath = /old/\nrewrite = ^/old/(.*)$ /new/$1 last\n"
      "[location new]\nserver = web\npath = /new/\nreturn = 200 \"new $uri $args\"\n"
      "[location go]\nserver = web\npath = /go/\nrewrite = ^/go/(.*)$ /there/$1?a=1 redirect\n"
      "[location ever]\nserver = web\npath = /ever/\nrewrite = ^/go/(.*)$ /x permanent\n"
      "rewrite = ^(.*)$ https://other.example$1 permanent\n"
      "[location loop]\nserver = web\npath = /loop\nrewrite = ^ /loop last\n"
      "[location stay]\nserver = web\npath = /stay/\nrewrite = ^/stay/(.*)$ /$1 break\n"));
  auto& client = bench.connect();
  std::string answer = bench.exchange(client, "GET /old/x?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer.ends_with("new /new/x q=1"));
  answer = bench.exchange(client, "GET /go/x?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status(answer) == "302");
  CHECK(has(answer, "Location: /there/x?a=1&q=1\r\n"));
  answer = bench.exchange(client, "GET /ever/x HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status(answer) == "301");
  CHECK(has(answer, "Location: https://other.example/ever/x\r\n"));
  CHECK(status(bench.exchange(client, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n")) == "500");
  CHECK(forwarded(bench, "GET /stay/p?q HTTP/1.1\r\nHost: a\r\n\r\n")
            .starts_with("GET /p?q HTTP/1.1\r\n"));
}

TEST_CASE("exchange: one decision for all spellings of a path") {
  ProxyBench bench(proxied("", "[location admin]\nserver = web\npath = /admin/\nreturn = 403\n"));
  for (const char* path : {"/admin/", "/%61dmin/", "//admin//", "/./admin/", "/x/../admin/",
                           "/x/%2e%2e/admin/", "/admin/?x", "/adm%69n/x"}) {
    CAPTURE(path);
    auto& client = bench.connect();
    CHECK(status(bench.exchange(
              client, "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n")) == "403");
  }
}

TEST_CASE("exchange: an answer that is cut short is never whole") {
  ProxyBench bench(proxied());
  for (const char* part : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
    auto& origin = bench.pooled_origin();
    auto& client = bench.connect();
    bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wire.to_code = part;
    bench.settle();
    origin.wire.half_closed = true;
    bench.settle();
    CHECK(client.wire.destroyed);
    CHECK_FALSE(has(client.wire.from_code, "\r\n0\r\n"));
    CHECK(has(client.wire.from_code, "half"));
  }
}

TEST_CASE("exchange: a body goes through as the origin takes it") {
  ProxyBench bench(proxied("client_max_body_size = 0\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  origin.wire.room = 1000;
  const std::string body(300000, 'b');
  client.wire.to_code = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + body;
  for (int i = 0; i < 2000 && !origin.wire.from_code.ends_with(body); ++i) {
    bench.settle();
    CHECK(bench.buffers.bytes_used() <= 600 * 1024);
    origin.wire.room += 5000;
  }
  CHECK(origin.wire.from_code.ends_with("\r\n\r\n" + body));
  origin.wire.to_code = "HTTP/1.1 204 No Content\r\n\r\n";
  bench.settle();
  CHECK(status(client.wire.from_code) == "204");
  CHECK(bench.buffers.bytes_used() == 0);
}

TEST_CASE("exchange: a slow client holds the origin back, at any size of room") {
  ProxyBench bench(proxied());
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.wire.room = 10;
  const std::string body(2000000, 'z');
  origin.wire.to_code = "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + body;
  bench.settle();
  CHECK(origin.wire.to_code.size() > 1000000);  // most of it was not read
  for (int i = 0; i < 5000 && client.wire.from_code.size() < body.size(); ++i) {
    client.wire.room = 5000;
    client.deliver();
    bench.turn();
  }
  client.wire.room = 100000;
  bench.settle();
  CHECK(client.wire.from_code.ends_with(body));
}

TEST_CASE("exchange: counters and the gauge of open requests come out even") {
  ProxyBench bench(proxied("", "[location r]\nserver = web\npath = /r\nreturn = 204\n"));
  auto& client = bench.connect();
  bench.exchange(client, "GET /r HTTP/1.1\r\nHost: a\r\n\r\n");
  bench.exchange(client, "BAD\r\n\r\n");
  auto& gone = bench.connect();
  bench.pooled_origin();
  bench.exchange(gone, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(bench.count(&shm::CounterRow::requests_active) == 1);
  gone.wire.reset_by_us = true;
  bench.settle();
  CHECK(bench.count(&shm::CounterRow::requests) == 3);
  CHECK(bench.count(&shm::CounterRow::requests_active) == 0);
  CHECK(bench.count(&shm::CounterRow::requests_aborted) == 1);
  CHECK(bench.count(&shm::CounterRow::responses_2xx) == 1);
  CHECK(bench.count(&shm::CounterRow::connections_active) == 0);
}
