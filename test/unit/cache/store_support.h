// What the tests of the store share: bodies that tell where they come from, and short ways to store
// and to read one.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "cache/store.h"

namespace weir::cache {

inline constexpr std::int64_t test_now = 1'700'000'000'000;

struct Nobody final : FollowerOwner {
  void on_fill_news(Follower& follower) override {
    ++news;
    last = follower.state();
  }
  unsigned news = 0;
  Follower::State last = Follower::State::waiting;
};

inline std::unique_ptr<Store> make_store(const StoreSizes& sizes, std::uint32_t slot = 0) {
  auto store = Store::create("test", sizes);
  REQUIRE(store);
  (*store)->enter({slot, 1});
  return std::move(*store);
}

inline std::unique_ptr<Store> second_view(const Store& store, std::uint32_t slot) {
  auto view = store.view();
  REQUIRE(view);
  (*view)->enter({slot, 1});
  return std::move(*view);
}

// Each byte depends on the text and on where it is.
inline std::string body_of(std::string_view text, std::size_t bytes) {
  std::string body;
  body.reserve(bytes + text.size() + 24);
  for (std::size_t line = 0; body.size() < bytes; ++line) {
    body += text;
    body += fmt::format(" {}\n", line);
  }
  body.resize(bytes);
  return body;
}

inline Facts fresh_for(std::int64_t lifetime_ms) {
  Facts facts;
  facts.status = 200;
  facts.response_time = test_now;
  facts.lifetime = lifetime_ms;
  return facts;
}

struct How {
  bool length_known = true;
  std::size_t step = 16384;
  std::span<const std::uint64_t> tags{};
  Facts facts = fresh_for(3'600'000);
  std::string_view fields = "content-type: text/plain\r\n";
};

inline bool fill_with(Fill fill, std::string_view body, const How& how = {}) {
  const auto length = how.length_known ? std::optional<std::uint64_t>(body.size()) : std::nullopt;
  if (!fill.begin(how.facts, how.fields, length, how.tags)) return false;
  while (!body.empty()) {
    if (!fill.append(body.substr(0, how.step))) return false;
    body.remove_prefix(std::min(how.step, body.size()));
  }
  return fill.commit();
}

inline bool put(Store& store, std::string_view key, std::string_view body, const How& how = {}) {
  Nobody owner;
  Joined joined = store.join(store.key(key), owner);
  return joined.fill && fill_with(std::move(joined.fill), body, how);
}

inline std::string read_all(Reader& reader) {
  std::string body;
  for (;;) {
    const std::string_view part = reader.read(body.size());
    if (part.empty()) return body;
    body += part;
  }
}

inline bool has(Store& store, std::string_view key) {
  return store.find(store.key(key)).kind != Found::Kind::nothing;
}

// The body under a key; "(nothing)": there is none.
inline std::string get(Store& store, std::string_view key) {
  Found found = store.find(store.key(key));
  if (found.kind != Found::Kind::answer) return "(nothing)";
  return read_all(found.reader);
}

inline void demand_sound(const Store& store) {
  for (const std::string& violation : store.check()) CHECK_MESSAGE(false, violation);
}

inline void keep_all_house(Store& store, std::int64_t now = test_now) {
  for (int turn = 0; turn < 100'000 && store.keep_house(now); ++turn) {
  }
}

}  // namespace weir::cache
