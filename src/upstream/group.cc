#include "upstream/group.h"

#include <algorithm>

#include "base/log.h"
#include "upstream/membership.h"

namespace weir {
namespace {

PoolLimits limits_of(const conf::UpstreamConf& conf) {
  return {.connections = *conf.keepalive,
          .idle = *conf.keepalive_timeout,
          .requests = *conf.keepalive_requests,
          .age = *conf.keepalive_time};
}

// After so many intervals without a sign of the housekeeper, what it found is void.
constexpr int stale_intervals = 3;
constexpr std::chrono::seconds stale_least{3};

// The numbers of peers, which are as few and as low as can be: TriedPeers has a bit for each.
class NumbersInUse {
 public:
  NumbersInUse(const Peers& some, const Peers& more) {
    for (const Peers* peers : {&some, &more}) {
      for (const auto& peer : *peers) {
        if (peer->number() >= used_.size()) used_.resize(peer->number() + 1);
        used_[peer->number()] = true;
      }
    }
  }
  std::size_t next_free() {
    while (at_ < used_.size() && used_[at_]) ++at_;
    return at_++;
  }

 private:
  std::vector<bool> used_;
  std::size_t at_ = 0;
};

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(clock::now().time_since_epoch()).count();
}

std::string_view scheme_of(const conf::UpstreamConf& conf) { return *conf.ssl ? "https" : "http"; }

}  // namespace

Group::Group(Loop& loop, const conf::UpstreamConf& conf, tls::UpstreamContext* tls,
             const GroupPlace& place)
    : conf_(conf),
      tls_(tls),
      place_(place),
      tiers_(conf, place.slot.index),
      sticky_(conf, secret()),
      queue_(loop, *conf.queue, own_row()),
      pool_(loop, limits_of(conf)),
      retry_budget_(place_of_peers().table, place.slot, conf.name) {
  assert((tls_ != nullptr) == *conf.ssl);
  peers_.reserve(conf.peers.size());
  for (const conf::PeerConf& peer : conf.peers) {
    add_peer(peers_.size(), peer);
  }
}

void Group::add_peer(std::size_t number, const conf::PeerConf& peer) {
  peers_.push_back(
      std::make_unique<Peer>(number, peer, conf_.name, scheme_of(conf_), place_of_peers()));
  if (conf_.queue->length != 0) peers_.back()->set_queue(&queue_);
  by_id_.emplace(peers_.back()->id(), peers_.back().get());
}

PeerPlace Group::place_of_peers() const {
  if (place_.zones == nullptr) return {};
  return {&place_.zones->peers, place_.slot};
}

shm::GroupRow* Group::own_row() const {
  if (place_.zones == nullptr || conf_.queue->length == 0) return nullptr;
  const shm::PeerTable& table = place_.zones->peers;
  const auto index = table.claim_group(conf_.name);
  return index ? &table.group_row(place_.slot.index, *index) : nullptr;
}

SipKey Group::secret() const { return place_.zones != nullptr ? place_.zones->secret() : SipKey{}; }

bool Group::checks_are_stale(clock::Monotonic now) const {
  if (place_.zones == nullptr || conf_.health_check->kind == conf::HealthCheckConf::Kind::off) {
    return false;
  }
  const auto limit = std::max<std::chrono::nanoseconds>(
      stale_intervals * conf_.health_check->interval, stale_least);
  const std::int64_t beat_ns = place_.zones->peers.beat_ns();
  if (beat_ns == 0) return false;  // the first housekeeper is only starting; nobody is known yet
  return now.time_since_epoch().count() - beat_ns > limit.count();
}

// One load and two comparisons when nothing changed.
void Group::look() {
  const clock::Monotonic now = clock::now();
  const std::uint64_t epoch = place_.zones != nullptr ? place_.zones->peers.epoch() : epoch_;
  const bool stale = checks_are_stale(now);
  if (!changed_ && epoch == epoch_ && stale == stale_ && now < tiers_.look_again()) return;
  if (stale != stale_) {
    log::warn("upstream {}: {}", conf_.name,
              stale ? "nobody checks the health of peers any more: only failures count"
                    : "the health of peers is checked again");
  }
  std::erase_if(leaving_, [](const auto& peer) { return !peer->is_used(); });
  if (epoch != epoch_) take_members();  // at epoch 0 nobody has found any
  changed_ = false;
  epoch_ = epoch;
  stale_ = stale;
  tiers_.renew(peers_, now, stale);
  if (sticky_.is_on()) sticky_.renew(peers_, tiers_.roster(Tier::fit));
}

// Those that discovery found, and no others but the file's; a former member stays for who has it,
// and is none for a worker of a later configuration. A peer that left goes when nothing refers to
// it any more.
void Group::take_members() {
  const shm::PeerTable& table = place_.zones->peers;
  const std::uint64_t own = shm::group_id(conf_.name);
  NumbersInUse numbers(peers_, leaving_);
  for (std::uint32_t i = 0; i < table.capacity(); ++i) {
    const shm::PeerCell& cell = table.cell(i);
    if (cell.group.load(std::memory_order_acquire) != own) continue;
    const auto word = shm::PeerWord::unpack(cell.word.load(std::memory_order_acquire));
    if (!word.discovered) continue;
    const conf::PeerOptions* const options = options_of_line(conf_, word.line);
    Peer* const known = member(cell.id.load(std::memory_order_acquire));
    if (known == nullptr && word.line == shm::former_line) continue;
    if (known != nullptr) {
      if (!known->is_static() && options != nullptr) known->set_options(*options);
      continue;
    }
    const shm::PeerInfo info = table.info(i);
    const auto back = std::find_if(leaving_.begin(), leaving_.end(),
                                   [&](const auto& peer) { return peer->id() == info.id; });
    if (back != leaving_.end()) {
      if (options != nullptr) (*back)->set_options(*options);
      by_id_.emplace(info.id, back->get());
      peers_.push_back(std::move(*back));
      leaving_.erase(back);
      continue;
    }
    const auto address = Address::parse(info.address);
    if (!address) continue;  // the housekeeper has parsed it before
    conf::PeerConf found{*address, info.host, {}, {}};
    if (options != nullptr) found.options = *options;
    add_peer(numbers.next_free(), found);
    peers_.back()->set_static(false);
  }
  for (auto& peer : peers_) {
    if (peer->is_static() || peer->word().discovered) continue;
    pool_.drop_idle_at(*peer);
    by_id_.erase(peer->id());
    leaving_.push_back(std::move(peer));
  }
  std::erase(peers_, nullptr);
}

Group::Picked Group::pick(TriedPeers& tried, std::uint64_t key) {
  look();
  const clock::Monotonic now = clock::now();
  // Between has_room() and enter() another worker may have taken the last place.
  constexpr int meetings_max = 4;
  bool busy = false;
  for (int meeting = 0; meeting < meetings_max; ++meeting) {
    const Tiers::Picked picked = tiers_.pick(tried, key, now);
    busy = picked.busy;
    if (picked.peer == nullptr) break;
    if (!picked.peer->enter()) {
      busy = true;
      continue;
    }
    tried.add(picked.peer->number());
    return {InFlight(*picked.peer), {}};
  }
  if (busy) return {{}, Nobody::busy};
  return {{}, tiers_.all_down() && tried.count() == 0 ? Nobody::fit : Nobody::left};
}

Group::Picked Group::pick_bound(TriedPeers& tried, Peer& peer) {
  look();
  if (!Tiers::takes_bound(peer, conf_, clock::now(), stale_)) return {{}, Nobody::left};
  if (!peer.enter()) return {{}, Nobody::busy};
  tried.add(peer.number());
  return {InFlight(peer), {}};
}

Peer* Group::bound_to(std::string_view value) {
  look();
  switch (sticky_.conf().kind) {
    case conf::StickyConf::Kind::off: return nullptr;
    case conf::StickyConf::Kind::cookie: return sticky_.by_token(value);
    case conf::StickyConf::Kind::header: return sticky_.by_value(value);
    case conf::StickyConf::Kind::learn: break;
  }
  if (place_.zones == nullptr) return nullptr;
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(sticky_.conf().expires);
  const auto found = place_.zones->sessions.find(session_key(value), seconds_now(), most);
  const shm::PeerTable& table = place_.zones->peers;
  if (!found || found->cell >= table.capacity()) return nullptr;
  const std::uint64_t id = table.cell(found->cell).id.load(std::memory_order_acquire);
  return found->is(id) ? member(id) : nullptr;
}

// Between a request's look for its peer and its turn in the queue the peer may have gone.
Peer* Group::peer(std::uint64_t id) {
  look();
  return member(id);
}

Peer* Group::member(std::uint64_t id) const {
  const auto found = by_id_.find(id);
  return found != by_id_.end() ? found->second : nullptr;
}

void Group::learn(std::string_view session, const Peer& peer) {
  if (peer.place().table == nullptr) return;  // nobody else knows it either
  place_.zones->sessions.remember(session_key(session), {peer.cell_index(), peer.id()},
                                  seconds_now());
}

// Keyed, so that a client can't make sessions that drive a certain other one out.
std::uint64_t Group::session_key(std::string_view session) const {
  SipKey key = secret();
  key.low ^= shm::group_id(conf_.name);
  return siphash(key, session);
}

void Group::connect_failed(Peer& peer, const Error& why, std::uint32_t what) {
  if (!peer.shunned(clock::now())) {
    log::warn("upstream {}: {} left alone for {} ms: {}", conf_.name, peer.name(),
              shun_time.count(), why.what);
  }
  peer.shun_until(clock::now() + shun_time);
  changed_ = true;
  failed(peer, what);
}

void Group::connected(Peer& peer) {
  if (peer.shunned_until() == clock::Monotonic{}) return;
  peer.shun_until({});
  changed_ = true;
}

std::optional<std::chrono::milliseconds> Group::hedge_delay() {
  if (conf_.hedge->percentile == 0 || peers_.size() < 2) return std::nullopt;
  return hedge_delay_.after(peers_, conf_.hedge->percentile, clock::now());
}

void Group::failed(Peer& peer, std::uint32_t what) {
  peer.failed();
  count_against(peer, what);
}

bool Group::count_status(Peer& peer, int status) {
  using On = conf::RetryConf;
  switch (status) {
    case 403: return count_against(peer, On::http_403);
    case 404: return count_against(peer, On::http_404);
    case 429: return count_against(peer, On::http_429);
    case 500: return count_against(peer, On::http_500);
    case 502: return count_against(peer, On::http_502);
    case 503: return count_against(peer, On::http_503);
    case 504: return count_against(peer, On::http_504);
    default: return false;
  }
}

// The others learn of it from the housekeeper, which is woken for it.
bool Group::count_against(Peer& peer, std::uint32_t what) {
  if ((conf_.fail_on->bits & what) == 0 || peer.options().max_fails == 0) return false;
  peer.count_against(what);
  if (place_.zones != nullptr) place_.zones->wake_housekeeper();
  return true;
}

}  // namespace weir
