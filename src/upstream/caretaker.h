// Caretaker: looks after all peers for all workers: probes them, counts the failures that workers
// report, leaves out who fails, gives back cells that nobody needs. In the housekeeper that works,
// from when it begins until it yields; what it knows stands in the cells, where its successor finds
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "conf/model.h"
#include "event/loop.h"
#include "event/timer.h"
#include "shm/peers.h"
#include "upstream/ward.h"

namespace weir {

namespace tls {
class Contexts;
}

class Caretaker {
 public:
  // `contexts` may be null where no upstream has `ssl = on`. All outlive this.
  Caretaker(Loop& loop, const conf::Config& config, const tls::Contexts* contexts,
            const shm::PeerTable& table);
  ~Caretaker();
  Caretaker& operator=(Caretaker&&) = delete;

  // A worker has something to tell. Called often, looks seldom enough.
  void woken();

 private:
  void tick();
  void look();
  void look_at(CareGroup& group);
  void take_static(CareGroup& group);
  void take_discovered();
  void add(CareGroup& group, std::uint32_t index, const conf::PeerConf& peer, bool is_static);
  void give_back_cells();

  Loop& loop_;
  const shm::PeerTable& table_;
  BufferPool buffers_;
  UnmadeProbes unmade_probes_;
  Deferred changed_;
  std::vector<std::unique_ptr<CareGroup>> groups_;
  Timer tick_timer_, look_timer_;
  clock::Monotonic looked_{}, given_back_{};
  std::uint64_t epoch_ = 0;
  std::size_t starts_ = 0;  // first probes that were begun together
};

}  // namespace weir
