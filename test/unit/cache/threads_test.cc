// The same zone in the hands of many at once: each thread is a slot of its own, as a process is.
#include <fmt/format.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "test/unit/cache/store_support.h"

namespace weir::cache {
namespace {

constexpr int threads = 3, turns = 4000;
constexpr unsigned keys = 200;

struct Sums {
  std::atomic<int> hits{0}, wrong{0}, stored{0};
};

std::vector<std::string> all_bodies() {
  std::vector<std::string> bodies;
  for (unsigned i = 0; i < keys; ++i) {
    bodies.push_back(body_of(fmt::format("{}", i), i % 7 == 0 ? 40'000 + i : 100 + i * 9));
  }
  return bodies;
}

void work(Store& store, unsigned seed, const std::vector<std::string>& bodies, Sums& sums) {
  std::mt19937 random(seed);
  Nobody nobody;
  for (int turn = 0; turn < turns; ++turn) {
    const auto number = random() % keys;
    const std::string key = fmt::format("{}", number);
    const std::string& body = bodies[number];
    Found found = store.find(store.key(key));
    if (found.kind == Found::Kind::answer) {
      ++sums.hits;
      sums.wrong += read_all(found.reader) != body;
      const auto what = random() % 64;
      if (what == 0) store.remove(store.key(key));
      if (what == 1) store.freshen(store.key(key), found.reader, fresh_for(9), "f");
      if (what == 2) store.purge_tag(random() % 20, random() % 2 == 0);
      if (what == 3) store.purge_prefix(key, random() % 2 == 0);
      if (what == 4 && random() % 8 == 0) store.purge_all(random() % 2 == 0);
      continue;
    }
    Joined joined = store.join(store.key(key), nobody);
    const std::uint64_t tags[] = {random() % 20};
    if (joined.fill) {
      sums.stored += fill_with(std::move(joined.fill), body,
                               {.length_known = turn % 2 == 0, .step = 5000, .tags = tags});
    } else if (joined.follower) {
      const Follower::State state = joined.follower.state();
      if (state == Follower::State::growing || state == Follower::State::complete) {
        sums.wrong += !body.starts_with(read_all(joined.follower.reader()));
      }
      store.on_wake();
    }
  }
}

}  // namespace

TEST_CASE("threads: all at once store, find, follow, remove and purge; no body is another's") {
  const std::vector<std::string> bodies = all_bodies();
  for (const Eviction eviction : {Eviction::s3fifo, Eviction::lru}) {
    const auto store = make_store({.bytes = 1U << 20, .entries_max = 150, .eviction = eviction}, 0);
    std::vector<std::unique_ptr<Store>> views;
    for (std::uint32_t slot = 1; slot <= threads; ++slot) {
      auto view = store->view(Store::Address::same);
      REQUIRE(view);
      (*view)->enter({slot, 1});
      views.push_back(std::move(*view));
    }
    Sums sums;
    std::atomic<bool> done{false};
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) {
      running.emplace_back([&, i] { work(*views[i], i, bodies, sums); });
    }
    std::thread housekeeper([&] {
      while (!done) {
        store->keep_house(test_now);
        std::this_thread::yield();
      }
    });
    for (std::thread& thread : running) thread.join();
    done = true;
    housekeeper.join();
    CHECK(sums.wrong == 0);
    CHECK(sums.hits > 100);
    CHECK(sums.stored > 100);
    CHECK(store->stats().damaged == 0);
    keep_all_house(*store);
    demand_sound(*store);
    CHECK(store->stats().segments_pinned == 0);
  }
}

}  // namespace weir::cache
