// Transfer: what a store holds comes over into the one of another size that follows it at a reload,
// in pieces, while both serve. In the housekeeper.
//
// What comes over has the lowest number that there is, so all purges of the new store speak of it,
// those too that were there before it came: no rule is dropped until all has come, and a key that
// is removed is noted as a tag of its own. What is stored there already is newer, and stays.
//
// As long as an earlier generation serves it may remove in the old store what has come over from
// there. From that moment nothing that came is found, until all of it was compared with the old
// store again: workers see the removals of that one beside Control::compared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cache/eviction.h"
#include "cache/store.h"

namespace weir::cache {

class Transfer {
 public:
  // Where `to` follows another store, from the beginning or where a housekeeper that died left it.
  // Null: it does not, or that one went with its last generation, and what came from it with it.
  static std::unique_ptr<Transfer> into(std::string name, const std::shared_ptr<Store>& to);
  Transfer(std::string name, std::shared_ptr<Store> from, std::shared_ptr<Store> to);
  Transfer& operator=(Transfer&&) = delete;

  // `earlier_serve`: somebody of an earlier generation may still change the old store. True: there
  // is more to do at once.
  bool step(std::int64_t now_ms, bool earlier_serve);
  bool copies() const { return state_ == State::copying; }
  bool is_over() const { return state_ == State::over; }
  const Store& from() const { return *from_; }

 private:
  enum class State : std::uint8_t { copying, watching, comparing, over };
  enum class Outcome : std::uint8_t { came, passed_over, no_room, no_lock };

  bool bring_some(std::int64_t now_ms);
  Outcome bring(std::uint32_t number, std::int64_t now_ms);
  bool is_full() const;
  bool all_came(bool is_full);
  bool watch(bool earlier_serve);
  bool compare_some();
  void compare(std::uint32_t number);

  const std::string name_;
  const std::shared_ptr<Store> from_, to_;
  State state_ = State::copying;
  // The warmest come first: where the new store is smaller the others stay behind.
  unsigned warmth_ = Queues::warmest;
  std::uint32_t at_ = 0;                // place in the index that is gone through
  std::uint64_t compared_ = 0;          // removals there when the comparing began
  const std::uint64_t evicted_before_;  // of the new store, while it still had room
  std::uint64_t came_ = 0, bytes_ = 0;
};

}  // namespace weir::cache
