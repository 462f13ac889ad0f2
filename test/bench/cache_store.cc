// What the cache's store costs: nanoseconds per hit and per fill, what a hot key costs two
// processes at once, what a million entries cost beside a thousand, and how near eviction comes to
// the exact policies. Figures only; the tests assert what must hold.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "cache/store.h"
#include "test/unit/cache/simulators.h"

using namespace weir;
using namespace weir::cache;

namespace {

constexpr std::int64_t now_ms = 1'700'000'000'000;

struct Nobody final : FollowerOwner {
  void on_fill_news(Follower&) override {}
} nobody;

std::unique_ptr<Store> make(const StoreSizes& sizes) {
  auto store = Store::create("bench", sizes);
  if (!store) std::abort();
  (*store)->enter({0, 1});
  return std::move(*store);
}

bool put(Store& store, std::string_view text, std::string_view body) {
  Joined joined = store.join(store.key(text), nobody);
  Facts facts;
  facts.status = 200;
  facts.response_time = now_ms;
  facts.lifetime = 3'600'000;
  constexpr std::string_view fields =
      "content-type: text/html; charset=utf-8\r\netag: \"5e2f-61b0c8\"\r\n"
      "cache-control: public, max-age=3600\r\nserver: origin\r\nx-request-id: 0123456789abcdef\r\n"
      "last-modified: Mon, 02 Jan 2023 10:00:00 GMT\r\nvary: accept-encoding\r\n";
  return joined.fill && joined.fill.begin(facts, fields, body.size(), {}) &&
         joined.fill.append(body) && joined.fill.commit();
}

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(fmt::format("GET https://example.com/a/path/of/some/length/{}", i));
  }
  return texts;
}

// Of this process's own time: the machine is not alone.
double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
double nanoseconds(std::size_t times, const Work& work) {
  double least = 1e18;
  for (int round = 0; round < 5; ++round) {
    const double start = cpu_ns();
    for (std::size_t i = 0; i < times; ++i) work(i);
    least = std::min(least, (cpu_ns() - start) / static_cast<double>(times));
  }
  return least;
}

std::size_t seen = 0;
void hit(Store& store, std::string_view text) {
  Found found = store.find(store.key(text));
  if (found.kind == Found::Kind::answer) seen += found.reader.read(0).size();
}

void hits() {
  const std::string body(1024, 'x');
  for (const std::size_t count : {1UL, 1000UL, 100'000UL}) {
    const auto store = make({.bytes = 512U << 20, .entries_max = 200'000});
    const auto texts = names(count);
    for (const std::string& text : texts) put(*store, text, body);
    const double ns =
        nanoseconds(1'000'000, [&](std::size_t i) { hit(*store, texts[i * 7919 % texts.size()]); });
    fmt::print("find + read of 1 KiB, {} keys: {:.0f} ns\n", count, ns);
  }
}

void fills() {
  const auto store = make({.bytes = 256U << 20});
  const auto texts = names(400'000);
  const std::string small(1024, 'x'), large(60'000, 'x');
  std::size_t at = 0;
  const auto fill = [&](const std::string& body) {
    return [&](std::size_t) { put(*store, texts[at++ % texts.size()], body); };
  };
  fmt::print("fill of 1 KiB: {:.0f} ns\n", nanoseconds(80'000, fill(small)));
  fmt::print("fill of 1 KiB, full and evicting: {:.0f} ns\n", nanoseconds(80'000, fill(small)));
  fmt::print("fill of 60,000 bytes, evicting: {:.0f} ns\n", nanoseconds(5'000, fill(large)));
}

// Each of so many processes asks for the one key; the time is the slowest one's.
void together() {
  const auto store = make({.bytes = 64U << 20});
  put(*store, "hot", std::string(1024, 'x'));
  double alone = 0;
  for (const std::uint32_t processes : {1U, 2U}) {
    int result[2];
    if (::pipe(result) != 0) std::abort();
    std::vector<pid_t> children;
    for (std::uint32_t i = 0; i < processes; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        store->enter({i + 1, 1});
        const double ns = nanoseconds(2'000'000, [&](std::size_t) { hit(*store, "hot"); });
        [[maybe_unused]] const auto said = ::write(result[1], &ns, sizeof ns);
        ::_exit(0);
      }
      children.push_back(pid);
    }
    double slowest = 0;
    for (std::uint32_t i = 0; i < processes; ++i) {
      double ns = 0;
      if (::read(result[0], &ns, sizeof ns) == sizeof ns) slowest = std::max(slowest, ns);
    }
    for (const pid_t pid : children) ::waitpid(pid, nullptr, 0);
    if (processes == 1) alone = slowest;
    fmt::print("one hot key, {} process{}: {:.0f} ns, {:.2f} of one\n", processes,
               processes == 1 ? "" : "es", slowest, slowest / alone);
  }
}

void many() {
  for (const std::size_t count : {1000UL, 1'000'000UL}) {
    const auto store = make({.bytes = 700U << 20, .entries_max = 1'000'000});
    const auto texts = names(count);
    for (const std::string& text : texts) put(*store, text, "x");
    const double all =
        nanoseconds(1'000'000, [&](std::size_t i) { hit(*store, texts[i * 7919 % texts.size()]); });
    const double hot = nanoseconds(1'000'000, [&](std::size_t i) { hit(*store, texts[i % 1000]); });
    fmt::print(
        "{} entries ({} stored): find {:.0f} ns over all, {:.0f} ns over a thousand of them\n",
        count, store->stats().entries, all, hot);
  }
}

template <class Exact>
void evictions(Eviction eviction, std::string_view policy) {
  constexpr std::uint32_t keys = 200'000;
  constexpr int asked = 2'000'000;
  for (const std::uint32_t places : {2000U, 20'000U}) {
    for (const double once : {0.0, 0.3}) {
      const auto store = make({.bytes = 64U << 20, .entries_max = places, .eviction = eviction});
      Exact exact(places);
      Trace trace(keys, 0.9, once, 1);
      int hits_of_it = 0, exact_hits = 0;
      for (int i = 0; i < asked; ++i) {
        const std::uint64_t number = trace.next();
        const std::string text = fmt::format("{}", number);
        const bool there = store->find(store->key(text)).kind == Found::Kind::answer;
        if (!there) put(*store, text, "x");
        const bool exact_there = exact.ask(number);
        if (i < asked / 4) continue;
        hits_of_it += there;
        exact_hits += exact_there;
      }
      constexpr double of = asked * 0.75 / 100;
      fmt::print("{}, {} of {} keys, {:.0f} % once: {:.2f} %, exact {:.2f} %\n", policy, places,
                 keys, once * 100, hits_of_it / of, exact_hits / of);
    }
  }
}

// Memory is the limit: what the cleaner moves for each byte that is stored.
void moving() {
  for (const std::uint64_t bytes : {64U << 20, 256U << 20}) {
    const auto store = make({.bytes = bytes});
    Trace trace(static_cast<std::uint32_t>(bytes >> 10), 0.9, 0.3, 1);
    std::uint64_t written = 0;
    double slowest = 0;
    for (int i = 0; i < 400'000; ++i) {
      const std::uint64_t number = trace.next();
      const std::string text = fmt::format("{}", number);
      if (store->find(store->key(text)).kind == Found::Kind::answer) continue;
      const std::string body(500 + number * 7919 % 20'000, 'x');
      const double start = cpu_ns();
      if (put(*store, text, body)) written += body.size();
      slowest = std::max(slowest, (cpu_ns() - start) / 1000);
    }
    const StoreStats stats = store->stats();
    fmt::print(
        "{} MiB, Zipf 0.9 and 30 % once: {} MiB written, {} MiB moved ({:.2f} each), {} without "
        "room, slowest fill {:.0f} us, {:.0f} % of memory used\n",
        bytes >> 20, written >> 20, stats.moved_bytes >> 20,
        static_cast<double>(stats.moved_bytes) / static_cast<double>(written), stats.no_room,
        slowest, 100.0 * static_cast<double>(stats.bytes_used) / static_cast<double>(bytes));
  }
}

}  // namespace

int main() {
  hits();
  fills();
  together();
  many();
  moving();
  evictions<ExactLru>(Eviction::lru, "lru");
  evictions<ExactS3Fifo>(Eviction::s3fifo, "s3fifo");
  return seen == 0;
}
