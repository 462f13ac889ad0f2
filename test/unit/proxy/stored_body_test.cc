#include "proxy/stored_body.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "event/loop.h"
#include "proxy/fill_sink.h"
#include "test/unit/cache/store_support.h"

using namespace weir;
using namespace weir::cache;

namespace {

// A client that takes `room` bytes and then waits.
class Client final : public BodySink {
 public:
  std::size_t write(std::string_view bytes, bool last) override {
    const std::size_t taken = std::min(bytes.size(), room);
    room -= taken;
    got += bytes.substr(0, taken);
    if (last && taken == bytes.size()) complete = true;
    ++writes;
    return taken;
  }
  void trailers(const Fields&) override {}
  void flush() override { ++flushes; }
  void abort(Error) override { aborted = true; }
  void take(std::size_t more) {
    room += more;
    if (source() != nullptr) source()->resume();
  }
  bool bound() const { return source() != nullptr; }

  std::size_t room = std::size_t{1} << 30;
  std::string got;
  bool complete = false, aborted = false;
  unsigned writes = 0, flushes = 0;
};

struct Owner final : StoredBodyOwner, FillOwner {
  void on_stored_end(std::uint64_t position) override { ended_at = position; }
  void on_fill_grown() override { ++grown; }
  void on_filled() override { filled = true; }
  void on_overflow() override { overflowed = true; }
  void on_fill_lost(Error) override { lost = true; }
  std::optional<std::uint64_t> ended_at;
  unsigned grown = 0;
  bool filled = false, overflowed = false, lost = false;
};

constexpr StoredBody::Part whole{{}, 0, StoredBody::to_the_end};

struct World {
  explicit World(std::uint64_t object_bytes_max = 4 << 20)
      : store(make_store({16 << 20, 0, object_bytes_max, Eviction::lru})),
        body(loop, static_cast<StoredBodyOwner&>(owner)) {}

  Fill lead(std::string_view name) {
    Nobody nobody;
    Joined joined = store->join(store->key(name), nobody);
    REQUIRE(joined.fill);
    return std::move(joined.fill);
  }
  Reader find(std::string_view name) { return std::move(store->find(store->key(name)).reader); }

  Loop loop;
  Owner owner;
  std::unique_ptr<Store> store;
  Client client;
  StoredBody body;
};

}  // namespace

TEST_CASE("a stored body reaches the client whole, in as many steps as the client wants") {
  World world;
  const std::string text = body_of("whole", 700'000);
  REQUIRE(put(*world.store, "k", text));
  Reader reader = world.find("k");
  world.client.room = 1000;
  world.body.start(reader, {&whole, 1}, world.client);
  CHECK(world.client.got == text.substr(0, 1000));
  while (!world.client.complete) world.client.take(77'777);
  CHECK(world.client.got == text);
  CHECK_FALSE(world.client.bound());
  CHECK_FALSE(world.body.active());
}

TEST_CASE("what lies in several places is given in one write") {
  struct Gathering final : BodySink {
    std::size_t write(std::string_view bytes, bool last) override {
      return write_parts({&bytes, 1}, last);
    }
    std::size_t write_parts(std::span<const std::string_view> parts, bool last) override {
      for (const std::string_view part : parts) got += part;
      counts.push_back(parts.size());
      complete = last;
      return got.size();
    }
    void trailers(const Fields&) override {}
    void flush() override {}
    void abort(Error) override {}
    std::string got;
    std::vector<std::size_t> counts;
    bool complete = false;
  };
  World world;
  const std::string text = body_of("places", 100'000);
  REQUIRE(put(*world.store, "k", text));
  Reader reader = world.find("k");
  Gathering client;
  world.body.start(reader, {&whole, 1}, client);
  CHECK(client.complete);
  CHECK(client.got == text);
  REQUIRE(client.counts.size() == 1);
  CHECK(client.counts.front() > 1);
}

TEST_CASE("an empty stored body is one empty last write") {
  World world;
  REQUIRE(put(*world.store, "k", ""));
  Reader reader = world.find("k");
  world.body.start(reader, {&whole, 1}, world.client);
  CHECK(world.client.complete);
  CHECK(world.client.writes == 1);
}

TEST_CASE("parts of a stored body go out in order with the text before them") {
  World world;
  const std::string text = body_of("parts", 300'000);
  REQUIRE(put(*world.store, "k", text));
  Reader reader = world.find("k");
  const StoredBody::Part parts[] = {{"<a>", 10, 20}, {"<b>", 250'000, 299'999}, {"<end>", 0, 0}};
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    Client client;
    client.room = 0;
    StoredBody body(world.loop, static_cast<StoredBodyOwner&>(world.owner));
    body.start(reader, parts, client);
    while (!client.complete) client.take(step);
    CHECK(client.got ==
          "<a>" + text.substr(10, 10) + "<b>" + text.substr(250'000, 49'999) + "<end>");
  }
}

TEST_CASE("a body that still grows is given as it comes, and ends when it is complete") {
  World world;
  Fill fill = world.lead("k");
  REQUIRE(fill.begin(fresh_for(1000), "", std::nullopt, {}));
  Reader reader = fill.reader();
  world.body.start(reader, {&whole, 1}, world.client);
  CHECK(world.client.flushes == 0);  // the head goes with what comes in this turn
  world.body.more();
  CHECK(world.client.flushes == 1);
  REQUIRE(fill.append("one "));
  world.body.more();
  CHECK(world.client.got == "one ");
  REQUIRE(fill.append("two"));
  REQUIRE(fill.commit());
  world.body.more();
  CHECK(world.client.got == "one two");
  CHECK(world.client.complete);
}

TEST_CASE("a body whose fill is given up ends where it stood, and its owner decides") {
  World world;
  Fill fill = world.lead("k");
  REQUIRE(fill.begin(fresh_for(1000), "", 10, {}));
  Reader reader = fill.reader();
  REQUIRE(fill.append("12345"));
  world.client.room = 2;
  world.body.start(reader, {&whole, 1}, world.client);
  fill.abandon();
  world.body.more();
  CHECK_FALSE(world.owner.ended_at);  // the client has not taken what there is
  world.client.take(100);
  CHECK(world.client.got == "12345");
  CHECK(world.owner.ended_at == 5);
  CHECK_FALSE(world.client.complete);
}

TEST_CASE("a large stored body leaves the loop to others between megabytes") {
  World world;
  const std::string text = body_of("large", 3 << 20);
  REQUIRE(put(*world.store, "k", text));
  Reader reader = world.find("k");
  world.body.start(reader, {&whole, 1}, world.client);
  CHECK(world.client.got.size() < text.size());
  for (int turn = 0; turn < 8 && !world.client.complete; ++turn) {
    world.loop.turn(std::chrono::milliseconds(0));
  }
  CHECK(world.client.got == text);
  CHECK(world.client.complete);
}

TEST_CASE("what a peer sends is stored, and all of it is there at the end") {
  World world;
  FillSink sink(static_cast<FillOwner&>(world.owner));
  Fill fill = world.lead("k");
  REQUIRE(fill.begin(fresh_for(1'000'000'000'000), "", std::nullopt, {}));
  sink.start(std::move(fill));
  CHECK(sink.write("hello ", false) == 6);
  sink.flush();
  CHECK(world.owner.grown == 1);
  CHECK(sink.write("world", true) == 5);
  CHECK(world.owner.filled);
  Reader reader = world.find("k");
  world.body.start(reader, {&whole, 1}, world.client);
  CHECK(world.client.got == "hello world");
}

TEST_CASE("a fill that breaks off stores nothing and tells its owner") {
  World world;
  FillSink sink(static_cast<FillOwner&>(world.owner));
  Fill fill = world.lead("k");
  REQUIRE(fill.begin(fresh_for(1'000'000'000'000), "", 100, {}));
  sink.start(std::move(fill));
  CHECK(sink.write("hello", false) == 5);
  sink.abort({Side::upstream, "gone"});
  CHECK(world.owner.lost);
  CHECK_FALSE(world.find("k"));
}

TEST_CASE("an answer too large to be stored goes on to the client, each byte once") {
  World world(100'000);
  FillSink sink(static_cast<FillOwner&>(world.owner));
  Fill fill = world.lead("k");
  REQUIRE(fill.begin(fresh_for(1'000'000'000'000), "", std::nullopt, {}));
  Reader reader = fill.reader();
  sink.start(std::move(fill));
  const std::string text = body_of("overflow", 300'000);
  world.client.room = 10'000;
  world.body.start(reader, {&whole, 1}, world.client);
  std::size_t at = 0;
  while (!world.owner.overflowed)
    at += sink.write(std::string_view(text).substr(at, 30'000), false);
  CHECK(sink.overflowing());
  CHECK(sink.write(std::string_view(text).substr(at, 30'000), false) == 0);  // the client is behind
  world.body.more();
  world.client.take(1 << 20);
  REQUIRE(world.owner.ended_at == at);
  sink.go_direct(&world.client);
  CHECK(sink.write(std::string_view(text).substr(at), true) == text.size() - at);
  CHECK(world.client.got == text);
  CHECK(world.client.complete);
}

namespace {

// Bytes in pieces of 10, of which `there` have come; what is read while `brings` is set comes only
// between a look that finds nothing and the next one.
class Pieces final : public StoredBytes {
 public:
  std::uint64_t pinned_until(std::uint64_t) const override { return 0; }
  std::string text = body_of("pieces", 100);
  std::size_t there = 0;
  bool brings = false, ends = true;

  std::string_view read(std::uint64_t at) override {
    const std::string_view bytes = std::string_view(text).substr(0, there);
    return at < bytes.size() ? bytes.substr(at, 10) : std::string_view{};
  }
  std::optional<std::uint64_t> length() const override { return text.size(); }
  Reader::Progress progress() const override {
    if (brings) const_cast<Pieces*>(this)->there = text.size();
    return there == text.size() ? Reader::Progress::complete : Reader::Progress::growing;
  }
  bool damaged() const override { return false; }
  bool may_end() const override { return ends; }
};

}  // namespace

TEST_CASE("a stored body that another process completes between two looks loses nothing") {
  World world;
  Pieces pieces;
  pieces.there = 30;
  pieces.brings = true;
  world.body.start(pieces, {&whole, 1}, world.client);
  CHECK(world.client.got == pieces.text);
  CHECK(world.client.complete);
  CHECK_FALSE(world.client.aborted);
}

TEST_CASE("a stored body that may not end yet has been given and sent whole") {
  const StoredBody::Part part{{}, 5, 25}, nothing{};
  for (const StoredBody::Part& wanted : {part, nothing}) {
    World world;
    Pieces pieces;
    pieces.there = 100;
    pieces.ends = false;
    world.body.start(pieces, {&wanted, 1}, world.client);
    CHECK(world.client.got == pieces.text.substr(wanted.from, wanted.to - wanted.from));
    world.body.more();
    CHECK(world.client.flushes == 1);
    CHECK_FALSE(world.client.complete);
    pieces.ends = true;
    world.body.more();
    CHECK(world.client.complete);
    CHECK_FALSE(world.body.active());
  }
}
