#include "cache/stores.h"

#include <algorithm>

namespace weir::cache {

Result<std::shared_ptr<Store>> Stores::get(std::string_view name, const StoreSizes& sizes) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.store.expired(); });
  // The newest only: what an older one holds was not told of purges since.
  const auto newest = std::find_if(entries_.rbegin(), entries_.rend(),
                                   [&](const Entry& entry) { return entry.name == name; });
  std::shared_ptr<Store> before = newest != entries_.rend() ? newest->store.lock() : nullptr;
  if (before != nullptr && before->sizes() == sizes) return before;
  auto made = Store::create(name, sizes);
  if (!made) return made.error();
  std::shared_ptr<Store> store = std::move(*made);
  // What has a disk finds all of it there.
  if (!sizes.disk_path.empty()) before = nullptr;
  if (before != nullptr) store->follow(before);
  entries_.push_back({std::string(name), store});
  return store;
}

void Stores::enter(shm::SlotId self) {
  for (Entry& entry : entries_) {
    entry.held = entry.store.lock();
    if (entry.held != nullptr) entry.held->enter(self);
  }
}

std::vector<Stores::Named> Stores::all() const {
  std::vector<Named> out;
  for (const Entry& entry : entries_) {
    if (auto store = entry.store.lock(); store != nullptr && !entry.is_over)
      out.push_back({entry.name, std::move(store)});
  }
  return out;
}

void Stores::begin_transfers() {
  for (const Entry& entry : entries_) {
    if (entry.held == nullptr) continue;
    if (auto transfer = Transfer::into(entry.name, entry.held))
      transfers_.push_back(std::move(transfer));
  }
}

bool Stores::keep_house(std::int64_t now_ms, bool earlier_serve) {
  bool more = false;
  for (const Named& named : all()) more |= named.store->keep_house(now_ms);
  // In order: what came into the second from the first goes on into the third.
  for (const auto& transfer : transfers_) {
    more |= transfer->step(now_ms, earlier_serve);
    if (transfer->is_over()) forget(transfer->from());
    if (transfer->copies()) break;
  }
  std::erase_if(transfers_, [](const auto& transfer) { return transfer->is_over(); });
  return more;
}

void Stores::forget(const Store& store) {
  for (Entry& entry : entries_) entry.is_over |= entry.held.get() == &store;
}

void Stores::take_back(shm::SlotId dead) {
  for (const Named& named : all()) named.store->clean_dead(dead);
}

}  // namespace weir::cache
