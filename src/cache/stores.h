// Stores: the stores of an instance, by name: which a generation of the configuration gets, and
// what has to be done for all of them.
//
// Lives in the master; children inherit it. A store whose sizes stay the same is kept over a reload
// with all that it holds. Where they change there are two: what the old one holds comes over (see
// Transfer), and it goes when the last generation that uses it has gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store.h"
#include "cache/transfer.h"
#include "shm/zones.h"

namespace weir::cache {

class Stores final : public shm::Belongings {
 public:
  Stores() = default;
  Stores& operator=(Stores&&) = delete;

  // Master: the store of that name and these sizes, made now if there is none.
  Result<std::shared_ptr<Store>> get(std::string_view name, const StoreSizes& sizes);

  // In a child, after fork: all of them.
  void enter(shm::SlotId self);

  struct Named {
    std::string_view name;
    std::shared_ptr<Store> store;
  };
  std::vector<Named> all() const;  // that anybody may still use

  // Housekeeper, after enter(). Then again and again; `earlier_serve`: workers of an earlier
  // generation are there. True: there is more to do at once.
  void begin_transfers();
  bool transfers() const { return !transfers_.empty(); }
  bool keep_house(std::int64_t now_ms, bool earlier_serve);
  void take_back(shm::SlotId dead) override;

 private:
  struct Entry {
    std::string name;
    std::weak_ptr<Store> store;
    std::shared_ptr<Store> held{};  // in a child, for its whole life
    bool is_over = false;           // nobody uses it any more
  };
  void forget(const Store& store);
  std::vector<Entry> entries_;  // in the order they were made
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

}  // namespace weir::cache
