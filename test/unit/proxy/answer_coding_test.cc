#include "proxy/answer_coding.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "test/unit/support/proxy_bench.h"

using namespace weir;
using test::ProxyBench;

namespace {

using enum ContentCoding;
using Kind = AnswerCoding::Kind;
using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

// No connection: heads are decided upon, none is sent.
class NoClient final : public ClientStream {
 public:
  ClientFacts facts() const override { return {address_, nullptr, 1, 1, false, nullptr}; }
  void apply_rules(const conf::ServerConf&, const conf::LocationConf&) override {}
  void informational(const ResponseHead&) override {}
  bool begin_answer(const ResponseHead&, std::optional<std::uint64_t>) override { return false; }
  bool begin_tunnel(const ResponseHead&, std::string_view) override { return false; }
  void send_body_to(BodySink*) override {}
  bool body_untouched() const override { return true; }
  void continue_body() override {}
  void close_after_answer() override {}
  void drop() override {}
  void outlived() override {}
  std::uint64_t bytes_sent() const override { return 0; }
  std::uint64_t body_bytes_sent() const override { return 0; }
  std::uint64_t bytes_received() const override { return 0; }
  void resume() override {}
  std::size_t write(std::string_view, bool) override { return 0; }
  void trailers(const Fields&) override {}
  void flush() override {}
  void abort(Error) override {}

 private:
  Address address_{};
};

// A location with these directives, and one answer in it.
class Case {
 public:
  explicit Case(const std::string& directives)
      : bench_(
            "[upstream origins]\nserver = 127.0.0.1:8000\n[server web]\nlisten = "
            "127.0.0.1:80\nupstream = origins\n" +
            directives),
        room_(bench_.context.memories),
        state_(bench_.context, bench_.context.request_ids, client_, *bench_.router.at(address()),
               *room_, {}) {
    state_.server = &state_.listen.default_server();
    state_.location = &state_.server->base;
    state_.request().method = Method::get;
    answer.status = 200;
  }
  Case& request(const Lines& lines, Method method = Method::get) {
    state_.request().clear();
    state_.request().method = method;
    for (const auto& [name, value] : lines) state_.request().fields.add(name, value);
    return *this;
  }
  Case& answers(std::uint16_t status, const Lines& lines) {
    answer.clear();
    answer.status = status;
    for (const auto& [name, value] : lines) answer.fields.add(name, value);
    return *this;
  }
  AnswerCoding choose(std::optional<std::uint64_t> length = 5000) const {
    return choose_coding(state_, answer, length);
  }
  // As the client gets it.
  const Fields& applied(std::optional<std::uint64_t> length = 5000) {
    REQUIRE(apply_coding(choose(length), state_, answer));
    return answer.fields;
  }

  ResponseHead answer;

 private:
  const Address& address() const { return bench_.config->servers.front().listens.front().address; }
  ProxyBench bench_;
  NoClient client_;
  ExchangeRoom room_;
  ExchangeState state_;
};

const std::string on = "compress = br zstd gzip deflate\n";
const Lines gzip_only = {{"Accept-Encoding", "gzip"}};
const Lines html = {{"Content-Type", "text/html; charset=utf-8"}};

}  // namespace

TEST_CASE("answer coding: without directives nothing is done") {
  Case none("");
  CHECK(none.request(gzip_only).answers(200, html).choose() == AnswerCoding{});
  none.answers(200, {{"Content-Type", "text/html"}, {"Content-Encoding", "gzip"}}).request({});
  CHECK(none.choose() == AnswerCoding{});
}

TEST_CASE("answer coding: what the client likes best is taken, and Vary says so in any case") {
  Case some(on);
  some.request({{"Accept-Encoding", "gzip, deflate, br;q=0.5"}}).answers(200, html);
  CHECK(some.choose() == AnswerCoding{Kind::compress, gzip, true, true});
  some.request({});
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, false});
  some.request({{"Accept-Encoding", "identity;q=0"}});
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, false});
  some.request({{"Accept-Encoding", "gzip"}, {"Cache-Control", "no-transform"}});
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, false});
  some.request(gzip_only, Method::head);
  CHECK(some.choose().kind == Kind::compress);
  CHECK(some.choose(std::nullopt).kind == Kind::compress);
}

TEST_CASE("answer coding: answers that are left as they are") {
  Case some(on);
  some.request(gzip_only);
  struct Row {
    std::uint16_t status;
    Lines lines;
  };
  for (const Row& row : std::initializer_list<Row>{
           {204, html},
           {205, html},
           {304, {{"Content-Type", "image/png"}, {"ETag", "\"x\""}}},
           {200, {{"Content-Type", "image/png"}}},
           {200, {}},
           {206, {{"Content-Type", "image/png"}}},
           {200, {{"Content-Type", "text/html"}, {"Cache-Control", "public, No-Transform"}}},
           {200, {{"Content-Type", "text/html"}, {"Content-Encoding", "br"}}},
           {200, {{"Content-Type", "text/html"}, {"Content-Encoding", "x-unknown"}}},
           {200,
            {{"Content-Type", "text/html"},
             {"Content-Encoding", "identity"},
             {"Content-Encoding", "gzip"}}}}) {
    CAPTURE(row.status);
    some.answers(row.status, row.lines);
    CHECK(some.choose() == AnswerCoding{});
  }
  CHECK(some.answers(200, html).choose(0) == AnswerCoding{});
  CHECK(some.choose(99) == AnswerCoding{});
  CHECK(some.choose(100).kind == Kind::compress);
  CHECK(some.choose(std::nullopt).kind == Kind::compress);
  some.answers(404, html);
  CHECK(some.choose().kind == Kind::compress);
  some.answers(200, {{"Content-Type", "text/html"}, {"Content-Encoding", "identity"}});
  CHECK(some.choose().kind == Kind::compress);
  CHECK(Case(on + "compress_secrets = off\n").request(gzip_only).answers(200, html).choose() ==
        AnswerCoding{});
  CHECK(some.request(gzip_only, Method::connect).answers(200, html).choose() == AnswerCoding{});
}

TEST_CASE("answer coding: a part stays as it is; that the whole would vary is said") {
  Case some(on);
  some.request({{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-9"}});
  for (const char* type : {"text/html", "multipart/byteranges; boundary=x"}) {
    some.answers(206, {{"Content-Type", type}, {"ETag", "\"x\""}});
    CHECK(some.choose(10) == AnswerCoding{Kind::none, identity, true, false});
  }
  CHECK(some.applied(10).value(FieldId::etag) == "\"x\"");
}

TEST_CASE("answer coding: the head of the coded form") {
  Case some(on);
  some.request(gzip_only);
  some.answers(200, {{"Content-Type", "text/html"},
                     {"ETag", "\"abc\""},
                     {"Accept-Ranges", "bytes"},
                     {"Content-MD5", "x"},
                     {"Digest", "x"},
                     {"Content-Digest", "x"},
                     {"Repr-Digest", "x"},
                     {"Unencoded-Digest", "x"}});
  const Fields& fields = some.applied();
  CHECK(fields.value(FieldId::content_encoding) == "gzip");
  CHECK(fields.value(FieldId::vary) == "Accept-Encoding");
  CHECK(fields.value(FieldId::etag) == "W/\"abc\"");
  CHECK_FALSE(fields.has(FieldId::accept_ranges));
  CHECK(fields.find("Unencoded-Digest") != nullptr);
  CHECK(fields.size() == 5);

  some.request({});
  some.answers(200, {{"Content-Type", "text/html"}, {"ETag", "\"a\""}, {"Accept-Ranges", "bytes"}});
  CHECK(some.applied().value(FieldId::etag) == "\"a\"");
  CHECK(some.answer.fields.has(FieldId::accept_ranges));
  CHECK(some.answer.fields.value(FieldId::vary) == "Accept-Encoding");
}

TEST_CASE("answer coding: an ETag that can't be weakened is taken away, a weak one stays") {
  Case some(on);
  some.request(gzip_only);
  const auto etag = [&some](const Lines& tags) {
    Lines lines = html;
    lines.insert(lines.end(), tags.begin(), tags.end());
    return std::string(some.answers(200, lines).applied().value(FieldId::etag));
  };
  CHECK(etag({{"ETag", "W/\"a\""}}) == "W/\"a\"");
  CHECK(etag({{"ETag", "\"\""}}) == "W/\"\"");
  CHECK(etag({{"ETag", "abc"}}).empty());
  CHECK(etag({{"ETag", "\"a\""}, {"ETag", "\"b\""}}).empty());
  CHECK_FALSE(some.answer.fields.has(FieldId::etag));
}

TEST_CASE("answer coding: Vary is merged into one line, and said once") {
  Case some(on);
  some.request(gzip_only);
  const auto vary = [&some](const std::vector<std::string_view>& values) {
    Lines lines = html;
    for (const std::string_view value : values) lines.emplace_back("Vary", value);
    const Fields& fields = some.answers(200, lines).applied();
    std::string all;
    for (const Field& field : fields)
      if (field.id == FieldId::vary) all += "[" + std::string(field.value) + "]";
    return all;
  };
  CHECK(vary({}) == "[Accept-Encoding]");
  CHECK(vary({"Origin"}) == "[Origin, Accept-Encoding]");
  CHECK(vary({"Origin", "Cookie, Accept"}) == "[Origin, Cookie, Accept, Accept-Encoding]");
  CHECK(vary({"Origin", "accept-encoding"}) == "[Origin][accept-encoding]");
  CHECK(vary({"*"}) == "[*]");
  CHECK(vary({"Origin, *"}) == "[Origin, *]");
  CHECK(vary({""}) == "[Accept-Encoding]");
}

TEST_CASE("answer coding: a 304 has the ETag that the client's copy has") {
  Case some(on);
  struct Row {
    const char* asked;     // If-None-Match
    const char* accepted;  // Accept-Encoding
    const char* etag;      // of the origin
    const char* sent;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"W/\"x\"", "gzip", "\"x\"", "W/\"x\""},
                                  {"W/\"x\"", "", "\"x\"", "W/\"x\""},
                                  {"\"x\"", "gzip", "\"x\"", "\"x\""},
                                  {"\"a\", W/\"x\", \"b\"", "", "\"x\"", "W/\"x\""},
                                  {"\"x\", W/\"x\"", "gzip", "\"x\"", "W/\"x\""},
                                  {"\"x\", W/\"x\"", "", "\"x\"", "\"x\""},
                                  {"*", "gzip", "\"x\"", "W/\"x\""},
                                  {"*", "", "\"x\"", "\"x\""},
                                  {"W/\"x\"", "", "W/\"x\"", "W/\"x\""},
                                  {"W/\"y\"", "gzip", "bad", "bad"}}) {
    CAPTURE(row.asked);
    CAPTURE(row.accepted);
    some.request({{"Accept-Encoding", row.accepted}, {"If-None-Match", row.asked}});
    some.answers(304, {{"ETag", row.etag}});
    const Fields& fields = some.applied(5000);
    CHECK(fields.value(FieldId::etag) == row.sent);
    CHECK(fields.value(FieldId::vary) == "Accept-Encoding");
    CHECK_FALSE(fields.has(FieldId::content_encoding));
  }
}

TEST_CASE("answer coding: a 304 where only decompressing is on follows what the client has") {
  Case some("decompress = on\n");
  some.request({{"If-None-Match", "W/\"x\""}}).answers(304, {{"ETag", "\"x\""}});
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, true});
  some.request({{"If-None-Match", "\"x\""}});
  CHECK(some.choose() == AnswerCoding{});
  some.request({{"If-Modified-Since", "Mon, 06 Oct 2025 10:00:00 GMT"}});
  CHECK(some.choose() == AnswerCoding{});
}

TEST_CASE("answer coding: what comes compressed is decompressed for who does not take it") {
  Case some("decompress = on\n" + on);
  const Lines zipped = {{"Content-Type", "image/x"},
                        {"Content-Encoding", "gzip"},
                        {"ETag", "\"x\""},
                        {"Accept-Ranges", "bytes"}};
  some.request({{"Accept-Encoding", "br"}}).answers(200, zipped);
  CHECK(some.choose() == AnswerCoding{Kind::decompress, gzip, true, true});
  CHECK(some.choose(3).kind == Kind::decompress);  // however short
  const Fields& fields = some.applied();
  CHECK_FALSE(fields.has(FieldId::content_encoding));
  CHECK_FALSE(fields.has(FieldId::accept_ranges));
  CHECK(fields.value(FieldId::etag) == "W/\"x\"");
  CHECK(fields.value(FieldId::vary) == "Accept-Encoding");

  some.request(gzip_only).answers(200, zipped);
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, false});
  CHECK(some.applied().value(FieldId::content_encoding) == "gzip");
  some.request({{"Cache-Control", "no-transform"}}).answers(200, zipped);
  CHECK(some.choose().kind == Kind::none);
  some.request({}).answers(206, zipped);
  CHECK(some.choose() == AnswerCoding{Kind::none, identity, true, false});
  some.answers(200, {{"Content-Encoding", "gzip, br"}});
  CHECK(some.choose() == AnswerCoding{});
  some.answers(200, {{"Content-Encoding", "gzip"}, {"Cache-Control", "no-transform"}});
  CHECK(some.choose() == AnswerCoding{});
  CHECK(Case("decompress = on\ncompress_secrets = off\n")
            .request({})
            .answers(200, zipped)
            .choose()
            .kind == Kind::decompress);
}
