#include "proxy/answer_filter.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

std::string proxied(const std::string& location, const std::string& main = "") {
  return (main.empty() ? "" : "[main]\n" + main + "\n") +
         "[upstream origins]\nserver = 127.0.0.1:8000\nkeepalive = 8\n"
         "[server web]\nlisten = 127.0.0.1:80\nupstream = origins\n" +
         location;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string text_of(std::size_t bytes) {
  std::string out;
  for (unsigned n = 0; out.size() < bytes; ++n) out += "line " + std::to_string(n * 7919) + "\n";
  out.resize(bytes);
  return out;
}

std::string answer(std::string_view body, const std::string& fields) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields +
         "\r\n" + std::string(body);
}

// The body of the answer at the front of `wire`, out of its chunks; "unfinished" without the last.
std::string body_of(const std::string& wire) {
  std::string out;
  std::size_t at = wire.find("\r\n\r\n") + 4;
  for (;;) {
    const std::size_t end = wire.find("\r\n", at);
    if (end == wire.npos) return "unfinished";
    const std::size_t size = std::stoul(wire.substr(at, end - at), nullptr, 16);
    if (size == 0) return out;
    out += wire.substr(end + 2, size);
    at = end + 2 + size + 2;
  }
}

std::string gunzip(const std::string& coded) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 31) == Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int ended = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return ended == Z_STREAM_END ? out : "not gzip";
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

constexpr const char* wants_gzip = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
constexpr const char* wants_plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("answer filter: a compressed answer, its head, what is counted, and the coder is back") {
  ProxyBench bench(proxied("compress = br gzip\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  const std::string text = text_of(100'000);
  for (int n = 0; n < 3; ++n) {
    bench.exchange(client, wants_gzip);
    CHECK_FALSE(has(origin.wire.from_code, "Accept-Encoding"));
    origin.wire.to_code = answer(text, "Content-Type: text/html\r\nETag: \"x\"\r\n");
    bench.settle();
    const std::string got = std::exchange(client.wire.from_code, {});
    CHECK(has(got, "Content-Encoding: gzip\r\n"));
    CHECK(has(got, "ETag: W/\"x\"\r\n"));
    CHECK(has(got, "Transfer-Encoding: chunked\r\n"));
    CHECK_FALSE(has(got, "Content-Length"));
    CHECK(gunzip(body_of(got)) == text);
    CHECK(bench.coders.out() == 0);
  }
  CHECK(bench.count(&shm::CounterRow::compressed_gzip_bytes_in) == 3 * text.size());
  CHECK(bench.count(&shm::CounterRow::compressed_gzip_bytes_out) > 1000);
  CHECK(bench.count(&shm::CounterRow::compressed_gzip_bytes_out) < 3 * text.size() / 2);
  CHECK(bench.buffers.bytes_used() == 0);
}

TEST_CASE("answer filter: a client that takes a few bytes at a time gets all of them") {
  ProxyBench bench(proxied("compress = gzip\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  const std::string text = text_of(300'000);
  client.wire.room = 0;
  bench.exchange(client, wants_gzip);
  origin.wire.to_code = answer(text, "Content-Type: text/html\r\n");
  std::string got;
  for (int n = 0; n < 20'000 && !got.ends_with("\r\n0\r\n\r\n"); ++n) {
    client.wire.room = 1 + static_cast<std::size_t>(n) % 61;
    bench.settle();
    got += std::exchange(client.wire.from_code, {});
  }
  CHECK(gunzip(body_of(got)) == text);
  CHECK(bench.coders.out() == 0);
}

TEST_CASE("answer filter: a client that leaves gives back what its answer was coded with") {
  ProxyBench bench(proxied("compress = gzip\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  client.wire.room = 0;
  bench.exchange(client, wants_gzip);
  origin.wire.to_code =
      answer(text_of(1'000'000), "Content-Type: text/html\r\n").substr(0, 900'000);
  bench.settle();
  CHECK(bench.coders.out() == 1);
  client.wire.reset_by_us = true;
  bench.settle();
  CHECK(client.wire.destroyed);
  CHECK(bench.coders.out() == 0);
  CHECK(bench.count(&shm::CounterRow::requests_active) == 0);
}

TEST_CASE(
    "answer filter: an origin that breaks off leaves neither a last chunk nor an open request") {
  ProxyBench bench(proxied("compress = gzip\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  bench.exchange(client, wants_gzip);
  origin.wire.to_code = answer(text_of(200'000), "Content-Type: text/html\r\n").substr(0, 150'000);
  bench.settle();
  origin.wire.half_closed = true;
  bench.settle();
  CHECK(client.wire.destroyed);
  CHECK_FALSE(client.wire.from_code.ends_with("0\r\n\r\n"));
  CHECK(bench.coders.out() == 0);
  CHECK(bench.count(&shm::CounterRow::decompress_refused) == 0);
}

TEST_CASE("answer filter: digests of other bytes don't come as trailers, others do") {
  ProxyBench bench(proxied("compress = gzip\n"));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  bench.exchange(client,
                 "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n"
                 "Accept-Encoding: gzip\r\n\r\n");
  origin.wire.to_code =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n"
      "3\r\nabc\r\n0\r\nRepr-Digest: x\r\nX-Sum: 1\r\nDigest: y\r\n\r\n";
  bench.settle();
  CHECK(client.wire.from_code.ends_with("\r\n0\r\nX-Sum: 1\r\n\r\n"));
  CHECK(gunzip(body_of(client.wire.from_code)) == "abc");
}

TEST_CASE(
    "answer filter: without memory an answer goes out as it came, or is refused where it can't") {
  const std::string text = text_of(50'000);
  ProxyBench bench(proxied("compress = br\ndecompress = on\n", "compress_memory = 1m"));
  std::vector<CoderLease> taken;
  while (CoderLease lease = bench.coders.decoder(ContentCoding::gzip))
    taken.push_back(std::move(lease));
  auto& origin = bench.pooled_origin();
  auto& client = bench.connect();
  bench.exchange(client, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n");
  origin.wire.to_code = answer(text, "Content-Type: text/html\r\nETag: \"x\"\r\n");
  bench.settle();
  const std::string plain = std::exchange(client.wire.from_code, {});
  CHECK(plain.ends_with(text));
  CHECK_FALSE(has(plain, "Content-Encoding"));
  CHECK(has(plain, "Vary: Accept-Encoding\r\n"));
  CHECK(has(plain, "ETag: \"x\"\r\n"));
  CHECK(bench.count(&shm::CounterRow::compress_skipped) == 1);

  bench.exchange(client, wants_plain);
  origin.wire.to_code = answer(gzip(text), "Content-Type: text/html\r\nContent-Encoding: gzip\r\n");
  bench.settle();
  CHECK(client.wire.from_code.starts_with("HTTP/1.1 502 "));
  CHECK(bench.count(&shm::CounterRow::decompress_refused) == 1);
}

TEST_CASE("answer filter: decompressed answers, and such as break off") {
  ProxyBench bench(proxied("decompress = on\ndecompress_max_size = 60k\n"));
  const std::string text = text_of(50'000);
  {
    auto& origin = bench.pooled_origin();
    auto& client = bench.connect();
    bench.exchange(client, wants_plain);
    origin.wire.to_code = answer(gzip(text), "Content-Type: image/x\r\nContent-Encoding: gzip\r\n");
    bench.settle();
    CHECK(body_of(client.wire.from_code) == text);
    CHECK_FALSE(has(client.wire.from_code, "Content-Encoding"));
    CHECK(bench.count(&shm::CounterRow::decompressed_bytes_out) == text.size());
  }
  std::string damaged = gzip(text);
  damaged[damaged.size() - 6] ^= 1;
  std::uint64_t refused = 0;
  for (const std::string& bad : {gzip(text_of(70'000)), damaged, gzip(text).substr(0, 5000)}) {
    auto& origin = bench.pooled_origin();
    auto& client = bench.connect();
    bench.exchange(client, wants_plain);
    origin.wire.to_code = answer(bad, "Content-Encoding: gzip\r\n");
    bench.settle();
    CHECK(client.wire.destroyed);
    CHECK_FALSE(client.wire.from_code.ends_with("\r\n0\r\n\r\n"));
    CHECK(bench.count(&shm::CounterRow::decompress_refused) == ++refused);
  }
  CHECK(bench.coders.out() == 0);
}
