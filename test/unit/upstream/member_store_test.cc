#include "upstream/member_store.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Saved some() {
  Saved saved;
  saved.sets.push_back(
      {"api",
       "file /etc/x",
       {{"10.0.0.1:80", "10.0.0.1", 3, true}, {"unix:/run/a \"b\"", "/run/a \"b\"", 0, false}}});
  saved.sets.push_back({"search", "dns search.internal:9200", {}});
  shm::PeerOrders drained;
  drained.order = shm::Order::drained;
  drained.weight = 7;
  shm::PeerOrders added;
  added.added = added.backup = true;
  saved.orders.push_back({"api", "10.0.0.1:80", "", drained});
  saved.orders.push_back({"api", "10.0.0.9:80", "10.0.0.9", added});
  return saved;
}

}  // namespace

TEST_CASE("member store: what is saved is read the same") {
  Saved read;
  REQUIRE(parse_saved(print_saved(some()), read));
  CHECK(read == some());
  REQUIRE(parse_saved(print_saved({}), read));
  CHECK(read == Saved{});
}

TEST_CASE("member store: a text that makes no sense changes nothing") {
  const std::string good = print_saved(some());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
  };
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), good.substr(0, good.size() / 2),
        with("\"version\": 1", "\"version\": 2"), with("10.0.0.1:80", "example.com"),
        with("\"weight\": 3", "\"weight\": 65536"), with("\"weight\": 3", "\"weight\": -1"),
        with("\"backup\": true", "\"backup\": 1"), with("\"drained\"", "\"gone\""),
        with("\"group\": \"api\"", "\"group\": 1"), with("\"sets\"", "\"sats\"")}) {
    CAPTURE(text);
    Saved read = some();
    CHECK_FALSE(parse_saved(text, read));
    CHECK(read == some());
  }
}
