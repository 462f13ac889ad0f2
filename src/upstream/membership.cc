#include "upstream/membership.h"

#include <unordered_set>

namespace weir {

const conf::PeerOptions* options_of_line(const conf::UpstreamConf& conf, std::uint8_t line) {
  if (line == 0 || line > conf.discover.size()) return nullptr;
  return &conf.discover[line - 1].options;
}

shm::PeerWord membership_in(const shm::PeerWord& word) {
  shm::PeerWord out;
  out.order = word.order;
  out.discovered = word.discovered;
  out.backup = word.backup;
  out.weight = word.weight;
  out.line = word.line;
  return out;
}

shm::PeerWord with_membership(shm::PeerWord word, const shm::PeerWord& membership) {
  word.order = membership.order;
  word.discovered = membership.discovered;
  word.backup = membership.backup;
  word.weight = membership.weight;
  word.line = membership.line;
  return word;
}

void Membership::want(const std::vector<const FoundSet*>& found, const Orders& orders,
                      std::uint32_t generation) {
  wanted_.clear();
  for (const conf::PeerConf& peer : conf_.peers) {
    wanted_.emplace(peer.address.to_string(), Wanted{.host = peer.host, .is_static = true});
  }
  for (std::size_t line = 0; line < found.size(); ++line) {
    for (const FoundPeer& peer : *found[line]) {
      Wanted& it = wanted_.emplace(peer.address, Wanted{.host = peer.host}).first->second;
      if (it.line != 0) continue;  // an earlier line has it
      it.line = static_cast<std::uint8_t>(line + 1);
      it.weight = peer.weight;
      it.backup = peer.backup;
    }
  }
  for (const auto& [address, ordered] : orders) {
    auto it = wanted_.find(address);
    if (it == wanted_.end()) {
      if (!ordered.orders.added) continue;  // of a peer that is not there just now
      it = wanted_.emplace(address, Wanted{.host = ordered.host}).first;
      it->second.backup = ordered.orders.backup;
    }
    it->second.orders = ordered.orders;
    it->second.orders.generation = generation;
  }
}

Membership::Done Membership::apply(const std::vector<const FoundSet*>& found, const Orders& orders,
                                   std::uint32_t generation, bool keep_former,
                                   std::int64_t now_ns) {
  Done done;
  want(found, orders, generation);
  placed_.clear();
  std::unordered_set<std::uint64_t> ids;
  for (const auto& [address, wanted] : wanted_) {
    ids.insert(shm::PeerName{conf_.name, address, {}}.id());
  }
  // Those that go make room first.
  for (std::uint32_t i = 0; i < table_.capacity(); ++i) {
    if (table_.cell(i).group.load(std::memory_order_acquire) != id_) continue;
    if (ids.count(table_.cell(i).id.load(std::memory_order_acquire)) != 0) continue;
    done.changed |= dismiss(i, keep_former);
  }
  for (const auto& [address, wanted] : wanted_) {
    done.changed |= place(address, wanted, now_ns, done);
  }
  first_ = false;
  if (done.changed) table_.bump();
  return done;
}

// Only who took over at a reload marks members as former: what leaves later leaves for all.
bool Membership::dismiss(std::uint32_t index, bool keep_former) {
  const auto now =
      membership_in(shm::PeerWord::unpack(table_.cell(index).word.load(std::memory_order_relaxed)));
  const bool is_former = now.line == shm::former_line;
  if (keep_former && (is_former || (first_ && !now.discovered))) return false;
  shm::PeerWord ours{};
  if (keep_former && first_) {
    ours = now;
    ours.line = shm::former_line;
  }
  return write(index, ours, {});
}

bool Membership::place(const std::string& address, const Wanted& wanted, std::int64_t now_ns,
                       Done& done) {
  const bool added = wanted.orders.added;
  const bool found = wanted.line != 0;
  shm::PeerWord ours;
  ours.order = wanted.orders.order;
  if (found || added) ours.discovered = true;
  ours.line = wanted.line;
  // The file's word on its own peers counts before a source's, an operator's before both.
  ours.weight = wanted.orders.weight;
  if (!wanted.is_static) {
    if (ours.weight == 0) ours.weight = wanted.weight;
    ours.backup = wanted.backup;
  }
  const shm::PeerName name{conf_.name, address, wanted.host};
  auto index = table_.find(name.id());
  if (!index) {
    // A peer of the file of which nothing is ordered gets its cell from the workers.
    if (!ours.discovered && wanted.orders == shm::PeerOrders{}) return false;
    index = table_.claim(name, now_ns);
  }
  if (!index) {
    ++done.no_room;
    return false;
  }
  placed_.push_back({*index, name.id(), ours.pack()});
  return write(*index, ours, wanted.orders);
}

bool Membership::write(std::uint32_t index, const shm::PeerWord& ours,
                       const shm::PeerOrders& orders) {
  shm::PeerCell& cell = table_.cell(index);
  if (cell.orders.load(std::memory_order_relaxed) != orders.pack()) {
    cell.orders.store(orders.pack(), std::memory_order_relaxed);
  }
  const auto now = shm::PeerWord::unpack(cell.word.load(std::memory_order_relaxed));
  if (membership_in(now) == ours) return false;
  cell.word.store(with_membership(now, ours).pack(), std::memory_order_release);
  return true;
}

bool Membership::stands() const {
  for (const Placed& placed : placed_) {
    const shm::PeerCell& cell = table_.cell(placed.cell);
    if (cell.id.load(std::memory_order_acquire) != placed.id) return false;
    const auto word = shm::PeerWord::unpack(cell.word.load(std::memory_order_relaxed));
    if (membership_in(word).pack() != placed.word) return false;
  }
  return true;
}

bool Membership::is_static(const std::string& address) const {
  const auto it = wanted_.find(address);
  return it != wanted_.end() && it->second.is_static;
}

bool Membership::is_found(const std::string& address) const {
  const auto it = wanted_.find(address);
  return it != wanted_.end() && it->second.line != 0;
}

FoundSet Membership::members_of_line(std::uint8_t line) const {
  FoundSet out;
  for (std::uint32_t i = 0; i < table_.capacity(); ++i) {
    if (table_.cell(i).group.load(std::memory_order_acquire) != id_) continue;
    const shm::PeerInfo info = table_.info(i);
    if (!info.word.discovered || info.word.line != line) continue;
    const auto ordered =
        shm::PeerOrders::unpack(table_.cell(i).orders.load(std::memory_order_relaxed));
    const std::uint16_t weight = ordered.weight != 0 ? std::uint16_t{0} : info.word.weight;
    out.push_back({info.address, info.host, weight, info.word.backup});
  }
  put_in_order(out, table_.capacity());
  return out;
}

Orders Membership::orders_of(std::uint32_t generation) const {
  Orders out;
  for (std::uint32_t i = 0; i < table_.capacity(); ++i) {
    const shm::PeerCell& cell = table_.cell(i);
    if (cell.group.load(std::memory_order_acquire) != id_) continue;
    const auto orders = shm::PeerOrders::unpack(cell.orders.load(std::memory_order_relaxed));
    if (orders.generation != generation || generation == 0) continue;
    const shm::PeerInfo info = table_.info(i);
    out.emplace(info.address, Ordered{orders, info.host});
  }
  return out;
}

}  // namespace weir
