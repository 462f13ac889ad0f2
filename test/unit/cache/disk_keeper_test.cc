#include "cache/disk_keeper.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "store_support.h"

namespace weir::cache {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string path = "/tmp/weir-disk-XXXXXX";
  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() { fs::remove_all(path); }
  Folder& operator=(Folder&&) = delete;

  std::vector<fs::path> files(std::string_view end = ".weir") const {
    std::vector<fs::path> out;
    for (const auto& it : fs::recursive_directory_iterator(path)) {
      if (it.path().string().ends_with(end)) out.push_back(it.path());
    }
    return out;
  }
};

constexpr std::uint64_t mib = 1U << 20;

// A worker and the cache keeper of one zone.
struct Disk {
  explicit Disk(const Folder& folder, std::uint64_t disk_bytes = 64 * mib,
                std::uint64_t bytes = 2 * mib) {
    StoreSizes sizes;
    sizes.bytes = bytes;
    sizes.disk_path = folder.path;
    sizes.disk_bytes = disk_bytes;
    worker = make_store(sizes, 0);
    keeper_side = second_view(*worker, 1);
    begin();
  }
  void begin() { keeper = std::make_unique<DiskKeeper>(*keeper_side, "test"); }
  // As after a SIGKILL: nothing is tidied up but what the kernel closes.
  void kill() { keeper.reset(); }

  void settle() {
    for (int turn = 0; turn < 10'000; ++turn) {
      if (keeper->turn() == std::chrono::milliseconds(1000)) return;
    }
    FAIL("the keeper does not come to rest");
  }

  // As a worker asks: memory, then the disk, then memory again.
  std::string get(std::string_view key) {
    std::string body = cache::get(*worker, key);
    if (body != "(nothing)") return body;
    Nobody owner;
    Follower follower = worker->fetch(worker->key(key), owner);
    if (!follower) return "(nothing)";
    for (int turn = 0; turn < 1000 && follower.state() == Follower::State::waiting; ++turn) {
      keeper->turn();
    }
    CHECK(follower.state() == Follower::State::look_again);
    return cache::get(*worker, key);
  }

  // Whatever is in memory goes, and the disk keeps it: as if evicted.
  void forget_memory() {
    for (int i = 0; i < 400; ++i) {
      REQUIRE(put(*worker, fmt::format("other {}", i), body_of("other", 10'000), how()));
      settle();
    }
  }

  static How how() {
    How out;
    out.facts.response_time = wall_ms();
    return out;
  }

  std::unique_ptr<Store> worker, keeper_side;
  std::unique_ptr<DiskKeeper> keeper;
};

bool store_one(Disk& disk, std::string_view key, std::string_view body,
               std::span<const std::uint64_t> tags = {}) {
  How how = Disk::how();
  how.tags = tags;
  const bool stored = put(*disk.worker, key, body, how);
  disk.settle();
  return stored;
}

}  // namespace

TEST_CASE("disk tier: what memory has no room for is served from disk, whatever its size") {
  const Folder folder;
  Disk disk(folder);
  std::map<std::string, std::string> bodies;
  for (int i = 0; i < 300; ++i) {
    const std::string key = fmt::format("key {}", i);
    bodies[key] = body_of(key, i == 7 ? 0 : i % 50 == 3 ? 400'000 : 100 + i * 37);
    REQUIRE(store_one(disk, key, bodies[key]));
  }
  CHECK(disk.worker->stats().entries < 300);
  CHECK(folder.files().size() == 300);
  for (const auto& it : bodies) {
    CAPTURE(it.first);
    CHECK((disk.get(it.first) == it.second));
  }
  CHECK(disk.worker->stats().disk_hits > 0);
  demand_sound(*disk.worker);
}

TEST_CASE("disk tier: facts, fields and tags come back as they were stored") {
  const Folder folder;
  const std::uint64_t tags[] = {Store::tag_hash("news")};
  auto disk = std::make_unique<Disk>(folder);
  const std::int64_t now = wall_ms();
  REQUIRE(store_one(*disk, "key", "body", tags));
  const std::uint64_t seq = disk->worker->find(disk->worker->key("key")).reader.stored_seq();
  const std::uint64_t word = disk->worker->find(disk->worker->key("key")).reader.body_word();
  disk = std::make_unique<Disk>(folder);
  disk->settle();
  REQUIRE(disk->get("key") == "body");
  {
    const Found found = disk->worker->find(disk->worker->key("key"));
    CHECK(found.reader.stored_seq() == seq);
    CHECK(found.reader.body_word() == word);
    CHECK(found.reader.facts().status == 200);
    CHECK(found.reader.facts().lifetime == 3'600'000);
    CHECK(found.reader.facts().response_time >= now - 1000);
    CHECK(found.reader.fields() == "content-type: text/plain\r\n");
  }
  disk->worker->purge_tag(tags[0], false);
  CHECK(disk->get("key") == "(nothing)");
}

TEST_CASE("disk tier: kept over a restart, and over the death of the keeper") {
  const Folder folder;
  {
    Disk disk(folder);
    for (int i = 0; i < 50; ++i) {
      REQUIRE(store_one(disk, fmt::format("key {}", i), body_of("x", 5000)));
    }
    disk.kill();
    disk.begin();
    disk.settle();
    CHECK(disk.worker->stats().disk_entries == 50);
  }
  Disk disk(folder);
  CHECK(disk.get("key 3") == "(nothing)");  // nobody has looked yet
  disk.settle();
  CHECK(disk.worker->stats().disk_entries == 50);
  CHECK(disk.worker->stats().disk_loaded);
  for (int i = 0; i < 50; ++i) CHECK((disk.get(fmt::format("key {}", i)) == body_of("x", 5000)));
}

TEST_CASE("disk tier: no purge is forgotten, at once nor after a restart") {
  const std::uint64_t tags[] = {Store::tag_hash("news")};
  for (const int kind : {0, 1, 2, 3}) {
    for (const bool in_memory : {true, false}) {
      CAPTURE(kind);
      CAPTURE(in_memory);
      const Folder folder;
      auto disk = std::make_unique<Disk>(folder);
      REQUIRE(store_one(*disk, "http/gone", "old", tags));
      REQUIRE(store_one(*disk, "kept", "kept"));
      if (!in_memory) {
        disk = std::make_unique<Disk>(folder);
        disk->settle();
      }
      switch (kind) {
        case 0: CHECK(disk->worker->purge(disk->worker->key("http/gone"), false)); break;
        case 1: CHECK(disk->worker->purge_prefix("http/", false)); break;
        case 2: disk->worker->purge_tag(tags[0], false); break;
        default: disk->worker->purge_all(false); break;
      }
      CHECK(disk->get("http/gone") == "(nothing)");
      if (kind != 3) CHECK(disk->get("kept") == "kept");
      disk->settle();
      disk = std::make_unique<Disk>(folder);
      disk->settle();
      CHECK(disk->get("http/gone") == "(nothing)");
      CHECK(disk->get("kept") == (kind == 3 ? "(nothing)" : "kept"));
      REQUIRE(store_one(*disk, "http/gone", "new", tags));
      disk = std::make_unique<Disk>(folder);
      disk->settle();
      CHECK(disk->get("http/gone") == "new");
    }
  }
}

TEST_CASE("disk tier: a purge that the keeper was killed before is heard by its successor") {
  const std::uint64_t tags[] = {Store::tag_hash("news")};
  const Folder folder;
  Disk disk(folder);
  for (const char* key : {"a/1", "b/1", "c/1"}) REQUIRE(store_one(disk, key, "old", tags));
  disk.kill();
  disk.worker->purge(disk.worker->key("a/1"), false);
  disk.worker->purge_prefix("b/", false);
  disk.begin();
  disk.settle();
  CHECK(disk.get("a/1") == "(nothing)");
  CHECK(disk.get("b/1") == "(nothing)");
  CHECK(disk.get("c/1") == "old");
  CHECK(folder.files().size() == 1);  // that of the prefix went when it was looked at
}

TEST_CASE("disk tier: a key that is purged before its file is known does not come back") {
  for (const bool soft : {false, true}) {
    CAPTURE(soft);
    const Folder folder;
    auto disk = std::make_unique<Disk>(folder);
    REQUIRE(store_one(*disk, "a/1", "old"));
    REQUIRE(store_one(*disk, "a/12", "kept"));
    disk = std::make_unique<Disk>(folder);  // and nobody has looked yet
    disk->worker->purge(disk->worker->key("a/1"), soft);
    for (int start = 0; start < 2; ++start) {
      disk->settle();
      CHECK(disk->get("a/12") == "kept");
      CHECK(disk->get("a/1") == (soft ? "old" : "(nothing)"));
      if (soft) CHECK(disk->worker->find(disk->worker->key("a/1")).reader.soft_purged());
      disk = std::make_unique<Disk>(folder);
    }
  }
}

TEST_CASE("disk tier: more purges than the ring takes purge more, never less") {
  const Folder folder;
  Disk disk(folder);
  REQUIRE(store_one(disk, "key", "old"));
  disk.kill();
  for (std::uint32_t i = 0; i < disk_purges; ++i) disk.worker->purge_tag(i + 1, false);
  CHECK(disk.worker->stats().disk_entries == 1);
  disk.worker->purge_tag(99'999, false);
  disk.begin();
  disk.settle();
  disk.worker = make_store(disk.worker->sizes(), 0);
  disk.keeper_side = second_view(*disk.worker, 1);
  disk.begin();
  disk.settle();
  CHECK(disk.get("key") == "(nothing)");
}

TEST_CASE("disk tier: soft purged stays soft purged, after a restart, too") {
  const std::uint64_t tags[] = {Store::tag_hash("news")};
  for (const int kind : {0, 1, 2, 3}) {
    CAPTURE(kind);
    const Folder folder;
    auto disk = std::make_unique<Disk>(folder);
    REQUIRE(store_one(*disk, "http/a", "old", tags));
    if (kind == 3) {  // on disk alone
      disk = std::make_unique<Disk>(folder);
      disk->settle();
    }
    switch (kind) {
      case 1: CHECK(disk->worker->purge_prefix("http/", true)); break;
      case 2: disk->worker->purge_tag(tags[0], true); break;
      default: CHECK(disk->worker->purge(disk->worker->key("http/a"), true)); break;
    }
    disk->settle();
    disk = std::make_unique<Disk>(folder);
    disk->settle();
    REQUIRE(disk->get("http/a") == "old");
    CHECK(disk->worker->find(disk->worker->key("http/a")).reader.soft_purged());
  }
}

TEST_CASE("disk tier: what was replaced does not come back") {
  const Folder folder;
  auto disk = std::make_unique<Disk>(folder);
  REQUIRE(store_one(*disk, "key", "old"));
  disk->kill();  // so that the new one is not written
  REQUIRE(put(*disk->worker, "key", "new", Disk::how()));
  for (int i = 0; i < 400; ++i) {
    REQUIRE(put(*disk->worker, fmt::format("other {}", i), body_of("other", 10'000), Disk::how()));
  }
  REQUIRE(cache::get(*disk->worker, "key") == "(nothing)");
  disk->begin();
  CHECK(disk->get("key") == "(nothing)");
  disk->settle();
  CHECK(disk->get("key") == "(nothing)");
}

TEST_CASE("disk tier: freshened answers are written anew") {
  const Folder folder;
  auto disk = std::make_unique<Disk>(folder);
  REQUIRE(store_one(*disk, "key", "body"));
  Found found = disk->worker->find(disk->worker->key("key"));
  Facts facts = found.reader.facts();
  facts.lifetime = 7'200'000;
  REQUIRE(disk->worker->freshen(disk->worker->key("key"), found.reader, facts, "other fields"));
  found = {};
  disk->settle();
  disk = std::make_unique<Disk>(folder);
  disk->settle();
  REQUIRE(disk->get("key") == "body");
  found = disk->worker->find(disk->worker->key("key"));
  CHECK(found.reader.facts().lifetime == 7'200'000);
  CHECK(found.reader.fields() == "other fields");
}

TEST_CASE("disk tier: a damaged, cut, foreign or missing file is a miss, and is gone then") {
  const std::string body = body_of("x", 300'000);
  for (const int kind : {0, 1, 2, 3, 4, 5, 6}) {
    CAPTURE(kind);
    const Folder folder;
    auto disk = std::make_unique<Disk>(folder);
    REQUIRE(store_one(*disk, "key", body));
    disk->worker = make_store(disk->worker->sizes(), 0);
    disk->keeper_side = second_view(*disk->worker, 1);
    disk->begin();
    disk->settle();
    REQUIRE(folder.files().size() == 1);
    const fs::path file = folder.files()[0];
    const auto size = fs::file_size(file);
    const auto flip = [&](std::uint64_t at) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekg(static_cast<std::streamoff>(at));
      const int was = stream.get();
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(static_cast<char>(was ^ 1));
    };
    switch (kind) {
      case 0: flip(40); break;
      case 1: flip(size - 1); break;
      case 2: fs::resize_file(file, size - 1); break;
      case 3: fs::resize_file(file, 0); break;
      case 4: fs::remove(file); break;
      case 5: std::ofstream(file, std::ios::trunc) << std::string(size, 'x'); break;
      default:
        fs::remove(file);
        REQUIRE(::mkfifo(file.c_str(), 0600) == 0);  // must not be waited for
    }
    CHECK(disk->get("key") == "(nothing)");
    CHECK(disk->worker->stats().disk_entries == 0);
    CHECK(folder.files().empty());
    REQUIRE(store_one(*disk, "key", body));
    CHECK(folder.files().size() == 1);
    demand_sound(*disk->worker);
  }
}

TEST_CASE("disk tier: the start removes what is not whole and leaves alone what is not its own") {
  const Folder folder;
  {
    Disk disk(folder);
    REQUIRE(store_one(disk, "key", "body"));
  }
  const fs::path file = folder.files()[0];
  const std::string name = file.string();
  fs::copy_file(file, name.substr(0, name.size() - 5) + ".part");
  std::ofstream(folder.path + "/notes.txt") << "mine";
  std::ofstream(file.parent_path() / "0123.weir") << "mine";
  fs::path twin = file.parent_path() / (file.stem().string().substr(0, 2) + "00000000000000.weir");
  fs::copy_file(file, twin);  // ours, under a name that its key does not have
  Disk disk(folder);
  disk.settle();
  CHECK(disk.worker->stats().disk_entries == 1);
  CHECK(disk.get("key") == "body");
  CHECK(folder.files(".part").empty());
  CHECK_FALSE(fs::exists(twin));
  CHECK(fs::exists(folder.path + "/notes.txt"));
  CHECK(fs::exists(file.parent_path() / "0123.weir"));
}

TEST_CASE("disk tier: without its journal, or with a damaged one, the folder begins empty") {
  for (const int kind : {0, 1, 2, 3}) {
    CAPTURE(kind);
    const Folder folder;
    {
      Disk disk(folder);
      REQUIRE(store_one(disk, "key", "body"));
      disk.worker->purge_prefix("other", false);
      disk.settle();
    }
    const std::string journal = folder.path + "/journal";
    const auto size = fs::file_size(journal);
    switch (kind) {
      case 0: fs::remove(journal); break;
      case 1: fs::resize_file(journal, size - 1); break;
      case 2: std::ofstream(journal, std::ios::app) << "x"; break;
      default: {
        std::fstream stream(journal, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(12);
        const int byte = stream.get();
        stream.seekp(12);
        stream.put(static_cast<char>(byte ^ 1));
      }
    }
    Disk disk(folder);
    disk.settle();
    CHECK(disk.get("key") == "(nothing)");
    CHECK(folder.files().empty());
    REQUIRE(store_one(disk, "key", "body"));
    CHECK(folder.files().size() == 1);
  }
}

TEST_CASE("disk tier: its size is a bound, and what is asked for stays") {
  const Folder folder;
  Disk disk(folder, mib);
  REQUIRE(store_one(disk, "loved", body_of("loved", 10'000)));
  for (int i = 0; i < 400; ++i) {
    REQUIRE(store_one(disk, fmt::format("key {}", i), body_of("x", 10'000)));
    if (i % 100 == 50) {
      disk.worker->purge(disk.worker->key("nothing"), false);
      CHECK((disk.get("loved") == body_of("loved", 10'000)));
    }
    CHECK(disk.worker->stats().disk_bytes <= mib);
  }
  std::uint64_t bytes = 0;
  for (const fs::path& file : folder.files()) bytes += (fs::file_size(file) + 4095) / 4096 * 4096;
  CHECK(bytes <= mib);
  CHECK(bytes > mib / 2);
  CHECK(bytes == disk.worker->stats().disk_bytes);
  CHECK(disk.worker->stats().disk_evicted > 200);
  CHECK((disk.get("loved") == body_of("loved", 10'000)));
}

TEST_CASE("disk tier: two never have one folder") {
  const Folder folder;
  Disk one(folder), other(folder);
  one.settle();
  CHECK(other.keeper->turn() < std::chrono::milliseconds(1000));
  REQUIRE(put(*other.worker, "key", "of the other", Disk::how()));
  other.keeper->turn();
  CHECK(folder.files().empty());
  one.keeper->leave(true);
  other.settle();
  CHECK(folder.files().size() == 1);
}

TEST_CASE("disk tier: while the keeper does not answer nobody waits for long, and one leads then") {
  const Folder folder;
  Disk disk(folder);
  REQUIRE(store_one(disk, "key", "body"));
  REQUIRE(store_one(disk, "other", "body"));
  disk.forget_memory();
  REQUIRE(cache::get(*disk.worker, "key") == "(nothing)");
  Nobody owner;
  {
    Follower one = disk.worker->fetch(disk.worker->key("key"), owner);
    Follower two = disk.worker->fetch(disk.worker->key("key"), owner);
    REQUIRE(one);
    REQUIRE(two);
    CHECK(one.state() == Follower::State::waiting);
    one.give_up();
    CHECK(two.state() == Follower::State::orphaned);
  }
  Joined joined = disk.worker->join(disk.worker->key("key"), owner);
  REQUIRE(joined.fill);
  // Meanwhile the keeper comes to it: too late.
  disk.settle();
  CHECK(cache::get(*disk.worker, "key") == "(nothing)");
  CHECK(fill_with(std::move(joined.fill), "new", Disk::how()));
  disk.settle();
  CHECK(disk.get("key") == "new");
  CHECK(disk.get("other") == "body");
  demand_sound(*disk.worker);
}

TEST_CASE("disk tier: a purge while the answer is brought from disk counts") {
  const Folder folder;
  Disk disk(folder);
  REQUIRE(store_one(disk, "key", "body"));
  disk.forget_memory();
  Nobody owner;
  Follower follower = disk.worker->fetch(disk.worker->key("key"), owner);
  REQUIRE(follower);
  CHECK(disk.worker->purge(disk.worker->key("key"), false));
  disk.settle();
  CHECK(follower.state() == Follower::State::look_again);
  CHECK(cache::get(*disk.worker, "key") == "(nothing)");
  CHECK(disk.get("key") == "(nothing)");
}

TEST_CASE("disk tier: what is of no use any more is neither kept nor written") {
  const Folder folder;
  Disk disk(folder);
  How how = Disk::how();
  how.facts.response_time = wall_ms() - 10'000;
  how.facts.lifetime = 5'000;
  REQUIRE(put(*disk.worker, "over", "body", how));
  disk.settle();
  CHECK(folder.files().empty());
}

}  // namespace weir::cache
