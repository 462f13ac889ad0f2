#include "shm/zones.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "shm/points.h"

namespace weir::shm {
namespace {

Result<Fd> make_wake() {
  Fd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) return Error{Side::self, "eventfd failed"};
  return fd;
}

void wake(const Fd& fd) {
  const std::uint64_t one = 1;
  // EAGAIN: it has been woken 2^64 - 2 times and not read; it is awake.
  [[maybe_unused]] const auto written = ::write(fd.get(), &one, sizeof one);
}

}  // namespace

Result<std::unique_ptr<Zones>> Zones::create(const Sizes& sizes) {
  std::unique_ptr<Zones> zones(new Zones);
  const Id128 instance = random_id();
  struct Plan {
    Zone& zone;
    const Kind& kind;
    std::size_t body_bytes, backed;
    Access for_children;
  };
  const Plan plans[] = {
      {zones->slots_zone_, slots_kind, sizeof(SlotsBody), sizeof(SlotsBody), Access::read_write},
      {zones->stats_zone_, stats_kind, sizeof(StatsBody), sizeof(StatsBody), Access::read_write},
      {zones->rings_zone_, rings_kind, RingTable::body_bytes(sizes.ring_bytes), page_bytes,
       Access::read_write},
      {zones->tickets_zone_, tickets_kind, sizeof(TicketsBody), sizeof(TicketsBody),
       Access::read_only},
      {zones->peers_zone_, peers_kind, PeerTable::body_bytes(sizes.peers),
       PeerTable::shared_bytes(sizes.peers), Access::read_write},
      {zones->sessions_zone_, sessions_kind, SessionTable::body_bytes(sizes.sessions),
       SessionTable::body_bytes(sizes.sessions), Access::read_write}};
  for (const Plan& plan : plans) {
    auto made = Zone::create(plan.kind, plan.body_bytes, plan.backed, instance, plan.for_children);
    if (!made) {
      log::line(log::Level::emerg, "zone \"{}\" ({} bytes) could not be made: {}", plan.kind.name,
                plan.backed + header_bytes, made.error().what);
      return made.error();
    }
    plan.zone = std::move(*made);
  }
  for (Fd* fd : {&zones->logger_wake_, &zones->housekeeper_wake_}) {
    auto made = make_wake();
    if (!made) return made.error();
    *fd = std::move(*made);
  }
  auto rings = RingTable::format(zones->rings_zone_, sizes.ring_bytes);
  if (!rings) return rings.error();
  zones->rings = *rings;
  zones->peers = PeerTable::format(zones->peers_zone_, sizes.peers);
  auto sessions = SessionTable::open(zones->sessions_zone_);
  if (!sessions) return sessions.error();
  zones->sessions = *sessions;
  zones->make_views();
  return zones;
}

Result<std::unique_ptr<const Zones>> Zones::attach(std::array<Fd, zone_count> fds) {
  std::unique_ptr<Zones> zones(new Zones);
  Zone* const order[] = {&zones->slots_zone_,   &zones->stats_zone_, &zones->rings_zone_,
                         &zones->tickets_zone_, &zones->peers_zone_, &zones->sessions_zone_};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    auto zone = Zone::attach(std::move(fds[i]), *zone_kinds[i], Access::read_only);
    if (!zone) return zone.error();
    *order[i] = std::move(*zone);
    if (order[i]->header().instance != order[0]->header().instance) {
      return Error{Side::self, "zones of different instances"};
    }
  }
  for (const auto& [zone, bytes] : {std::pair(&zones->slots_zone_, sizeof(SlotsBody)),
                                    std::pair(&zones->stats_zone_, sizeof(StatsBody)),
                                    std::pair(&zones->tickets_zone_, sizeof(TicketsBody))}) {
    if (zone->body().size() != bytes) return Error{Side::self, "zone of a wrong size"};
  }
  auto rings = RingTable::open(zones->rings_zone_);
  if (!rings) return rings.error();
  zones->rings = *rings;
  auto peers = PeerTable::open(zones->peers_zone_);
  if (!peers) return peers.error();
  zones->peers = *peers;
  auto sessions = SessionTable::open(zones->sessions_zone_);
  if (!sessions) return sessions.error();
  zones->sessions = *sessions;
  zones->make_views();
  return std::unique_ptr<const Zones>(std::move(zones));
}

void Zones::make_views() {
  slots = SlotTable(slots_zone_.get<SlotsBody>());
  stats = StatsTable(stats_zone_.get<StatsBody>());
  tickets = TicketKeys(tickets_zone_.get<TicketsBody>(),
                       tickets_zone_.has_owned() ? tickets_zone_.owned<TicketsBody>() : nullptr);
}

Result<SlotId> Zones::claim(Role role, std::uint64_t generation, std::int64_t now_ns) {
  const auto index = slots.find_free();
  if (!index) return Error{Side::self, "no free slot: 256 processes are alive or being cleaned"};
  const SlotId id{*index, slots.info(*index).id.incarnation + 1};
  if (id.incarnation == 1) {  // later owners find it backed, also when memory has become short
    if (auto backed = rings.back(*index); !backed) return backed.error();
  }
  stats.begin(id);
  if (role == Role::worker) {
    if (auto begun = peers.begin(peers_zone_, id); !begun) return begun.error();
  }
  const SlotId claimed = slots.claim(*index, role, generation, now_ns);
  assert(claimed == id);
  SHM_POINT(claim_done);
  return claimed;
}

void Zones::mark_dead(SlotId id) {
  if (slots.enter(id, SlotState::dead)) wake_housekeeper();
}

unsigned Zones::clean_dead(Belongings* others) {
  unsigned freed = 0;
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    const SlotInfo info = slots.info(i);
    if (info.state != SlotState::dead) continue;
    SHM_POINT(clean_before_fold);
    stats.fold(info.id);
    if (info.role == Role::worker) peers.wipe(i);
    if (others != nullptr) others->take_back(info.id);
    SHM_POINT(clean_folded);
    if (slots.enter(info.id, SlotState::free)) ++freed;
    SHM_POINT(clean_done);
  }
  return freed;
}

SipKey Zones::secret() const {
  SipKey key;
  const Id128& bytes = peers_zone_.header().hash_secret;
  std::memcpy(&key.low, bytes.data(), 8);
  std::memcpy(&key.high, bytes.data() + 8, 8);
  return key;
}

void Zones::wake_logger() const { wake(logger_wake_); }
void Zones::wake_housekeeper() const { wake(housekeeper_wake_); }

Zones::LogLosses Zones::log_losses() const {
  LogLosses losses;
  for (std::uint32_t i = 0; i < slot_count; ++i) {
    if (slots.info(i).id.incarnation == 0) continue;  // not backed by memory
    const RingReader ring(rings.ring(i));
    losses.damaged += ring.damaged();
    for (Stream stream = 0; stream < stream_count; ++stream) {
      losses.dropped += ring.dropped(stream);
      losses.lost += ring.lost(stream);
    }
  }
  return losses;
}

std::array<int, zone_count> Zones::fds() const {
  return {slots_zone_.fd(),   stats_zone_.fd(), rings_zone_.fd(),
          tickets_zone_.fd(), peers_zone_.fd(), sessions_zone_.fd()};
}

std::array<const Zone*, zone_count> Zones::all() const {
  return {&slots_zone_, &stats_zone_, &rings_zone_, &tickets_zone_, &peers_zone_, &sessions_zone_};
}

}  // namespace weir::shm
