// Stores: the stores of an instance, by name: which a generation of the configuration gets, and
// what has to be done for all of them.
//
// Lives in the master; children inherit it. A store whose sizes stay the same is kept over a reload
// with all that it holds; one whose sizes change begins empty beside the old one, which goes when
// the last generation that uses it has gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store.h"
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

  // Housekeeper. True: there is more to do.
  bool keep_house(std::int64_t now_ms);
  void take_back(shm::SlotId dead) override;

 private:
  struct Entry {
    std::string name;
    std::weak_ptr<Store> store;
    std::shared_ptr<Store> held{};  // in a child, for its whole life
  };
  std::vector<Entry> entries_;
};

}  // namespace weir::cache
