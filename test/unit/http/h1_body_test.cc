#include "http/h1_body.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::string_literals;

namespace {

const Limits limits;

struct Decoded {
  std::string payload;
  std::string rest;  // what was left behind the end of the body
  std::string error;
  bool done = false;
  std::vector<std::string> trailers;
  bool operator==(const Decoded&) const = default;
};

// Feeds `bytes` in the pieces given by `cuts` (sorted offsets).
Decoded decode(const BodyFraming& framing, std::string_view bytes,
               const std::vector<std::size_t>& cuts, bool close = false) {
  BodyDecoder decoder;
  decoder.start(framing, limits, Side::client);
  Decoded out;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : bytes.size();
    // A copy of its own: views that outlive their piece show up under ASan.
    const std::string piece(bytes.substr(from, to - from));
    std::string_view left = piece;
    while (!left.empty() && !decoder.done()) {
      const auto step = decoder.decode(left);
      if (!step) {
        out.error = step.error().what;
        return out;
      }
      out.payload += step->payload;
      left.remove_prefix(step->consumed);
    }
    out.rest += left;
    from = to;
  }
  if (close) {
    const auto ended = decoder.end_of_input();
    if (!ended) out.error = ended.error().what;
  }
  out.done = decoder.done();
  if (out.done) {
    CHECK(decoder.payload_bytes() == out.payload.size());
    for (const Field& field : decoder.trailers())
      out.trailers.push_back(std::string(field.name) + "=" + std::string(field.value));
  }
  return out;
}

const BodyFraming chunked{BodyKind::chunked};

}  // namespace

TEST_CASE("chunked body: payload, extensions, trailers, and nothing behind the end") {
  const auto out = decode(chunked,
                          "5\r\nhello\r\n0006;name=\"a;b\"\r\n world\r\nA;x\r\n0123456789\r\n"
                          "0\r\nETag: \"x\"\r\nX-Sum:  7 \r\n\r\nGET / HTTP/1.1",
                          {});
  CHECK(out.error == "");
  CHECK(out.done);
  CHECK(out.payload == "hello world0123456789");
  CHECK(out.rest == "GET / HTTP/1.1");
  CHECK(out.trailers == std::vector<std::string>{"ETag=\"x\"", "X-Sum=7"});
}

TEST_CASE("body: every split into three pieces decodes to the same") {
  const std::vector<std::pair<BodyFraming, std::string>> bodies = {
      {chunked, "3\r\nabc\r\n1;e=1\r\nd\r\n0;z\r\nA: b\r\nC: d\r\n\r\nnext"},
      {chunked, "0\r\n\r\nnext"},
      {chunked, "8\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n0\r\n\r\n"},
      {{BodyKind::length, 5}, "abcdefgh"},
      {{BodyKind::length, 0}, "next"},
      {{BodyKind::none}, "next"},
      {{BodyKind::until_close}, "all of it"},
  };
  for (const auto& each : bodies) {
    const auto& framing = each.first;
    const auto& bytes = each.second;
    CAPTURE(bytes);
    const bool close = framing.kind == BodyKind::until_close;
    const auto whole = decode(framing, bytes, {}, close);
    CHECK(whole.done);
    CHECK(whole.error == "");
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
      for (std::size_t second = first; second <= bytes.size(); ++second)
        CHECK(decode(framing, bytes, {first, second}, close) == whole);
    }
    std::vector<std::size_t> every;
    for (std::size_t i = 1; i < bytes.size(); ++i) every.push_back(i);
    CHECK(decode(framing, bytes, every, close) == whole);
  }
}

TEST_CASE("chunked body: what a strict reader refuses, wherever it is split") {
  const std::string long_extension = "1;" + std::string(4096, 'e') + "\r\na\r\n0\r\n\r\n";
  std::string many_extensions;
  for (int i = 0; i < 100; ++i) many_extensions += "1;" + std::string(60, 'e') + "\r\na\r\n";
  std::string empty_extensions;
  for (int i = 0; i < 5000; ++i) empty_extensions += "1;\r\na\r\n";
  const std::vector<std::string> bad = {
      "\r\n",
      "g\r\n",
      "-1\r\n",
      "+1\r\na\r\n",
      "0x1\r\na\r\n",
      "0X1\r\na\r\n",
      "1_0\r\n",
      " 1\r\na\r\n",
      "1 \r\na\r\n",
      "1 ;x\r\na\r\n",
      "1\t\r\na\r\n",
      ";x\r\n",
      "1\na\r\n",
      "1\ra\r\n",
      "1\r\ra\r\n",
      "1\r\nab\r\n",
      "1\r\na\n",
      "1\r\na\r0\r\n\r\n",
      "1\r\na0\r\n\r\n",
      "1;x\na\r\n",
      "1;x\ry\r\na\r\n",
      "1;x\x01\r\na\r\n",
      "1;x\0\r\na\r\n"s,
      "00000000000000001\r\na\r\n0\r\n\r\n",
      "FFFFFFFFFFFFFFFFF\r\n",
      "1\r\na\r\nFFFFFFFFFFFFFFFF\r\n",
      "0\r\n\n",
      "0\r\nA: b\n\r\n",
      "0\r\nA b\r\n\r\n",
      "0\r\n A: b\r\n\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
      "0\r\nA : b\r\n\r\n",
      "0\r\nA: \x01\r\n\r\n",
      "0\r\nX: " + std::string(9000, 'x') + "\r\n\r\n",
      long_extension,
      many_extensions,
      empty_extensions,
  };
  for (const std::string& bytes : bad) {
    CAPTURE(bytes.substr(0, 60));
    const auto whole = decode(chunked, bytes, {}, true);
    CHECK(whole.error != "");
    CHECK_FALSE(whole.done);
    if (bytes.size() > 100) continue;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
      CHECK(decode(chunked, bytes, {cut}, true).error == whole.error);
  }
}

TEST_CASE("chunked body: the limits themselves are allowed") {
  const std::string extension = "1;" + std::string(4094, 'e') + "\r\na\r\n0\r\n\r\n";
  CHECK(decode(chunked, extension, {}).done);
  const std::string trailer = "0\r\nX: " + std::string(8187, 'x') + "\r\n\r\n";
  CHECK(decode(chunked, trailer, {}).done);
  std::string many = "0\r\n";
  for (int i = 0; i < 32; ++i) many += "A: b\r\n";
  CHECK(decode(chunked, many + "\r\n", {}).trailers.size() == 32);
  CHECK_FALSE(decode(chunked, many + "A: b\r\n\r\n", {}).done);
  CHECK(decode(chunked, "000000000000000F\r\n0123456789abcde\r\n0\r\n\r\n", {}).done);
}

TEST_CASE("body: a connection that closes ends only a body without other framing") {
  CHECK(decode({BodyKind::until_close}, "abc", {}, true).done);
  CHECK(decode({BodyKind::length, 4}, "abc", {}, true).error ==
        "connection closed inside the body");
  CHECK(decode(chunked, "3\r\nabc\r\n0\r\n", {}, true).error ==
        "connection closed inside the body");
  CHECK(decode(chunked, "3\r\nabc\r\n0\r\n\r\n", {}, true).done);
  CHECK(decode({BodyKind::none}, "", {}, true).done);
}

TEST_CASE("body: an error stays, and a decoder starts anew") {
  BodyDecoder decoder;
  decoder.start(chunked, limits, Side::upstream);
  REQUIRE_FALSE(decoder.decode("x"));
  CHECK(decoder.failed());
  const auto again = decoder.decode("1\r\na\r\n");
  REQUIRE_FALSE(again);
  CHECK(again.error().side == Side::upstream);
  CHECK_FALSE(decoder.end_of_input());
  decoder.start({BodyKind::length, 2}, limits, Side::client);
  CHECK(decoder.left() == 2);
  const auto step = decoder.decode("abc");
  REQUIRE(step);
  CHECK(step->payload == "ab");
  CHECK(step->consumed == 2);
  CHECK(decoder.done());
}

TEST_CASE("body: payload is a view into what was given, never a copy") {
  BodyDecoder decoder;
  decoder.start(chunked, limits, Side::client);
  const std::string bytes = "4\r\nabcd\r\n";
  const auto step = decoder.decode(bytes);
  REQUIRE(step);
  CHECK(step->payload.data() == bytes.data() + 3);
  CHECK(step->consumed == 7);
}

TEST_CASE("body: unframed in place, the pieces of all chunks lie together, wherever it is split") {
  const std::string framed =
      "3\r\nabc\r\n1;x=y\r\nd\r\n6\r\nefghij\r\n0\r\nX-T: 1\r\n\r\nGET /next";
  const std::size_t body_end = framed.find("GET");
  for (std::size_t split = 0; split <= body_end; ++split) {
    CAPTURE(split);
    std::string bytes = framed;
    BodyDecoder decoder;
    decoder.start(chunked, limits, Side::client);
    const auto first = decoder.unframe(std::span(bytes).first(split));
    REQUIRE(first);
    CHECK(first->consumed == split);
    const std::string payload(first->payload);
    const auto second = decoder.unframe(std::span(bytes).subspan(split));
    REQUIRE(second);
    CHECK(payload + std::string(second->payload) == "abcdefghij");
    CHECK(decoder.done());
    CHECK(split + second->consumed == body_end);
    CHECK(bytes.substr(body_end) == "GET /next");
  }
}

TEST_CASE("trailers: framing, routing and authentication may not come late") {
  for (const FieldId id :
       {FieldId::content_length, FieldId::transfer_encoding, FieldId::host, FieldId::trailer,
        FieldId::authorization, FieldId::set_cookie, FieldId::cookie, FieldId::cache_control,
        FieldId::content_encoding, FieldId::x_forwarded_for, FieldId::connection, FieldId::te})
    CHECK_FALSE(allowed_in_trailer({id, field_name(id), ""}));
  for (const char* name : {"X_Real_IP", "X-Forwarded-User", "x_forwarded_client_cert"}) {
    CAPTURE(name);
    CHECK_FALSE(allowed_in_trailer({FieldId::other, name, "1"}));
  }
  CHECK(allowed_in_trailer({FieldId::other, "X-Checksum", "1"}));
  CHECK(allowed_in_trailer({FieldId::other, "X-Forwarded", "1"}));
  CHECK(allowed_in_trailer({FieldId::etag, "ETag", "1"}));
}
