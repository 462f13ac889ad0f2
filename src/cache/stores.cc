#include "cache/stores.h"

#include <algorithm>

namespace weir::cache {

Result<std::shared_ptr<Store>> Stores::get(std::string_view name, const StoreSizes& sizes) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.store.expired(); });
  for (const Entry& entry : entries_) {
    auto store = entry.store.lock();
    if (entry.name == name && store->sizes() == sizes) return store;
  }
  auto made = Store::create(name, sizes);
  if (!made) return made.error();
  std::shared_ptr<Store> store = std::move(*made);
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
    if (auto store = entry.store.lock()) out.push_back({entry.name, std::move(store)});
  }
  return out;
}

bool Stores::keep_house(std::int64_t now_ms) {
  bool more = false;
  for (const Named& named : all()) more |= named.store->keep_house(now_ms);
  return more;
}

void Stores::take_back(shm::SlotId dead) {
  for (const Named& named : all()) named.store->clean_dead(dead);
}

}  // namespace weir::cache
