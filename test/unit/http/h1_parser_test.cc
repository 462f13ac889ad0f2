#include "http/h1_parser.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/faults.h"

using namespace weir;
using namespace std::string_literals;

namespace {

struct Outcome {
  bool ok = false;
  int status = 0;
  std::string what;
};

Outcome outcome(const Result<Ok>& result) {
  if (result) return {true, 0, ""};
  return {false, status_of(result.error()), std::string(result.error().what)};
}

// find_head_end and parse_request_head as a session uses them.
Outcome read_request(std::string_view bytes, RequestHead& head, const Limits& limits = {}) {
  HeadScan scan;
  const auto size = find_head_end(bytes, scan, limits);
  if (!size) return {false, status_of(size.error()), std::string(size.error().what)};
  if (*size == 0) return {false, 0, "need more"};
  return outcome(parse_request_head(bytes.substr(0, *size), limits, head));
}
Outcome read_response(std::string_view bytes, ResponseHead& head, const Limits& limits = {}) {
  HeadScan scan{.kind = HeadKind::response};
  const auto size = find_head_end(bytes, scan, limits);
  if (!size) return {false, status_of(size.error()), std::string(size.error().what)};
  if (*size == 0) return {false, 0, "need more"};
  return outcome(parse_response_head(bytes.substr(0, *size), limits, head));
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("request head: all parts are read, blanks around values are left out") {
  RequestHead head;
  const auto result = read_request(
      "PATCH /a?b=c HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Blank: \t \r\nX-In:\t a b\tc \t\r\n"
      "content-TYPE:text/plain\r\nX-High: \x80\xff\r\n\r\n",
      head);
  CAPTURE(result.what);
  REQUIRE(result.ok);
  CHECK(head.method == Method::patch);
  CHECK(head.method_text == "PATCH");
  CHECK(head.target == "/a?b=c");
  CHECK(head.version == Version::http_1_1);
  CHECK(head.line == "PATCH /a?b=c HTTP/1.1");
  REQUIRE(head.fields.size() == 6);
  CHECK(head.fields.value(FieldId::host) == "x");
  CHECK(head.fields.find("x-empty")->value.empty());
  CHECK(head.fields.find("x-blank")->value.empty());
  CHECK(head.fields.find("x-in")->value == "a b\tc");
  CHECK(head.fields.value(FieldId::content_type) == "text/plain");
  CHECK(head.fields.find("x-high")->value == "\x80\xff");
}

TEST_CASE("request head: what a strict reader refuses, and the status it answers") {
  const std::vector<std::pair<std::string, int>> bad = {
      {"GET  / HTTP/1.1\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\n\r\n", 400},
      {"\tGET / HTTP/1.1\r\n\r\n", 400},
      {"G@T / HTTP/1.1\r\n\r\n", 400},
      {"GET\t/ HTTP/1.1\r\n\r\n", 400},
      {"GET /\tHTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\n\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\n\r\n", 400},
      {"GET /\x80 HTTP/1.1\r\n\r\n", 400},
      {"GET /\0 HTTP/1.1\r\n\r\n"s, 400},
      {"GET / http/1.1\r\n\r\n", 400},
      {"GET / HTTP/1\r\n\r\n", 400},
      {"GET / HTTP/1.\r\n\r\n", 400},
      {"GET / HTTP/1.10\r\n\r\n", 400},
      {"GET / HTTP/11\r\n\r\n", 400},
      {"GET / HTTP/ 1.1\r\n\r\n", 400},
      {"GET / HTTP/1.2\r\n\r\n", 505},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"\x16\x03\x01\x02", 400},
      {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400},
      {"\nGET / HTTP/1.1\r\n\r\n", 400},
      {"\rGET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\n\n", 400},
      {"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\r\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\rA: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n A: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA\t: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA(b): c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA\xe9: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"s, 400},
      {"GET / HTTP/1.1\r\nA\0: c\r\n\r\n"s, 400},
  };
  for (const auto& each : bad) {
    const auto& bytes = each.first;
    CAPTURE(bytes);
    RequestHead head;
    const auto result = read_request(bytes, head);
    CHECK_FALSE(result.ok);
    CAPTURE(result.what);
    CHECK(result.status == each.second);
  }
}

TEST_CASE("request head: one empty line may come first") {
  RequestHead head;
  CHECK(read_request("\r\nGET / HTTP/1.0\r\n\r\n", head).ok);
  CHECK(head.version == Version::http_1_0);
  CHECK(head.line == "GET / HTTP/1.0");
}

TEST_CASE("request head: every limit answers with its own status") {
  RequestHead head;
  const std::string just = "GET /" + repeat("a", 8192 - 14) + " HTTP/1.1\r\n";
  REQUIRE(just.size() == 8194);
  CHECK(read_request(just + "\r\n", head).ok);
  CHECK(read_request("GET /" + repeat("a", 8192 - 13) + " HTTP/1.1\r\n\r\n", head).status == 414);
  CHECK(read_request("GET /" + repeat("a", 9000), head).status == 414);
  CHECK(read_request("GET / HTTP/1.1\r\nA: " + repeat("a", 40000), head).status == 431);
  CHECK(read_request("GET / HTTP/1.1\r\nA: " + repeat("a", 40000) + "\r\n\r\n", head).status ==
        431);
  const std::string line = "GET / HTTP/1.1\r\n";
  CHECK(read_request(line + "A: " + repeat("a", 32768 - line.size() - 7) + "\r\n\r\n", head).ok);
  CHECK(
      read_request(line + "A: " + repeat("a", 32768 - line.size() - 6) + "\r\n\r\n", head).status ==
      431);
  CHECK(read_request(line + repeat("A: b\r\n", 100) + "\r\n", head).ok);
  CHECK(read_request(line + repeat("A: b\r\n", 101) + "\r\n", head).status == 400);
  CHECK(read_request(line + repeat("A_: b\r\n", 101) + "\r\n", head).status == 400);
}

TEST_CASE("request head: names with '_' are dropped, refused or kept") {
  const std::string bytes = "GET / HTTP/1.1\r\nX_A: 1\r\nX-A: 2\r\nContent_Length: 3\r\n\r\n";
  RequestHead head;
  REQUIRE(read_request(bytes, head).ok);
  CHECK(head.fields.size() == 1);
  CHECK(head.dropped_fields == 2);
  Limits limits;
  limits.underscores = Underscores::reject;
  CHECK(read_request(bytes, head, limits).status == 400);
  limits.underscores = Underscores::keep;
  REQUIRE(read_request(bytes, head, limits).ok);
  CHECK(head.fields.size() == 3);
  CHECK_FALSE(head.fields.has(FieldId::content_length));
}

TEST_CASE("head end: found wherever the bytes are split, and nothing is looked at twice") {
  const std::string head = "\r\nGET /index.html HTTP/1.1\r\nHost: example.com\r\nA: b\r\n\r\n";
  const std::string bytes = head + "POST /next";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScan scan;
    const auto first = find_head_end(std::string_view(bytes).substr(0, cut), scan, {});
    REQUIRE(first);
    CHECK(*first == 0);
    CHECK(scan.from == cut);
    const auto second = find_head_end(bytes, scan, {});
    REQUIRE(second);
    CHECK(*second == head.size());
  }
  HeadScan scan;
  for (std::size_t size = 1; size <= head.size(); ++size) {
    const auto found = find_head_end(std::string_view(bytes).substr(0, size), scan, {});
    REQUIRE(found);
    CHECK(*found == (size == head.size() ? size : 0));
  }
}

TEST_CASE("head end: an error is the same wherever the bytes are split") {
  for (const std::string bytes :
       {"GET / HTTP/1.1\r\nA: b\n\r\n", "GET /\r\n\r\n", "\x16\x03\x01 this is TLS", "GET /\n\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n"}) {
    HeadScan whole;
    const auto expected = find_head_end(bytes, whole, {});
    REQUIRE_FALSE(expected);
    HeadScan scan;
    std::string_view what;
    for (std::size_t size = 1; size <= bytes.size() && what.empty(); ++size) {
      const auto found = find_head_end(std::string_view(bytes).substr(0, size), scan, {});
      if (!found) what = found.error().what;
    }
    CAPTURE(bytes);
    CHECK(what == expected.error().what);
  }
}

TEST_CASE("response head: versions, phrases and the missing space some origins send") {
  ResponseHead head;
  REQUIRE(read_response("HTTP/1.1 200 All Right\r\nServer: x\r\n\r\n", head).ok);
  CHECK(head.status == 200);
  CHECK(head.reason == "All Right");
  CHECK(head.fields.value(FieldId::server) == "x");
  REQUIRE(read_response("HTTP/1.0 404 \r\n\r\n", head).ok);
  CHECK(head.version == Version::http_1_0);
  CHECK(head.reason.empty());
  REQUIRE(read_response("HTTP/1.1 204\r\n\r\n", head).ok);
  CHECK(head.status == 204);
}

TEST_CASE("response head: what is refused is a 502") {
  for (const std::string bytes :
       {"HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 200\tOK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\rA: b\r\n\r\n", "<html>",
        "\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    CAPTURE(bytes);
    ResponseHead head;
    const auto result = read_response(bytes, head);
    CHECK_FALSE(result.ok);
    CHECK(result.status == 502);
  }
}
