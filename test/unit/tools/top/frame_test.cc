#include "tools/top/frame.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "tools/top/json.h"
#include "tools/top/source.h"
#include "tools/top/table.h"

using namespace weir;
using namespace weir::top;

namespace {

constexpr std::int64_t second = 1'000'000'000;

process::PeerView peer(const std::string& address) {
  process::PeerView out;
  out.url = "http://" + address;
  out.info.group = "api";
  out.info.address = address;
  out.info.word.health = shm::Health::healthy;
  out.info.since_ns = out.info.healthy_ns = 5 * second;
  return out;
}

Reading reading(std::int64_t now_ns, std::vector<process::PeerView> peers) {
  Reading out;
  out.now_ns = now_ns;
  out.master = {true, "1.2.3", 42, 61'000, 3};
  out.upstreams.push_back({"api", "http", true, {}, std::move(peers)});
  return out;
}

void set(Reading& reading, std::string_view name, std::uint64_t value) {
  for (std::size_t i = 0; i < shm::counter_count; ++i) {
    if (shm::counter_table[i].name == name) reading.counters[i] = value;
  }
}

std::vector<std::string> texts(const Frame& frame, std::size_t width) {
  std::vector<std::string> out;
  for (const Line& line : lines_of(frame, width)) out.push_back(line.text());
  return out;
}

bool any_has(const std::vector<std::string>& lines, std::string_view part) {
  for (const auto& line : lines) {
    if (line.find(part) != line.npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("weir-top: rates are of the time between two readings") {
  auto a = peer("127.0.0.1:8000");
  a.totals.requests = 100;
  a.totals.latency[3] = 50;
  Reading before = reading(10 * second, {a});
  set(before, "requests", 1000);
  a.totals.requests = 300;
  a.totals.failures = 10;
  a.totals.answers_5xx = 10;
  a.totals.in_flight = 7;
  a.totals.latency[3] = 50 + 99;
  a.totals.latency[20] = 1;
  Reading now = reading(12 * second, {a});
  set(now, "requests", 1400);
  set(now, "responses_5xx", 4);
  const Frame frame = frame_of(&before, now);
  const PeerRow& row = frame.groups.at(0).peers.at(0);
  REQUIRE(row.rates);
  CHECK(row.rates->requests == doctest::Approx(100));
  CHECK(row.rates->errors == doctest::Approx(0.1));
  CHECK(row.rates->p50_us == LatencyScale::bound_of(3));
  CHECK(row.rates->p99_us == LatencyScale::bound_of(3));
  CHECK(row.in_flight == 7);
  CHECK(row.failures == 10);
  CHECK(row.healthy_ms_ago == 7000);
  CHECK(*frame.requests_rate == doctest::Approx(200));
  CHECK(*frame.errors == doctest::Approx(0.01));
}

TEST_CASE("weir-top: one reading alone has no rates") {
  const Frame frame = frame_of(nullptr, reading(10 * second, {peer("a:1")}));
  CHECK_FALSE(frame.groups.at(0).peers.at(0).rates);
  CHECK_FALSE(frame.requests_rate);
  CHECK_FALSE(parse_json(json_of(frame)).contains("requests_per_s"));
}

TEST_CASE("weir-top: peers are told apart by address when their order changes") {
  auto a = peer("a:1"), b = peer("b:1");
  a.totals.requests = 10;
  b.totals.requests = 1000;
  const Reading before = reading(10 * second, {a, b});
  a.totals.requests = 11;
  b.totals.requests = 1002;
  const Frame frame = frame_of(&before, reading(11 * second, {b, a, peer("c:1")}));
  const auto& rows = frame.groups.at(0).peers;
  CHECK(rows.at(0).rates->requests == doctest::Approx(2));
  CHECK(rows.at(1).rates->requests == doctest::Approx(1));
  CHECK(rows.at(2).rates->requests == 0);
}

TEST_CASE("weir-top: counts that began anew are no negative rate") {
  auto a = peer("a:1");
  a.totals.requests = 1000;
  const Reading before = reading(10 * second, {a});
  a.totals.requests = 5;
  const Frame frame = frame_of(&before, reading(11 * second, {a}));
  CHECK(frame.groups.at(0).peers.at(0).rates->requests == doctest::Approx(5));
}

TEST_CASE("weir-top: failures of requests that began earlier are no more than all") {
  auto a = peer("a:1");
  const Reading before = reading(10 * second, {a});
  a.totals.requests = 2;
  a.totals.failures = 9;
  const Frame frame = frame_of(&before, reading(11 * second, {a}));
  CHECK(frame.groups.at(0).peers.at(0).rates->errors == doctest::Approx(1));
}

TEST_CASE("weir-top: a status has the name of the health and all that stands beside it") {
  auto a = peer("a:1");
  const auto row = [&] {
    return frame_of(nullptr, reading(10 * second, {a})).groups.at(0).peers.at(0);
  };
  CHECK(row().status == "HEALTHY");
  CHECK(row().mood == Mood::good);
  CHECK(row().healthy);
  a.info.ejected_until_ns = 11 * second;
  CHECK(row().status == "HEALTHY, ejected");
  CHECK_FALSE(row().healthy);
  a.info.ejected_until_ns = 9 * second;
  CHECK(row().status == "HEALTHY");
  a.order = shm::Order::drained;
  a.backup = true;
  CHECK(row().status == "HEALTHY, drained, backup");
  a.order = shm::Order::disabled;
  a.info.word.health = shm::Health::unreachable;
  CHECK(row().status == "UNREACHABLE, disabled, backup");
  CHECK(row().mood == Mood::dim);
  a.order = shm::Order::none;
  CHECK(row().mood == Mood::bad);
}

TEST_CASE("weir-top: a worker that is silent is told from one that works") {
  Reading before = reading(10 * second, {}), now = reading(12 * second, {});
  WorkerReading worker;
  worker.slot = 3;
  worker.incarnation = 1;
  worker.state = "ready";
  worker.heartbeat_ns = 9 * second;
  worker.cpu_ns = 4 * second;
  worker.requests = 10;
  before.workers.push_back(worker);
  worker.heartbeat_ns = 12 * second - second / 10;
  worker.cpu_ns = 5 * second;
  worker.requests = 30;
  now.workers.push_back(worker);
  WorkerRow row = frame_of(&before, now).workers.at(0);
  CHECK(row.mood == Mood::good);
  CHECK(row.silent_ms == 100);
  CHECK(*row.cpu == doctest::Approx(0.5));
  CHECK(*row.requests == doctest::Approx(10));
  now.workers[0].heartbeat_ns = 9 * second;
  CHECK(frame_of(&before, now).workers.at(0).mood == Mood::bad);
  now.workers[0].incarnation = 2;  // another process in the same place
  row = frame_of(&before, now).workers.at(0);
  CHECK_FALSE(row.requests);
  CHECK_FALSE(row.cpu);
}

TEST_CASE("weir-top: what codings made of how much; nothing of those that made nothing") {
  Reading before, now;
  before.now_ns = 10 * second;
  now.now_ns = 12 * second;
  CHECK(frame_of(&before, now).codings.empty());
  set(before, "compressed_zstd_bytes_in", 1000);
  set(now, "compressed_zstd_bytes_in", 9000);
  set(now, "compressed_zstd_bytes_out", 2000);
  set(now, "decompressed_bytes_in", 10);
  set(now, "decompressed_bytes_out", 1000);
  const Frame frame = frame_of(&before, now);
  REQUIRE(frame.codings.size() == 2);
  CHECK(frame.codings[0].name == "zstd");
  CHECK(frame.codings[0].ratio == doctest::Approx(4.5));
  CHECK(*frame.codings[0].in_rate == doctest::Approx(4000));
  CHECK(frame.codings[1].name == "decompressed");
  CHECK(frame.codings[1].ratio == doctest::Approx(100));
  const auto lines = texts(frame, 120);
  CHECK(any_has(lines, "CODING"));
  CHECK(any_has(lines, "4.50"));
  const auto document = parse_json(json_of(frame));
  CHECK(document["compression"][0]["name"] == "zstd");
  CHECK(document["compression"][0]["bytes_out"] == 2000);
  CHECK(document["compression"][1]["bytes_out_per_s"] == doctest::Approx(500));
  CHECK_FALSE(frame_of(nullptr, now).codings[0].in_rate);
}

TEST_CASE("weir-top: what caches hold, and the share of hits in the interval and in all") {
  Reading before = reading(10 * second, {}), now = reading(12 * second, {});
  before.caches = {{"pages", 1000, 64 << 20, 5, 100, 10, 1, 10, 80, 10, 1000},
                   {"api", 0, 1 << 20, 0, 100, 7, 0, 0, 10, 0, 0}};
  before.caches_ns = 10 * second;
  now.caches = {{"api", 0, 1 << 20, 0, 100, 7, 0, 0, 10, 0, 0},
                {"pages", 3 << 19, 64 << 20, 9, 100, 30, 5, 40, 85, 15, 5096}};
  now.caches_ns = 14 * second;  // by these the rates are
  set(before, "cache_hits", 10);
  set(before, "cache_misses", 90);
  set(now, "cache_hits", 40);
  set(now, "cache_misses", 95);
  set(now, "cache_revalidated", 5);
  set(now, "cache_bypassed", 1000);
  const Frame frame = frame_of(&before, now);
  REQUIRE(frame.caches.size() == 2);
  CHECK(frame.caches[1].name == "pages");
  CHECK(*frame.caches[1].stored == doctest::Approx(5));
  CHECK(*frame.caches[1].evicted == doctest::Approx(1));
  CHECK(*frame.caches[0].stored == 0);
  CHECK(*frame.hits.now == doctest::Approx(0.75));
  CHECK(*frame.hits.in_all == doctest::Approx(40.0 / 140));
  const auto lines = texts(frame, 200);
  CHECK(any_has(lines, "caches  hits 75.0%, 28.6% in all"));
  CHECK(*frame.caches[1].hits.now == doctest::Approx(0.75));
  CHECK(*frame.caches[1].hits.in_all == doctest::Approx(40.0 / 140));
  CHECK_FALSE(frame.caches[0].hits.now);  // nobody asked it meanwhile
  CHECK(*frame.caches[0].hits.in_all == 0);
  CHECK(any_has(lines, "  CACHE  USED    OF  ENTRIES  HIT%  IN ALL  OUT/S  STORED/S  EVICTED/S"));
  CHECK(any_has(lines, "  pages  1.5M   64M        9  75.0    28.6   1.0k       5.0        1.0"));
  CHECK(any_has(lines, "  api       0  1.0M        0     -     0.0      0         0          0"));
  const auto narrow = texts(frame, 40);
  CHECK(any_has(narrow, "HIT%"));
  CHECK_FALSE(any_has(narrow, "STORED/S"));
  const auto document = parse_json(json_of(frame));
  CHECK(document["caches"][1]["bytes"] == 3 << 19);
  CHECK(document["caches"][1]["bytes_max"] == 64 << 20);
  CHECK(document["caches"][1]["entries"] == 9);
  CHECK(document["caches"][1]["stored_per_s"] == doctest::Approx(5));
  CHECK(document["caches"][1]["bytes_out_per_s"] == doctest::Approx(1024));
  CHECK(document["caches"][1]["hit_share"] == doctest::Approx(0.75));
  CHECK(document["caches"][1]["hit_share_in_all"] == doctest::Approx(40.0 / 140));
  CHECK_FALSE(document["caches"][0].contains("hit_share"));
  CHECK(document["cache_hit_share"] == doctest::Approx(0.75));
}

TEST_CASE("weir-top: caches without requests, without news, of another size, and none at all") {
  Reading before = reading(10 * second, {}), now = reading(12 * second, {});
  CHECK_FALSE(any_has(texts(frame_of(&before, now), 200), "caches"));
  before.caches = {{"pages", 0, 1 << 20, 0, 0, 10, 1}};
  now.caches = {{"pages", 0, 2 << 20, 0, 0, 10, 1}};
  before.caches_ns = 10 * second;
  now.caches_ns = 12 * second;
  CHECK_FALSE(frame_of(&before, now).caches[0].stored);
  CHECK(any_has(texts(frame_of(&before, now), 200), "caches  hits -, - in all"));
  before.caches = now.caches;
  CHECK(frame_of(&before, now).caches[0].stored);
  now.caches_ns = before.caches_ns;  // the master has not answered since
  const Frame frame = frame_of(&before, now);
  CHECK_FALSE(frame.caches[0].stored);
  const auto document = parse_json(json_of(frame));
  CHECK_FALSE(document.contains("cache_hit_share"));
  CHECK_FALSE(document["caches"][0].contains("stored_per_s"));
}

TEST_CASE("weir-top: columns go where there is no room, the least important first") {
  auto a = peer("127.0.0.1:8000");
  a.info.error = "connect() failed: refused";
  a.info.failed_in_a_row = 2;
  const Frame frame = frame_of(nullptr, reading(10 * second, {a}));
  const auto wide = texts(frame, 1000), narrow = texts(frame, 80);
  for (const std::string_view title : {"PEER", "STATUS", "FAILS", "PROBES", "HEALTHY", "SINCE",
                                       "BUSY", "REQ/S", "ERR%", "P50", "P99", "WEIGHT", "LOAD"}) {
    CAPTURE(title);
    CHECK(any_has(wide, title));
  }
  for (const std::string_view title : {"PEER", "STATUS", "FAILS", "BUSY", "REQ/S", "ERR%", "P99"}) {
    CAPTURE(title);
    CHECK(any_has(narrow, title));
  }
  CHECK_FALSE(any_has(narrow, "LOAD"));
  CHECK(any_has(wide, "http://127.0.0.1:8000: connect() failed: refused"));
  for (const auto& line : narrow) CHECK(line.size() <= 80);
  (void)texts(frame, 1);  // whatever is left
}

TEST_CASE("weir-top: sorting by each column, both ways, loses nobody") {
  auto a = peer("a:1"), b = peer("b:1"), c = peer("c:1");
  a.totals.failures = 5;
  b.totals.failures = 9;
  const Reading now = reading(10 * second, {a, b, c});
  for (std::size_t column = 0; column < sortings(); ++column) {
    CAPTURE(sorting_name(column));
    Frame frame = frame_of(nullptr, now);
    sort(frame, {column, false});
    CHECK(frame.groups[0].peers.size() == 3);
    if (sorting_name(column) == "FAILS") {
      CHECK(frame.groups[0].peers[0].address == "b:1");
      CHECK(frame.groups[0].peers[1].address == "a:1");
    }
    if (column == 0 || sorting_name(column) == "PEER") {
      CHECK(frame.groups[0].peers[0].address == "a:1");
      sort(frame, {column, true});
      CHECK(frame.groups[0].peers[0].address == "c:1");
    }
  }
}

TEST_CASE("weir-top: how many are healthy is said where somebody looks") {
  auto a = peer("a:1"), b = peer("b:1");
  b.info.word.health = shm::Health::unreachable;
  Reading now = reading(10 * second, {a, b});
  CHECK(any_has(texts(frame_of(nullptr, now), 200), "upstream api  1 of 2 healthy"));
  now.upstreams[0].checked = false;
  CHECK(any_has(texts(frame_of(nullptr, now), 200), "upstream api  2 peers, no health check"));
}

TEST_CASE("weir-top: what a hostile client or origin wrote reaches no terminal, and JSON whole") {
  auto a = peer("a:1");
  a.info.word.health = shm::Health::unreachable;
  a.info.error = "\x1b[2J\"</script>\xff";
  Reading now = reading(10 * second, {a});
  now.workers.emplace_back().at = "GET a /\x1b]0;x\a";
  const Frame frame = frame_of(nullptr, now);
  for (const auto& line : texts(frame, 200)) {
    for (const char c : line) CHECK((c >= 0x20 && c < 0x7f));
  }
  const auto document = parse_json(json_of(frame));
  CHECK(document["workers"][0]["at"] == "GET a /\x1b]0;x\a");
  CHECK(document["upstreams"][0]["peers"][0]["last_error"].get<std::string>().starts_with("\x1b"));
}

TEST_CASE("weir-top: the header says when the master does not answer") {
  Reading now = reading(10 * second, {});
  CHECK(header_of(frame_of(nullptr, now)).text() ==
        "weir/1.2.3  up 1m01s  generation 3  connections 0  requests 0 (0 now)");
  now.master.answers = false;
  CHECK(header_of(frame_of(nullptr, now)).text().find("does not answer") != std::string::npos);
}

TEST_CASE("weir-top: a status document gives what upstreams are, and no nonsense does harm") {
  const Status status = parse_status(R"({"version":"9","generation":4,
    "master":{"pid":7,"uptime_s":61},
    "upstreams":[{"name":"api","scheme":"https","peers":[
      {"address":"10.0.0.1:80","host":"one","configured":{"weight":5,"order":"drained"}},
      {"address":"10.0.0.2:80","host":"two","weight":3}]}]})");
  CHECK(status.master.answers);
  CHECK(status.master.pid == 7);
  CHECK(status.master.uptime_ms == 61000);
  REQUIRE(status.upstreams.size() == 1);
  CHECK(status.upstreams[0].scheme == "https");
  REQUIRE(status.upstreams[0].peers.size() == 1);  // the other was discovered
  CHECK(status.upstreams[0].peers[0].host == "one");
  CHECK(status.upstreams[0].peers[0].weight == 5);
  CHECK(status.upstreams[0].peers[0].order == shm::Order::drained);
  const Status cached = parse_status(
      R"({"caches":[{"name":"pages","bytes":7,"bytes_max":9,"entries":3,"stored":4,"evicted":1},
                    3, {"bytes":"x"}]})");
  REQUIRE(cached.caches.size() == 3);
  CHECK(cached.caches[0].name == "pages");
  CHECK(cached.caches[0].bytes_max == 9);
  CHECK(cached.caches[0].evicted == 1);
  CHECK(cached.caches[2].bytes == 0);
  for (const char* text :
       {"", "[]", "7", "{\"upstreams\":7}", "{\"upstreams\":[7,{\"peers\":[1,{}]}]}",
        "{\"master\":3,\"version\":[],\"generation\":-1}", "{\"upstreams\":[{\"peers\":{}}]}"}) {
    CAPTURE(text);
    CHECK(parse_status(text).upstreams.size() <= 2);
  }
}
