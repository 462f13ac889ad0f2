#include "proxy/body_replay.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace weir;

namespace {

// The client's side: a body that is pushed as far as the sink takes it.
class Client final : public ClientStream {
 public:
  void push(std::string_view bytes, bool last) {
    left_ += bytes;
    last_ = last;
    pump();
  }
  std::string left() const { return left_; }
  bool complete() const { return complete_; }
  Fields fields;  // trailers

  void resume() override { pump(); }
  void send_body_to(BodySink* sink) override { sink_ = sink; }
  bool body_untouched() const override { return !touched_; }

  ClientFacts facts() const override { std::abort(); }
  void apply_rules(const conf::ServerConf&, const conf::LocationConf&) override {}
  void informational(const ResponseHead&) override {}
  bool begin_answer(const ResponseHead&, std::optional<std::uint64_t>) override { return false; }
  bool begin_tunnel(const ResponseHead&, std::string_view) override { return false; }
  void continue_body() override {}
  void close_after_answer() override {}
  void drop() override {}
  void outlived() override {}
  std::uint64_t bytes_sent() const override { return 0; }
  std::uint64_t body_bytes_sent() const override { return 0; }
  std::uint64_t bytes_received() const override { return 0; }
  std::size_t write(std::string_view, bool) override { return 0; }
  void trailers(const Fields&) override {}
  void flush() override {}
  void abort(Error) override {}

 private:
  void pump() {
    if (sink_ == nullptr || complete_) return;
    if (left_.empty() && !last_) return;
    if (last_ && !fields.empty()) sink_->trailers(fields);
    const std::size_t taken = sink_->write(left_, last_);
    touched_ = touched_ || taken > 0;
    left_.erase(0, taken);
    complete_ = last_ && left_.empty();
  }
  BodySink* sink_ = nullptr;
  std::string left_;
  bool last_ = false, complete_ = false, touched_ = false;
};

// An attempt, as far as the body is concerned.
class Peer final : public BodySink {
 public:
  std::string got, trailer;
  int ends = 0;
  std::size_t room = std::string::npos;

  std::size_t write(std::string_view bytes, bool last) override {
    CHECK(ends == 0);
    const std::size_t taken = std::min(bytes.size(), room);
    if (room != std::string::npos) room -= taken;
    got += bytes.substr(0, taken);
    if (last && taken == bytes.size()) ++ends;
    return taken;
  }
  void trailers(const Fields& fields) override { trailer = fields[0].value; }
  void flush() override {}
  void abort(Error) override {}
  void more(std::size_t bytes) {
    room = bytes;
    source()->resume();
  }
};

struct Bench {
  BufferPool pool{std::size_t{4} << 20};
  Arena arena;
  Client client;
};

std::string pattern(std::size_t size) {
  std::string out;
  while (out.size() < size) out += std::to_string(out.size()) + ",";
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE(
    "body replay: a second attempt gets every byte from the first on, wherever the first was cut") {
  const std::string body = pattern(100'000);
  for (const std::size_t cut : {0U, 1U, 16'383U, 16'384U, 16'385U, 50'000U, 100'000U}) {
    for (const std::size_t step : {std::size_t{1'000}, std::string::npos}) {
      CAPTURE(cut);
      Bench bench;
      BodyReplay replay(bench.pool, bench.arena, bench.client, 200'000);
      Peer first, second;
      first.room = cut;
      replay.feed(first);
      bench.client.push(std::string_view(body).substr(0, 70'000), false);
      bench.client.push(std::string_view(body).substr(70'000), true);
      CHECK(first.got == body.substr(0, cut));
      replay.rest();
      CHECK(replay.is_whole());
      replay.feed(second);
      if (step != std::string::npos) second.room = 0;
      second.more(step);
      while (second.got.size() < body.size()) second.more(step);
      if (second.ends == 0) second.more(0);
      CHECK(second.got == body);
      CHECK(second.ends == 1);
      CHECK(bench.client.complete());
    }
  }
}

TEST_CASE("body replay: the client goes on sending while the second attempt catches up") {
  Bench bench;
  BodyReplay replay(bench.pool, bench.arena, bench.client, 1'000);
  Peer first, second;
  replay.feed(first);
  bench.client.push("hello ", false);
  replay.rest();
  bench.client.push("wor", false);  // nobody takes it
  CHECK(bench.client.left() == "wor");
  second.room = 2;
  replay.feed(second);
  second.more(2);
  CHECK(second.got == "he");
  bench.client.push("ld", true);
  CHECK(second.got == "he");
  second.more(5);
  CHECK(second.got == "hello w");
  second.more(100);
  CHECK(second.got == "hello world");
  CHECK(second.ends == 1);
}

TEST_CASE("body replay: an end without bytes and trailers come again") {
  Bench bench;
  bench.client.fields.add("X-Sum", "42");
  BodyReplay replay(bench.pool, bench.arena, bench.client, 1'000);
  Peer first, second, third;
  replay.feed(first);
  bench.client.push("hello", false);
  bench.client.push("", true);
  CHECK(first.ends == 1);
  CHECK(first.trailer == "42");
  replay.rest();
  replay.feed(second);
  second.more(3);
  CHECK(second.ends == 0);
  replay.rest();
  replay.feed(third);
  third.more(100);
  CHECK(third.got == "hello");
  CHECK(third.ends == 1);
  CHECK(third.trailer == "42");
}

TEST_CASE("body replay: what is more than the bound passes through and can't come again") {
  for (const std::size_t size : {1'000U, 1'001U}) {
    Bench bench;
    BodyReplay replay(bench.pool, bench.arena, bench.client, 1'000);
    Peer peer;
    replay.feed(peer);
    const std::string body = pattern(size);
    bench.client.push(std::string_view(body).substr(0, 600), false);
    CHECK(replay.is_whole());
    bench.client.push(std::string_view(body).substr(600), true);
    CHECK(replay.is_whole() == (size == 1'000));
    CHECK(bench.pool.bytes_used() == (size == 1'000 ? BufferPool::block_bytes_min : 0));
    CHECK(peer.got == body);
    CHECK(peer.ends == 1);
  }
}

TEST_CASE(
    "body replay: never more than half of the worker's buffers, and all of it is given back") {
  Bench bench;
  {
    BodyReplay replay(bench.pool, bench.arena, bench.client, std::uint64_t{64} << 20);
    Peer peer;
    replay.feed(peer);
    const std::string piece = pattern(100'000);
    std::string all;
    std::size_t most = 0;
    for (int i = 0; i < 60; ++i) {
      bench.client.push(piece, i == 59);
      all += piece;
      most = std::max(most, bench.pool.bytes_used());
    }
    CHECK(most > 1'000'000);
    CHECK(most <= bench.pool.bytes_max() / 2);
    CHECK_FALSE(replay.is_whole());
    CHECK(bench.pool.bytes_used() == 0);
    CHECK(peer.got == all);
  }
  {
    Client client;
    BodyReplay replay(bench.pool, bench.arena, client, 1'000'000);
    Peer peer;
    replay.feed(peer);
    client.push(pattern(300'000), false);
    CHECK(bench.pool.bytes_used() > 300'000);
  }
  CHECK(bench.pool.bytes_used() == 0);
}

TEST_CASE("body replay: once the answer is the client's nothing more is kept") {
  Bench bench;
  BodyReplay replay(bench.pool, bench.arena, bench.client, 100'000);
  Peer first, second;
  replay.feed(first);
  bench.client.push("hello ", false);
  replay.rest();
  second.room = 0;
  replay.feed(second);
  second.more(2);
  replay.settle();
  CHECK_FALSE(replay.is_whole());
  bench.client.push("world", true);
  second.more(100);
  CHECK(second.got == "hello world");
  CHECK(second.ends == 1);
  CHECK(bench.pool.bytes_used() == 0);
}

namespace {

struct Gathering final : GatherOwner {
  int told = 0;
  void on_gathered() override { ++told; }
};

}  // namespace

TEST_CASE("body replay: a body is gathered before anybody gets it, and then given from its start") {
  for (const std::size_t size : {0U, 1U, 20'000U, 50'000U}) {
    CAPTURE(size);
    Bench bench;
    const std::string body = pattern(size);
    BodyReplay replay(bench.pool, bench.arena, bench.client, 50'000);
    Gathering owner;
    replay.gather(owner);
    CHECK(owner.told == 0);
    bench.client.push(std::string_view(body).substr(0, size / 2), false);
    CHECK(owner.told == 0);
    CHECK_FALSE(replay.has_all());
    bench.client.push(std::string_view(body).substr(size / 2), true);
    CHECK(owner.told == 1);
    CHECK(replay.has_all());
    std::string kept;
    while (kept.size() < replay.bytes_kept()) kept += replay.piece_at(kept.size());
    CHECK(kept == body);
    for (int times = 0; times < 2; ++times) {
      Peer peer;
      replay.feed(peer);
      replay.resume();
      CHECK(peer.got == body);
      CHECK(peer.ends == 1);
      replay.rest();
    }
  }
}

TEST_CASE("body replay: of a body too long to be gathered nothing is lost") {
  for (const std::size_t step : {10U, 999U, 1'000U, 1'001U, 5'000U}) {
    CAPTURE(step);
    Bench bench;
    const std::string body = pattern(5'000);
    BodyReplay replay(bench.pool, bench.arena, bench.client, 1'000);
    Gathering owner;
    replay.gather(owner);
    for (std::size_t at = 0; at < body.size(); at += step)
      bench.client.push(std::string_view(body).substr(at, step), at + step >= body.size());
    CHECK(owner.told == 1);
    CHECK_FALSE(replay.has_all());
    CHECK(replay.bytes_kept() == 1'000);
    Peer peer;
    replay.feed(peer);
    replay.resume();
    CHECK(peer.got == body);
    CHECK(peer.ends == 1);
    CHECK_FALSE(replay.is_whole());
  }
}
