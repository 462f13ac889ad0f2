// Many ask for what one fetches.
#include <fmt/format.h>
#include <poll.h>

#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

const StoreSizes sizes{.bytes = 8U << 20};

bool is_woken(const Store& store) {
  pollfd wake{store.wake_fd(), POLLIN, 0};
  return ::poll(&wake, 1, 0) == 1;
}

struct Two {
  std::unique_ptr<Store> one = make_store(sizes, 0), two = second_view(*one, 200);
  Nobody first, second;
  Joined lead = one->join(one->key("k"), first);
  Joined follow = two->join(two->key("k"), second);
};

}  // namespace

TEST_CASE("fills: the first leads, the others follow, in its process and in others") {
  Two it;
  REQUIRE(it.lead.fill);
  CHECK_FALSE(it.lead.follower);
  REQUIRE(it.follow.follower);
  CHECK_FALSE(it.follow.fill);
  Joined near = it.one->join(it.one->key("k"), it.first);
  REQUIRE(near.follower);
  CHECK(it.follow.follower.state() == Follower::State::waiting);
  CHECK_FALSE(is_woken(*it.two));
  REQUIRE(it.lead.fill.begin(fresh_for(1000), "a: b\r\n", std::nullopt, {}));
  CHECK(is_woken(*it.two));
  CHECK(is_woken(*it.one));
  it.two->on_wake();
  CHECK(it.second.news == 1);
  CHECK(it.second.last == Follower::State::growing);
  CHECK(it.follow.follower.reader().fields() == "a: b\r\n");
  CHECK_FALSE(has(*it.two, "k"));  // only those who follow get what still grows
}

TEST_CASE("fills: who did not find what was stored before it joined is sent to look again") {
  const auto one = make_store(sizes, 0), two = second_view(*one, 200);
  Nobody owner;
  const Key key = two->key("k");
  CHECK(two->join(key, owner, 0).fill);  // there is nothing indeed; it gives up
  REQUIRE(two->find(key).kind == Found::Kind::nothing);
  REQUIRE(put(*one, "k", "first"));
  const Joined late = two->join(key, owner, 0);
  CHECK(late.look_again);
  CHECK_FALSE(late.fill);
  CHECK_FALSE(late.follower);
  const std::uint64_t seen = two->find(key).reader.stored_seq();
  CHECK(two->join(key, owner, seen).fill);  // stale, for instance: it is asked for anew
  REQUIRE(put(*one, "k", "second"));
  CHECK(two->join(key, owner, seen).look_again);
  CHECK(two->join(key, owner).fill);
  SUBCASE("not where find() gives nothing: purged") { one->purge(key, false); }
  SUBCASE("not where find() gives nothing: removed") { one->remove(key); }
  SUBCASE("not where find() gives nothing: purged by tag") { one->purge_all(false); }
  CHECK(two->join(key, owner, 0).look_again == has(*two, "k"));
  SUBCASE("of a key that is being fetched one follows") {
    Joined lead = one->join(one->key("k"), owner);
    CHECK(two->join(key, owner, seen).follower);
  }
}

TEST_CASE("fills: who follows reads what has come, as it comes") {
  for (const bool known : {true, false}) {
    for (const std::size_t bytes : {3000U, 900'000U}) {
      CAPTURE(known);
      CAPTURE(bytes);
      Two it;
      const std::string body = body_of("b", bytes);
      REQUIRE(it.lead.fill.begin(fresh_for(1000), "",
                                 known ? std::optional<std::uint64_t>(bytes) : std::nullopt, {}));
      std::string seen;
      for (std::size_t at = 0; at < bytes; at += 1500) {
        REQUIRE(it.lead.fill.append(std::string_view(body).substr(at, 1500)));
        CHECK(is_woken(*it.two));
        it.two->on_wake();
        CHECK_FALSE(is_woken(*it.two));
        REQUIRE(it.second.last == Follower::State::growing);
        Reader& reader = it.follow.follower.reader();
        for (;;) {
          const std::string_view part = reader.read(seen.size());
          if (part.empty()) break;
          seen += part;
        }
        REQUIRE(seen.size() == std::min(at + 1500, bytes));
      }
      CHECK(seen == body);
      CHECK(it.lead.fill.commit());
      it.two->on_wake();
      CHECK(it.second.last == Follower::State::complete);
      CHECK(read_all(it.follow.follower.reader()) == body);
      CHECK(get(*it.two, "k") == body);
      demand_sound(*it.one);
    }
  }
}

TEST_CASE("fills: who follows reads on although all was stored and moved before it looked again") {
  Two it;
  const std::string body = body_of("b", 700'000), other(10'000, 'x');
  REQUIRE(it.lead.fill.begin(fresh_for(1000), "", std::nullopt, {}));
  REQUIRE(it.lead.fill.append(std::string_view(body).substr(0, 70'000)));
  it.two->on_wake();
  Reader reader = std::move(it.follow.follower.reader());
  CHECK(reader.read(0) == std::string_view(body).substr(0, reader.read(0).size()));
  for (std::size_t at = 70'000; at < body.size(); at += 10'000) {
    REQUIRE(it.lead.fill.append(std::string_view(body).substr(at, 10'000)));
    put(*it.one, fmt::format("other {}", at), other);
  }
  REQUIRE(it.lead.fill.commit());
  // So much comes and goes that the cleaner takes every segment of that time.
  const std::uint64_t before = it.one->stats().moved_bytes;
  for (int i = 0; i < 4000; ++i) {
    has(*it.one, "k");
    put(*it.one, fmt::format("{}", i), other);
  }
  REQUIRE(it.one->stats().moved_bytes > before + 10'000'000);
  CHECK(read_all(reader) == body);
  CHECK(reader.progress() == Reader::Progress::complete);
  CHECK(get(*it.one, "k") == body);
}

TEST_CASE("fills: many steps before one look are one wake") {
  Two it;
  REQUIRE(it.lead.fill.begin(fresh_for(1000), "", 100, {}));
  for (int i = 0; i < 50; ++i) REQUIRE(it.lead.fill.append("12"));
  it.two->on_wake();
  CHECK(it.second.news == 1);
  it.two->on_wake();
  CHECK(it.second.news == 1);
}

TEST_CASE("fills: who follows hears how it ended") {
  const auto state_after = [](auto end) {
    Two it;
    end(it.lead.fill);
    it.two->on_wake();
    CHECK(it.second.news == 1);
    CHECK(it.follow.follower.state() == it.second.last);
    return it.second.last;
  };
  CHECK(state_after([](Fill& fill) { fill.abandon(); }) == Follower::State::failed);
  CHECK(state_after([](Fill& fill) { fill = Fill(); }) == Follower::State::failed);
  CHECK(state_after([](Fill& fill) { fill.look_again(); }) == Follower::State::look_again);
  CHECK(state_after([](Fill& fill) { fill.pass(4'000'000'000'000); }) == Follower::State::pass);
  CHECK(state_after([](Fill& fill) {
          fill.begin(fresh_for(1), "", 3, {});
          fill.append("abc");
          fill.commit();
        }) == Follower::State::complete);
  CHECK(state_after([](Fill& fill) {
          fill.begin(fresh_for(1), "", 3, {});
          fill.append("ab");
          fill.abandon();
        }) == Follower::State::failed);
}

TEST_CASE("fills: a fill that fails while it is read leaves what came, and says that it failed") {
  Two it;
  REQUIRE(it.lead.fill.begin(fresh_for(1000), "", std::nullopt, {}));
  REQUIRE(it.lead.fill.append("half of it"));
  it.two->on_wake();
  Reader reader = std::move(it.follow.follower.reader());
  CHECK(reader.read(0) == "half of it");
  it.lead.fill.abandon();
  CHECK(reader.progress() == Reader::Progress::failed);
  CHECK(reader.read(5) == "of it");
  CHECK(reader.read(10).empty());
}

TEST_CASE("fills: the place of a fill that ended is used again, who looks late asks the index") {
  Two it;
  it.lead.fill.abandon();
  Joined next = it.one->join(it.one->key("k"), it.first);
  REQUIRE(next.fill);
  for (int i = 0; i < 100'000; ++i) {  // until all places had another
    Joined other = it.one->join(it.one->key(fmt::format("{}", i)), it.first);
    REQUIRE_FALSE(other.follower);
  }
  CHECK(it.follow.follower.state() == Follower::State::look_again);
  CHECK(it.follow.follower.state() == Follower::State::look_again);
}

TEST_CASE("fills: where there is no place for one more its request goes alone") {
  const auto store = make_store(sizes);
  Nobody owner;
  std::vector<Joined> many;
  unsigned alone = 0;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(store->join(store->key(fmt::format("{}", i)), owner));
    alone += !many.back().fill;
  }
  CHECK(alone >= 10'000 - 4096);
  CHECK(alone < 9000);
}

TEST_CASE(
    "fills: a key that passes is known as such for a while, and no longer once it is stored") {
  const auto store = make_store(sizes);
  Nobody owner;
  store->join(store->key("k"), owner).fill.pass(4'000'000'000'000);
  CHECK(store->find(store->key("k")).kind == Found::Kind::pass);
  const Joined alone = store->join(store->key("k"), owner);
  CHECK_FALSE(alone.fill);
  CHECK_FALSE(alone.follower);
  CHECK(store->find(store->key("other")).kind == Found::Kind::nothing);
  store->join(store->key("past"), owner).fill.pass(1000);  // 1970
  CHECK(store->find(store->key("past")).kind == Found::Kind::nothing);
  CHECK(store->join(store->key("past"), owner).fill);
}

TEST_CASE("fills: the fills of a dead process are orphans, one of those who follow takes over") {
  for (const bool begun : {false, true}) {
    CAPTURE(begun);
    Two it;
    const auto three = second_view(*it.one, 3);
    Nobody third;
    Joined other = three->join(three->key("k"), third);
    if (begun) {
      REQUIRE(it.lead.fill.begin(fresh_for(1000), "", 9, {}));
      REQUIRE(it.lead.fill.append("first"));
      it.two->on_wake();
      three->on_wake();
      CHECK(other.follower.reader().read(0) == "first");
    }
    Reader reader;
    if (begun) reader = std::move(other.follower.reader());
    three->clean_dead({0, 1});  // as if it were
    CHECK(is_woken(*it.two));
    it.two->on_wake();
    three->on_wake();
    CHECK(it.second.last == Follower::State::orphaned);
    CHECK(third.last == Follower::State::orphaned);
    if (begun) {
      CHECK(reader.progress() == Reader::Progress::failed);
      CHECK(reader.read(0) == "first");
    }
    Fill next = it.follow.follower.take_over();
    REQUIRE(next);
    CHECK_FALSE(other.follower.take_over());
    CHECK(other.follower.state() == Follower::State::waiting);
    REQUIRE(next.begin(fresh_for(1000), "", 6, {}));
    three->on_wake();
    CHECK(third.last == Follower::State::growing);
    REQUIRE(next.append("second"));
    CHECK(next.commit());
    three->on_wake();
    CHECK(third.last == Follower::State::complete);
    CHECK(other.follower.reader().read(0) == "second");
    CHECK(get(*three, "k") == "second");
    // The one that was thought dead notices nothing and can do no harm.
    it.lead.fill = Fill();
    CHECK(get(*three, "k") == "second");
  }
}

TEST_CASE("fills: who joins an orphan leads") {
  Two it;
  it.two->clean_dead({0, 1});
  const auto three = second_view(*it.one, 3);
  Nobody third;
  CHECK(three->join(three->key("k"), third).fill);
}

TEST_CASE("fills: a fill of a variant says so under the key that was joined") {
  Two it;
  const Key variant = it.one->key("k vary gzip");
  REQUIRE(it.lead.fill.begin(fresh_for(1000), "f", 4, {}, &variant, "accept-encoding"));
  it.two->on_wake();
  CHECK(it.second.last == Follower::State::look_again);
  Found marker = it.two->find(it.two->key("k"));
  REQUIRE(marker.kind == Found::Kind::vary);
  CHECK(marker.reader.fields() == "accept-encoding");
  Nobody same;
  Joined joined = it.two->join(it.two->key("k vary gzip"), same);
  REQUIRE(joined.follower);
  CHECK(joined.follower.state() == Follower::State::growing);
  REQUIRE(it.lead.fill.append("gzip"));
  CHECK(it.lead.fill.commit());
  it.two->on_wake();
  CHECK(same.last == Follower::State::complete);
  CHECK(get(*it.two, "k vary gzip") == "gzip");
  const std::uint64_t seq = it.two->find(it.two->key("k vary gzip")).reader.stored_seq();
  CHECK(seq >= marker.reader.stored_seq());
  // Another variant leaves what says so as it is.
  Joined other = it.one->join(it.one->key("k"), it.first);
  const Key plain = it.one->key("k vary");
  REQUIRE(other.fill.begin(fresh_for(1000), "f", 5, {}, &plain, "accept-encoding"));
  REQUIRE(other.fill.append("plain"));
  CHECK(other.fill.commit());
  CHECK(it.two->find(it.two->key("k")).reader.stored_seq() == marker.reader.stored_seq());
  CHECK(get(*it.one, "k vary gzip") == "gzip");
  // After a purge of the key its variants are older than what says that there are some.
  CHECK(it.one->purge(it.one->key("k"), false));
  Joined again = it.one->join(it.one->key("k"), it.first);
  REQUIRE(again.fill.begin(fresh_for(1000), "f", 5, {}, &plain, "accept-encoding"));
  CHECK(it.two->find(it.two->key("k")).reader.stored_seq() > seq);
  demand_sound(*it.one);
}

TEST_CASE("fills: two fills of one variant: the second is not stored, who follows it looks again") {
  Two it;
  const Key variant = it.one->key("v");
  Joined direct = it.one->join(variant, it.first);
  REQUIRE(direct.fill);
  CHECK_FALSE(it.lead.fill.begin(fresh_for(1000), "f", 4, {}, &variant, "accept"));
  CHECK(it.follow.follower.state() == Follower::State::look_again);
  CHECK(has(*it.one, "k"));
}

TEST_CASE("fills: those who follow may leave while they are told") {
  Two it;
  struct Leaver final : FollowerOwner {
    void on_fill_news(Follower&) override {
      ++news;
      for (Joined& joined : mine) joined.follower = Follower();
    }
    std::vector<Joined> mine;
    int news = 0;
  } leaver;
  for (int i = 0; i < 5; ++i) {
    leaver.mine.push_back(it.two->join(it.two->key("k"), leaver));
  }
  it.lead.fill.abandon();
  it.two->on_wake();
  CHECK(leaver.news == 1);
  CHECK(it.second.news == 1);
}

}  // namespace weir::cache
