#include "http/h1_writer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/faults.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"

using namespace weir;
using namespace std::string_literals;

namespace {

std::string text_of(const RequestHead& head, std::string_view target, const Outgoing& outgoing) {
  std::string out(request_head_bytes(head, target, outgoing), '\xa5');
  const auto size = write_request_head(head, target, outgoing, out);
  if (!size) return "error: " + std::string(size.error().what);
  return out.substr(0, *size);
}
std::string text_of(const ResponseHead& head, const Outgoing& outgoing) {
  std::string out(response_head_bytes(head, outgoing), '\xa5');
  const auto size = write_response_head(head, outgoing, out);
  if (!size) return "error: " + std::string(size.error().what);
  return out.substr(0, *size);
}

RequestHead get_request() {
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.fields.add("Accept", "*/*");
  head.fields.add(FieldId::host, "example.com");
  head.fields.add("X-A", "1");
  return head;
}

}  // namespace

TEST_CASE("request head: Host first, own framing, the sender's framing passed over") {
  RequestHead head = get_request();
  for (const char* name : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE",
                           "Trailer", "Upgrade", "Proxy-Connection", "Proxy"})
    head.fields.add(name, "smuggled");
  const std::string begin = "GET /x HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nX-A: 1\r\n";
  CHECK(text_of(head, "/x", {}) == begin + "\r\n");
  CHECK(text_of(head, "/x", {.framing = {BodyKind::length, 0}}) ==
        begin + "Content-Length: 0\r\n\r\n");
  CHECK(text_of(head, "/x", {.framing = {BodyKind::chunked}, .te_trailers = true}) ==
        begin + "Transfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
  CHECK(text_of(head, "/x", {.persistence = Persistence::close, .upgrade = "websocket"}) ==
        begin + "Connection: close, upgrade\r\nUpgrade: websocket\r\n\r\n");
  head.version = Version::http_1_0;  // the client's: not ours to repeat
  CHECK(text_of(head, "/x", {}) == begin + "\r\n");
  head.fields.clear();
  CHECK(text_of(head, "/x", {}) == "GET /x HTTP/1.1\r\nHost: \r\n\r\n");
  CHECK(
      text_of(head, "/x", {.version = Version::http_1_0, .persistence = Persistence::keep_alive}) ==
      "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("response head: date and server where they are missing, framing by status") {
  ResponseHead head;
  head.status = 200;
  head.reason = "OK";
  const Outgoing own{.framing = {BodyKind::length, 12}, .date = "now", .server = "weir"};
  CHECK(text_of(head, own) ==
        "HTTP/1.1 200 OK\r\nServer: weir\r\nDate: now\r\nContent-Length: 12\r\n\r\n");
  head.fields.add(FieldId::server, "theirs");
  CHECK(text_of(head, own) ==
        "HTTP/1.1 200 OK\r\nDate: now\r\nServer: theirs\r\nContent-Length: 12\r\n\r\n");
  CHECK(text_of(head, {.framing = {BodyKind::until_close}}) ==
        "HTTP/1.1 200 OK\r\nServer: theirs\r\nConnection: close\r\n\r\n");
  head.status = 304;
  CHECK(text_of(head, {.framing = {BodyKind::none, 0, 7}}) ==
        "HTTP/1.1 304 OK\r\nServer: theirs\r\nContent-Length: 7\r\n\r\n");
  head.status = 204;
  CHECK(text_of(head, {.framing = {BodyKind::chunked}}) ==
        "HTTP/1.1 204 OK\r\nServer: theirs\r\n\r\n");
  head.clear();
  head.status = 103;
  head.fields.add(FieldId::link, "</a>");
  CHECK(text_of(head, own) == "HTTP/1.1 103 \r\nLink: </a>\r\n\r\n");
}

TEST_CASE("writer: a control byte in any part is refused, whoever put it there") {
  for (const std::string& bad : {std::string("a\rb"), std::string("a\nb"), "a\0b"s,
                                 std::string("a\x7f"), std::string("\x01")}) {
    RequestHead head = get_request();
    head.fields.add("X-B", bad);
    CHECK(text_of(head, "/", {}) == "error: control byte in an outgoing field");
    head = get_request();
    head.fields.add(bad, "x");
    CHECK(text_of(head, "/", {}) == "error: control byte in an outgoing field");
    head = get_request();
    CHECK(text_of(head, bad, {}) == "error: control byte in an outgoing field");
    CHECK(text_of(head, "/", {.upgrade = bad}) == "error: control byte in an outgoing field");
    head.method_text = bad;
    CHECK(text_of(head, "/", {}) == "error: control byte in an outgoing field");
    head = get_request();
    head.fields.set(FieldId::host, bad);
    CHECK(text_of(head, "/", {}) == "error: control byte in an outgoing field");
    ResponseHead answer;
    answer.status = 200;
    answer.reason = bad;
    CHECK(text_of(answer, {}) == "error: control byte in an outgoing field");
    answer.reason = "OK";
    CHECK(text_of(answer, {.server = bad}) == "error: control byte in an outgoing field");
    char room[64];
    Fields trailers;
    trailers.add("X-T", bad);
    CHECK_FALSE(write_last_chunk(trailers, room));
  }
  RequestHead head = get_request();
  CHECK(text_of(head, "/a b", {}) == "error: control byte in an outgoing field");
  CHECK(text_of(head, "", {}) == "error: control byte in an outgoing field");
  head.fields.add("X B", "1");
  CHECK(text_of(head, "/", {}) == "error: control byte in an outgoing field");
}

TEST_CASE("writer: too little room is an error for every size, and nothing is overrun") {
  const RequestHead head = get_request();
  const Outgoing outgoing{.framing = {BodyKind::chunked}, .persistence = Persistence::close};
  const std::string whole = text_of(head, "/x", outgoing);
  for (std::size_t room = 0; room <= whole.size(); ++room) {
    std::string out(room, '\xa5');
    const auto size = write_request_head(head, "/x", outgoing, out);
    CHECK(static_cast<bool>(size) == (room == whole.size()));
    if (!size) CHECK(status_of(size.error()) == 500);
  }
}

TEST_CASE("writer: a head that was read and written reads the same again") {
  const std::vector<std::string> heads = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /x?y=%20z HTTP/1.1\r\nHost: a.b:8080\r\nCookie: a=b\r\nCookie: c=d\r\nX: \xc3\xa9 "
      "\"q\"\r\nEmpty:\r\n\r\n",
      "OPTIONS * HTTP/1.0\r\nHost: [::1]\r\nTab: a\tb\r\n\r\n",
      "M-SEARCH /~a/!$&'()*+,;=:@ HTTP/1.1\r\nHost: h\r\n\r\n",
  };
  for (const std::string& bytes : heads) {
    CAPTURE(bytes);
    RequestHead first, second;
    REQUIRE(parse_request_head(bytes, {}, first));
    const Outgoing same{.version = first.version};
    const std::string written = text_of(first, first.target, same);
    REQUIRE(parse_request_head(written, {}, second));
    CHECK(second.method_text == first.method_text);
    CHECK(second.target == first.target);
    CHECK(second.version == first.version);
    REQUIRE(second.fields.size() == first.fields.size());
    for (const Field& field : first.fields) {
      REQUIRE(second.fields.find(field.name) != nullptr);
      CHECK(second.fields.find(field.name)->value == first.fields.find(field.name)->value);
    }
    CHECK(text_of(second, second.target, same) == written);
  }
}

TEST_CASE("chunks: what is written decodes to what was given") {
  CHECK(ChunkHead(1).text() == "1\r\n");
  CHECK(ChunkHead(0x1f40).text() == "1f40\r\n");
  CHECK(ChunkHead(~std::uint64_t{0}).text() == "ffffffffffffffff\r\n");
  std::string bytes, payload;
  for (std::size_t size : {1U, 15U, 16U, 255U, 4096U}) {
    const std::string piece(size, 'x');
    payload += piece;
    bytes += std::string(ChunkHead(size).text()) + piece + std::string(crlf);
  }
  Fields trailers;
  trailers.add("X-Sum", "1");
  trailers.add("Content-Length", "9");
  trailers.add("Set-Cookie", "a=b");
  std::string end(last_chunk_bytes(trailers), ' ');
  const auto size = write_last_chunk(trailers, end);
  REQUIRE(size);
  CHECK(end.substr(0, *size) == "0\r\nX-Sum: 1\r\n\r\n");
  bytes += end.substr(0, *size);
  const Limits limits;
  BodyDecoder decoder;
  decoder.start({BodyKind::chunked}, limits, Side::client);
  std::string decoded;
  for (std::string_view left = bytes; !left.empty();) {
    const auto step = decoder.decode(left);
    REQUIRE(step);
    decoded += step->payload;
    left.remove_prefix(step->consumed);
  }
  CHECK(decoder.done());
  CHECK(decoded == payload);
  CHECK(decoder.trailers().size() == 1);
}
