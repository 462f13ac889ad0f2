#include "upstream/caretaker.h"

#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "tls/contexts.h"
#include "upstream/membership.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds tick_interval{100};
// Between two looks at what workers report: a storm of failures must not take all of our time.
constexpr milliseconds look_pause{10};
constexpr std::chrono::seconds give_back_interval{5};
// First probes that may begin in one tick of the loop.
constexpr std::size_t starts_at_once = 16;
constexpr std::size_t buffer_bytes_max = std::size_t{64} << 20;

}  // namespace

Caretaker::Caretaker(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
                     const shm::PeerTable& table)
    : loop_(loop),
      table_(table),
      buffers_(buffer_bytes_max),
      changed_(
          loop, [](void* self) { static_cast<Caretaker*>(self)->table_.bump(); }, this),
      tick_timer_(
          loop, [](void* self) { static_cast<Caretaker*>(self)->tick(); }, this),
      look_timer_(
          loop, [](void* self) { static_cast<Caretaker*>(self)->look(); }, this) {
  groups_.reserve(config.upstreams.size());
  for (const conf::UpstreamConf& upstream : config.upstreams) {
    tls::UpstreamContext* const tls = *upstream.ssl ? contexts->upstream(upstream) : nullptr;
    groups_.push_back(std::make_unique<CareGroup>(upstream, tls, buffers_, unmade_probes_));
    take_static(*groups_.back());
  }
  take_discovered();
  // At once: workers take an old sign of life for none, and a predecessor may have died between a
  // change and the word of it.
  tick();
  changed_.schedule();
}

Caretaker::~Caretaker() {
  if (changed_.scheduled()) table_.bump();
}

void Caretaker::add(CareGroup& group, std::uint32_t index, const conf::PeerConf& peer,
                    bool is_static) {
  group.wards.push_back(
      std::make_unique<Ward>(loop_, group, table_.cell(index), index, peer, is_static, changed_));
  group.wards.back()->start(starts_++ / starts_at_once * Loop::tick);
}

void Caretaker::take_static(CareGroup& group) {
  for (const conf::PeerConf& peer : group.conf.peers) {
    const std::string address = peer.address.to_string();
    const auto index = table_.claim({group.conf.name, address, peer.host},
                                    clock::now().time_since_epoch().count());
    if (!index) {
      log::error("upstream {}: {} is not looked after: upstream_peers_max is {}", group.conf.name,
                 address, table_.capacity());
      continue;
    }
    add(group, *index, peer, true);
  }
}

// Those that discovery found, and no others but the file's.
void Caretaker::take_discovered() {
  epoch_ = table_.epoch();
  for (auto& group : groups_) {
    const auto left = std::erase_if(group->wards, [this](const auto& ward) {
      const std::uint64_t word = table_.cell(ward->index()).word.load(std::memory_order_relaxed);
      return !ward->is_static() && !shm::PeerWord::unpack(word).discovered;
    });
    if (left != 0) given_back_ = {};
  }
  std::vector<bool> known(table_.capacity());
  for (const auto& group : groups_) {
    for (const auto& ward : group->wards) known[ward->index()] = true;
  }
  for (std::uint32_t i = 0; i < table_.capacity(); ++i) {
    const shm::PeerCell& cell = table_.cell(i);
    const std::uint64_t id = cell.group.load(std::memory_order_acquire);
    const std::uint64_t word = cell.word.load(std::memory_order_relaxed);
    if (id == 0 || known[i] || !shm::PeerWord::unpack(word).discovered) continue;
    const auto group = std::find_if(groups_.begin(), groups_.end(),
                                    [id](const auto& candidate) { return candidate->id == id; });
    if (group == groups_.end()) continue;
    const shm::PeerInfo info = table_.info(i);
    const auto address = Address::parse(info.address);
    if (!address) continue;
    conf::PeerConf found{*address, info.host, {}, {}};
    const std::uint8_t line = shm::PeerWord::unpack(word).line;
    if (const auto* options = options_of_line((*group)->conf, line)) found.options = *options;
    add(**group, i, found, false);
  }
  starts_ = 0;
}

void Caretaker::tick() {
  if (table_.epoch() != epoch_) take_discovered();
  look();
  unmade_probes_.tell(clock::now());
  if (clock::now() - given_back_ >= give_back_interval) {
    given_back_ = clock::now();
    give_back_cells();
  }
  tick_timer_.arm(tick_interval);
}

void Caretaker::woken() {
  if (look_timer_.armed()) return;
  if (clock::now() - looked_ < look_pause) return look_timer_.arm(look_pause);
  look();
}

void Caretaker::look() {
  looked_ = clock::now();
  table_.beat(looked_.time_since_epoch().count());
  for (auto& group : groups_) look_at(*group);
}

void Caretaker::look_at(CareGroup& group) {
  std::vector<Ward*> suspects;
  for (auto& ward : group.wards) {
    ward->look();
    if (ward->is_suspect()) suspects.push_back(ward.get());
  }
  if (suspects.empty()) return;
  EjectionScene scene;
  scene.members = group.wards.size();
  std::size_t fit = 0;
  for (const auto& ward : group.wards) {
    scene.ejected += ward->is_ejected() ? 1 : 0;
    fit += ward->is_fit() ? 1 : 0;
  }
  for (Ward* const suspect : suspects) {
    scene.fit_others = fit - (suspect->is_fit() ? 1 : 0);
    if (!may_eject(scene, *group.conf.max_ejected)) {
      suspect->spare(scene);
      continue;
    }
    fit = scene.fit_others;
    ++scene.ejected;
    suspect->eject();
  }
}

// A cell is somebody's while it is a peer of the configuration, one that discovery found, or one
// that a worker of whatever generation is attached to.
void Caretaker::give_back_cells() {
  std::vector<bool> needed(table_.capacity());
  std::unordered_set<std::uint64_t> groups;
  for (const auto& group : groups_) {
    groups.insert(group->id);
    for (const auto& ward : group->wards) needed[ward->index()] = true;
  }
  unsigned freed = 0;
  for (std::uint32_t i = 0; i < table_.capacity(); ++i) {
    const shm::PeerCell& cell = table_.cell(i);
    const std::uint64_t id = cell.id.load(std::memory_order_acquire);
    if (id == 0 || needed[i]) continue;
    if (id != shm::leaving_id) {
      const std::uint64_t word = cell.word.load(std::memory_order_relaxed);
      const bool has_group = groups.count(cell.group.load(std::memory_order_relaxed)) != 0;
      if (has_group && shm::PeerWord::unpack(word).discovered) continue;
    }
    if (table_.free(i)) ++freed;
  }
  if (freed != 0) log::debug("{} cells of peers are free again", freed);
}

}  // namespace weir
