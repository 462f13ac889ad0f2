// World: one worker with a fixed configuration, its clients and its origins; a program moves them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/model.h"
#include "event/loop.h"
#include "proxy/service.h"
#include "shm/zones.h"
#include "test/fuzz/proxy/kernel.h"
#include "test/fuzz/proxy/script.h"
#include "test/fuzz/proxy/stores.h"

namespace weir::fuzz {

// What lives as long as the process: making it takes longer than a run.
struct Ground {
  Ground();
  std::unique_ptr<conf::Config> config;
  std::unique_ptr<shm::Zones> zones;
  shm::SlotId slot;
  std::unique_ptr<BlankStores> stores;
};

// A line of the access log.
struct LogLine {
  std::uint64_t connection, request;
  unsigned status;
  std::uint64_t bytes;
};

class World {
 public:
  explicit World(Ground& ground);
  ~World();
  World& operator=(World&&) = delete;

  void run(std::string_view program);
  // Nobody does anything any more: what is open must end by its own time limits.
  void run_out();
  void judge() const;  // all that was said, by the rules

 private:
  static constexpr std::size_t clients_max = 6, ops_max = 300;
  static constexpr std::size_t bytes_max = std::size_t{8} << 20;

  void forget_peers();
  void step(const Op& op);
  void of_client(const Op& op);
  void of_origin(const Op& op);
  void of_worker(const Op& op);
  void of_others(const Op& op);
  Wire* client(unsigned slot);
  Wire* origin(unsigned place) const;
  void turn();
  void settle();
  void check_memory() const;
  void check_stores() const;
  std::uint64_t gauge(shm::Count shm::CounterRow::*member) const;
  std::vector<LogLine> take_log() const;

  Ground& ground_;
  Kernel kernel_;
  std::size_t memory_before_;
  std::uint64_t requests_before_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Service> service_;
  std::array<Wire*, clients_max> slots_{};
  std::size_t bytes_ = 0;
  unsigned purged_all_ = 0;  // the step
};

}  // namespace weir::fuzz
