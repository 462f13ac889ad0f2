#include "test/fuzz/proxy/world.h"

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/load.h"
#include "shm/ring.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/proxy/configuration.h"
#include "test/fuzz/proxy/judge.h"

// Of the sanitizers' run-time library, where there is one.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace weir::fuzz {
namespace {

class OneFile final : public conf::InputSource {
 public:
  conf::InputFile read(const std::string&, std::size_t) override { return {configuration, {}}; }
  conf::InputMatches match(const std::string&) override { return {{}, "nothing"}; }
  conf::InputName resolve(const std::string&) override { return {{}, "no name service"}; }
};

std::size_t allocated() {
  return __sanitizer_get_current_allocated_bytes == nullptr
             ? 0
             : __sanitizer_get_current_allocated_bytes();
}

// Every line of the error log is made, and is one line.
void check_line(log::Level level, std::string_view message) {
  char line[2048];
  const std::size_t size = log::format_line(line, sizeof line, level, 1, message);
  check(size <= sizeof line && std::string_view(line, size).find('\n') == size - 1);
}

// Bytes that tell where in the stream they were, by a period that is no power of two.
void send_filler(Wire& wire, std::size_t count) {
  static const std::string period = [] {
    std::string text;
    for (unsigned i = 0; i < 26 * 251; ++i) text += static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
  }();
  while (count > 0) {
    const std::size_t at = wire.input.size() % period.size();
    const std::size_t part = std::min(count, period.size() - at);
    wire.send(std::string_view(period).substr(at, part));
    count -= part;
  }
}

}  // namespace

Ground::Ground() {
  conf::Inputs inputs(std::make_unique<OneFile>());
  conf::Loaded loaded = conf::load(inputs, {"/weir.ini", "/", ""});
  if (loaded.config == nullptr) std::fputs(loaded.report().c_str(), stderr);
  check(loaded.config != nullptr);
  config = std::move(loaded.config);
  auto made = shm::Zones::create({});
  check(static_cast<bool>(made));
  zones = std::move(*made);
  const auto claimed = zones->claim(shm::Role::worker, 1, 1);
  check(static_cast<bool>(claimed));
  slot = *claimed;
  stores = std::make_unique<BlankStores>(*config, slot);
}

World::World(Ground& ground)
    : ground_(ground),
      memory_before_(allocated()),
      requests_before_(gauge(&shm::CounterRow::requests)),
      loop_(std::make_unique<Loop>()) {
  ground.stores->blank();
  service_ = std::make_unique<Service>(*loop_, *ground.config, nullptr, *ground.zones, ground.slot,
                                       ground.stores->all());
  log::set_sink(&check_line);
  log::set_threshold(log::Level::debug);
  forget_peers();
  service_->add_listener(Kernel::listening, ground.config->servers.front().listens.front());
}

// What earlier runs left in the shared zone would make this one depend on them. Enough answers are
// known for a hedge.
void World::forget_peers() {
  const shm::PeerTable& peers = ground_.zones->peers;
  for (std::uint32_t i = 0; i < peers.capacity(); ++i) {
    if (peers.cell(i).id.load() != 0) {
      shm::PeerRow& row = peers.row(ground_.slot.index, i);
      for (auto& bucket : row.latency) bucket.store(0);
      row.latency[LatencyScale::bucket_of(300'000)].store(100);
    }
    if (peers.group(i).id.load() == 0) continue;
    shm::GroupRow& row = peers.group_row(ground_.slot.index, i);
    for (auto& second : row.requests) second.word.store(0);
    for (auto& second : row.retries) second.word.store(0);
  }
}

World::~World() {
  log::set_sink(nullptr);
  log::set_threshold(log::Level::notice);
}

std::uint64_t World::gauge(shm::Count shm::CounterRow::*member) const {
  return (ground_.zones->stats.row(ground_.slot.index).*member).get();
}

// --- moving it

void World::turn() {
  loop_->turn(std::chrono::milliseconds(0));
  check_memory();
}

void World::settle() {
  std::uint64_t before = kernel_.moved() + 1;
  for (int quiet = 0, turns = 0; quiet < 3 && turns < 100; ++turns) {
    turn();
    quiet = kernel_.moved() == before ? quiet + 1 : 0;
    before = kernel_.moved();
  }
}

void World::run(std::string_view program) {
  Script script(program);
  Op op;
  for (std::size_t count = 0; count < ops_max && script.next(op); ++count) {
    step(op);
    if (op.settle) settle();
  }
}

void World::step(const Op& op) {
  kernel_.next_step();
  if (std::string_view("cnhqxrw").find(op.letter) != std::string_view::npos) return of_client(op);
  if (std::string_view("omekzij").find(op.letter) != std::string_view::npos) return of_origin(op);
  if (std::string_view("pv").find(op.letter) != std::string_view::npos) return of_others(op);
  of_worker(op);
}

// The connection of a slot; a new one where the old one is over.
Wire* World::client(unsigned slot) {
  Wire*& wire = slots_[slot % clients_max];
  if (wire == nullptr || !wire->live()) {
    const std::string address = (slot % 2 == 0 ? "192.0.2." : "10.0.0.") + std::to_string(slot + 1);
    wire = &kernel_.connect(*Address::parse_ip(address, 40000));
  }
  return wire;
}

// Those that can still say something, the newest first.
Wire* World::origin(unsigned place) const {
  std::vector<Wire*> live;
  for (Wire* wire : kernel_.origins()) {
    if (wire->live()) live.push_back(wire);
  }
  return live.empty() ? nullptr : live[live.size() - 1 - place % live.size()];
}

void World::of_client(const Op& op) {
  Wire& wire = *client(op.digit(0));
  if (op.letter == 'c') {
    const std::string text = op.text(1);
    bytes_ += text.size();
    return wire.send(text);
  }
  const std::size_t count = op.bytes(1);
  switch (op.letter) {
    case 'n':
      if ((bytes_ += count) <= bytes_max) send_filler(wire, count);
      return;
    case 'h': return wire.end();
    case 'q': return wire.leave();
    case 'x': return wire.break_off(ECONNRESET);
    case 'r': return wire.take(count);
    case 'w': wire.room = count; return;
    default: return;
  }
}

void World::of_origin(const Op& op) {
  Wire* const wire = origin(op.digit(0));
  if (wire == nullptr) return;
  if (op.letter == 'o') {
    const std::string text = op.text(1);
    bytes_ += text.size();
    return wire->send(text);
  }
  const std::size_t count = op.bytes(1);
  switch (op.letter) {
    case 'm':
      if ((bytes_ += count) <= bytes_max) send_filler(*wire, count);
      return;
    case 'e': return wire->end();
    case 'k': return wire->leave();
    case 'z': return wire->break_off(ECONNRESET);
    case 'i': return wire->take(count);
    case 'j': wire->room = count; return;
    default: return;
  }
}

void World::of_worker(const Op& op) {
  switch (op.letter) {
    case 't': kernel_.pass(op.span(0)); return turn();
    case 'l': return turn();
    case 'd': return kernel_.set_dial(static_cast<Dial>(op.digit(0) % 7));
    case 'a':  // a connection attempt that took its time
      for (Wire* wire : kernel_.origins()) wire->connected();
      return;
    case 's': return kernel_.reverse();
    case 'u': return kernel_.set_clock_cost(std::chrono::microseconds(op.digit(0) % 4 * 500));
    case 'f': return kernel_.fail_next_accept(op.digit(0) % 2 == 0 ? EMFILE : ECONNABORTED);
    case 'g':
      switch (op.digit(0) % 4) {
        case 0: return service_->drain();
        case 1: return service_->drop_idle();
        case 2: return service_->drop_tunnels();
        default: return service_->drop_all();
      }
    default: return;
  }
}

// Other processes of the instance, as they touch a cache.
void World::of_others(const Op& op) {
  for (const auto& store : ground_.stores->all()) {
    if (op.letter == 'v') {
      store->keep_house(clock::wall_ms());
      continue;
    }
    const bool soft = op.digit(0) % 2 != 0;
    switch (op.digit(0) / 2 % 3) {
      case 0:
        store->purge_all(soft);
        if (!soft) purged_all_ = kernel_.step();
        break;
      case 1: store->purge_prefix("httpa/stored/", soft); break;
      default: store->purge_tag(cache::Store::tag_hash("t"), soft); break;
    }
  }
}

// --- the end

void World::check_memory() const {
  const std::size_t held = allocated();
  if (held == 0) return;
  const std::size_t ours = memory_before_ + kernel_.bytes_held();
  constexpr std::size_t coders = std::size_t{3} << 20;  // compress_memory
  constexpr std::size_t fixed = coders + (std::size_t{3} << 20), each = std::size_t{700} << 10;
  check(held <= ours + fixed + each * service_->live().connections);
}

// Nobody reads or fetches any more.
void World::check_stores() const {
  for (const auto& store : ground_.stores->all()) {
    const cache::StoreStats stats = store->stats();
    if (stats.stored + stats.purged == 0) continue;  // looking at all of it takes its time
    const std::vector<std::string> wrong = store->check();
    for (const std::string& line : wrong) std::fprintf(stderr, "%s\n", line.c_str());
    check(wrong.empty());
    check(stats.damaged == 0 && stats.lock_timeouts == 0 && stats.segments_pinned == 0);
  }
}

void World::run_out() {
  kernel_.set_clock_cost({});
  for (Wire* wire : kernel_.clients()) wire->take(Wire::unlimited / 2);
  for (Wire* wire : kernel_.origins()) wire->take(Wire::unlimited / 2);
  for (int i = 0; i < 60; ++i) {
    settle();
    if (kernel_.open() == 0) break;
    kernel_.pass(std::chrono::milliseconds(i < 30 ? 1000 : 10'000));
  }
  check(service_->live().connections == 0);
  check(kernel_.open() == 0);
  for (const auto member :
       {&shm::CounterRow::requests_active, &shm::CounterRow::upstream_active,
        &shm::CounterRow::connections_active, &shm::CounterRow::connections_waiting,
        &shm::CounterRow::tunnels_active})
    check(gauge(member) == 0);
  check_stores();
}

std::vector<LogLine> World::take_log() const {
  std::vector<LogLine> lines;
  shm::RingReader reader(ground_.zones->rings.ring(ground_.slot.index));
  auto walk = reader.walk();
  shm::RingReader::Record record;
  while (walk.next(record)) {
    std::uint64_t numbers[4] = {};
    std::string_view rest = record.line.substr(0, record.line.find('\n'));
    for (auto& number : numbers) {
      const auto blank = std::min(rest.find(' '), rest.size());
      const auto value = parse_decimal(rest.substr(0, blank));
      check(value.has_value());
      number = *value;
      rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
    lines.push_back({numbers[0], numbers[1], static_cast<unsigned>(numbers[2]), numbers[3]});
  }
  check(!walk.damaged());
  reader.advance(walk.position());
  return lines;
}

void World::judge() const {
  const std::vector<LogLine> log = take_log();
  const std::uint64_t requests = gauge(&shm::CounterRow::requests) - requests_before_;
  const Judge judge(kernel_, log, purged_all_);
  check(judge.each_is_logged() ? log.size() == requests : log.size() <= requests);
  judge.all();
}

}  // namespace weir::fuzz
