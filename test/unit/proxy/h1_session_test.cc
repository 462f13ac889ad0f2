#include "proxy/h1_session.h"

#include <doctest/doctest.h>

#include "net/plain_transport.h"
#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

constexpr const char* replies = R"([main]
error_log = stderr emerg
[server web]
listen = 127.0.0.1:80
return = 200 "hello"
[location echo]
server = web
path = /echo
return = 200 "$request_method $uri $args $http_x_a"
[location small]
server = web
path = /small
client_max_body_size = 10
return = 200 "small"
)";

std::string status_line(std::string_view answer) {
  return std::string(answer.substr(0, answer.find("\r\n")));
}
std::string body(std::string_view answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == answer.npos ? std::string() : std::string(answer.substr(end + 4));
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace

TEST_CASE("session: one request, one answer, and the connection stays") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  for (int i = 0; i < 3; ++i) {
    const std::string answer = bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_line(answer) == "HTTP/1.1 200 OK");
    CHECK(has(answer, "Content-Length: 5\r\n"));
    CHECK_FALSE(has(answer, "Connection:"));
    CHECK(body(answer) == "hello");
  }
  CHECK(client.wire.writes == 3);  // head and body in one write each
  CHECK(bench.sessions.idle() == 1);
  CHECK(bench.buffers.bytes_used() == 0);
  CHECK_FALSE(client.wire.destroyed);
}

TEST_CASE("session: a request in any two pieces, and byte by byte, is the same request") {
  const std::string request =
      "POST /echo/x?q=1 HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody";
  const std::string next = "GET /echo/next HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    CAPTURE(cut);
    ProxyBench bench(replies);
    auto& client = bench.connect();
    client.wire.to_code = request.substr(0, cut);
    bench.settle();
    client.wire.to_code += request.substr(cut);
    bench.settle();
    CHECK(body(client.wire.from_code) == "POST /echo/x q=1 b");
    client.wire.from_code.clear();
    CHECK(body(bench.exchange(client, next)) == "GET /echo/next  ");
  }
  ProxyBench bench(replies);
  auto& client = bench.connect();
  client.wire.read_max = 1;
  CHECK(body(bench.exchange(client, request)) == "POST /echo/x q=1 b");
  CHECK(body(bench.exchange(client, next)) == "GET /echo/next  ");
}

TEST_CASE("session: pipelined requests are answered in order, each once") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  std::string requests, expected;
  for (int i = 0; i < 40; ++i) {
    const std::string path = "/echo/" + std::to_string(i);
    requests += (i % 3 == 0 ? "POST " : "GET ") + path + " HTTP/1.1\r\nHost: a\r\n";
    requests += i % 3 == 0 ? "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" : "\r\n";
    expected += path + ",";
  }
  std::string answers = bench.exchange(client, requests);
  for (int i = 0; i < 60; ++i) bench.settle();
  answers += client.wire.from_code;
  std::string seen;
  for (auto at = answers.find(" /echo/"); at != answers.npos; at = answers.find(" /echo/", at + 1))
    seen += answers.substr(at + 1, answers.find(' ', at + 1) - at - 1) + ",";
  CHECK(seen == expected);
  CHECK(occurrences(answers, "HTTP/1.1 200 OK") == 40);
}

TEST_CASE("session: what is not a request gets its status and the connection ends") {
  struct Bad {
    const char* request;
    const char* status;
  };
  for (const Bad& bad : std::initializer_list<Bad>{
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
           {"GET / HTTP/1.1\nHost: a\n\n", "400"},
           {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
           {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
           {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "405"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400"},
           {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n", "417"},
           {"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", "400"},
           {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
           {"GET /../ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
           {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
           {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"}}) {
    const std::string request = bad.request;
    CAPTURE(request);
    ProxyBench bench(replies);
    auto& client = bench.connect();
    const std::string answer =
        bench.exchange(client, std::string(bad.request) + "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_line(answer).substr(9, 3) == bad.status);
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(occurrences(answer, "HTTP/1.1 ") == 1);
  }
}

TEST_CASE("session: heads that are too long are refused early") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  CHECK(status_line(bench.exchange(client, "GET /" + std::string(9000, 'a'))).substr(9, 3) ==
        "414");
  auto& second = bench.connect();
  CHECK(status_line(
            bench.exchange(second, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40000, 'a')))
            .substr(9, 3) == "431");
}

TEST_CASE(
    "session: a body that nobody wants is read away, up to a bound, and the connection stays") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  std::string answer =
      bench.exchange(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK_FALSE(has(answer, "Connection: close"));
  CHECK(bench.exchange(client, std::string(60000, 'b')).empty());
  CHECK(body(bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == "hello");

  auto& second = bench.connect();
  answer = bench.exchange(second, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n");
  CHECK(has(answer, "Connection: close"));
  CHECK(second.wire.write_ended);  // lingering

  auto& third = bench.connect();  // a length that nobody knows: read until the bound, then the end
  bench.exchange(third,
                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n");
  bench.exchange(third, std::string(100000, 'c'));
  CHECK(third.wire.write_ended);
}

TEST_CASE("session: a body over the limit is refused before it is read, and while it comes") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  CHECK(status_line(
            bench.exchange(client, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"))
            .substr(9, 3) == "413");
  auto& second = bench.connect();
  CHECK(status_line(
            bench.exchange(
                second, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"))
            .substr(9, 3) == "200");
}

TEST_CASE(
    "session: who holds back a body until told to go on is not told when the answer is known") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  const std::string answer = bench.exchange(
      client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(has(answer, "Connection: close"));
}

TEST_CASE("session: HTTP/1.0, HEAD, Connection: close") {
  ProxyBench bench(replies);
  auto& old = bench.connect();
  std::string answer = bench.exchange(old, "GET / HTTP/1.0\r\n\r\n");
  CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  CHECK(has(answer, "Connection: close"));
  CHECK(old.wire.destroyed);

  auto& kept = bench.connect();
  answer = bench.exchange(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(has(answer, "Connection: keep-alive"));
  CHECK_FALSE(kept.wire.destroyed);

  auto& head = bench.connect();
  answer = bench.exchange(
      head,
      "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(occurrences(answer, "Content-Length: 5\r\n") == 2);
  CHECK(occurrences(answer, "hello") == 1);
  CHECK(head.wire.destroyed);
}

TEST_CASE(
    "session: a client that has half-closed gets its whole answer, one that has gone gets none") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  client.wire.half_closed = true;
  CHECK(body(bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == "hello");
  CHECK(client.wire.destroyed);
  auto& gone = bench.connect();
  gone.wire.to_code = "GET / HT";
  bench.settle();
  gone.wire.reset_by_us = true;
  bench.settle();
  CHECK(gone.wire.destroyed);
  CHECK(bench.sessions.count() == 0);
}

TEST_CASE("session: answers go out however little room there is") {
  for (std::size_t step = 1; step < 40; step += 3) {
    CAPTURE(step);
    ProxyBench bench(replies);
    auto& client = bench.connect();
    client.wire.room = 0;
    client.wire.to_code =
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /echo/2 HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 500 && !has(client.wire.from_code, "GET /echo/2"); ++i) {
      client.wire.room = step;
      client.deliver();
      bench.turn();
    }
    CHECK(occurrences(client.wire.from_code, "HTTP/1.1 200 OK\r\n") == 2);
    CHECK(has(client.wire.from_code, "\r\n\r\nhelloHTTP/1.1 200"));
  }
}

TEST_CASE("session: a draining worker serves once more and says so") {
  ProxyBench bench(replies);
  auto& client = bench.connect();
  bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  bench.context.draining = true;
  const std::string answer = bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(has(answer, "Connection: close"));
  CHECK(body(answer) == "hello");
  CHECK(client.wire.destroyed);
}

TEST_CASE("session: an idle one is some 450 bytes with its socket, watcher and timer") {
  constexpr std::size_t allocations = 3, overhead = 16;
  CHECK(sizeof(H1Session) + sizeof(PlainTransport) + sizeof(Socket) + allocations * overhead <=
        496);
}
