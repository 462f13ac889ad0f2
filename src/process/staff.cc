#include "process/staff.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cache/stores.h"
#include "os/folder.h"
#include "process/cache_keeper.h"
#include "process/compressor.h"
#include "process/housekeeper.h"
#include "process/logger.h"
#include "process/worker.h"
#include "upstream/member_store.h"

namespace weir::process {

SpawnPlan Staff::plan_for(const Generation& generation, shm::Role role, std::string title) const {
  SpawnPlan plan;
  plan.role = role;
  plan.generation = generation.number;
  plan.title = std::move(title);
  plan.error_log_fd = instance_.logs.error_log_fd();
  plan.detached = instance_.detached;
  plan.log_level = generation.config->main.error_log->level;
  plan.identity = generation.identity ? &*generation.identity : nullptr;
  plan.keep = {instance_.zones.logger_wake_fd(), instance_.zones.housekeeper_wake_fd()};
  if (const cache::Stores* const stores = generation.blueprint->stores(); stores != nullptr) {
    for (const cache::Stores::Named& named : stores->all()) {
      const std::vector<int> wakes = named.store->wake_fds();
      plan.keep.insert(plan.keep.end(), wakes.begin(), wakes.end());
    }
  }
  return plan;
}

Child* Staff::start_worker(const Generation& generation, unsigned index, std::string& why) {
  const auto& main = generation.config->main;
  SpawnPlan plan = plan_for(generation, shm::Role::worker,
                            fmt::format("worker {}, generation {}", index, generation.number));
  plan.index = index;
  if (*main.worker_cpu_affinity == conf::Affinity::automatic) plan.cpu = static_cast<int>(index);
  plan.fd_limit = main.worker_rlimit_nofile->automatic() ? ~std::uint64_t{0} >> 1
                                                         : main.worker_rlimit_nofile->count;
  WorkerPlan worker{generation, instance_.zones,
                    instance_.listeners.shards_of(generation.listens, index, generation.workers)};
  for (const auto& shard : worker.shards) plan.keep.push_back(shard.fd);
  plan.body = [worker = std::move(worker)](ChildSide& side) { return run_worker(worker, side); };
  return instance_.children.spawn(std::move(plan), why);
}

Child* Staff::start_housekeeper(const Generation& generation, std::string& why) {
  SpawnPlan plan = plan_for(generation, shm::Role::housekeeper,
                            fmt::format("housekeeper, generation {}", generation.number));
  plan.fd_limit = ~std::uint64_t{0} >> 1;  // a probe of each peer at one time
  // Its own folder: that of state_path is the master's. What can't be made is found out, and said,
  // when something is to be saved there.
  const auto& config = *generation.config;
  if (!config.upstreams.empty()) {
    const std::string folder = MemberStore::folder_in(config.main.state_path->path);
    make_folder_of(folder);
    make_private_folder(folder, generation.identity ? generation.identity->uid : ::geteuid(),
                        generation.identity ? generation.identity->gid : ::getegid());
  }
  HousekeeperPlan keeper{generation, instance_.zones,
                         instance_.admin_listeners.all_of(generation.admin_listens),
                         instance_.children.count(shm::Role::housekeeper) == 0};
  for (const auto& shard : keeper.admin) plan.keep.push_back(shard.fd);
  plan.body = [keeper = std::move(keeper)](ChildSide& side) {
    return run_housekeeper(keeper, side);
  };
  return instance_.children.spawn(std::move(plan), why);
}

Child* Staff::start_cache_keeper(const Generation& generation, std::string& why) {
  SpawnPlan plan = plan_for(generation, shm::Role::cache_keeper,
                            fmt::format("cache keeper, generation {}", generation.number));
  CacheKeeperPlan keeper{generation, instance_.zones};
  plan.body = [keeper](ChildSide& side) { return run_cache_keeper(keeper, side); };
  return instance_.children.spawn(std::move(plan), why);
}

Child* Staff::start_compressor(const Generation& generation, std::string& why) {
  SpawnPlan plan = plan_for(generation, shm::Role::compressor,
                            fmt::format("compressor, generation {}", generation.number));
  CompressorPlan compressor{generation, instance_.zones};
  plan.body = [compressor](ChildSide& side) { return run_compressor(compressor, side); };
  return instance_.children.spawn(std::move(plan), why);
}

Child* Staff::start_logger(const Generation& generation, std::string& why) {
  SpawnPlan plan = plan_for(generation, shm::Role::logger, "logger");
  plan.generation = 0;  // it is the instance's: no generation ends with it or takes it along
  LoggerPlan logger{instance_.zones, instance_.logs.files()};
  for (const auto& file : logger.files) plan.keep.push_back(file.fd);
  plan.body = [logger = std::move(logger)](ChildSide& side) { return run_logger(logger, side); };
  return instance_.children.spawn(std::move(plan), why);
}

void Staff::hand_over_logs() {
  Message message;
  for (Child* logger : instance_.children.of_role(shm::Role::logger)) {
    message.kind = Message::Kind::log_file;
    for (const auto& file : instance_.logs.files()) {
      message.index = file.stream;
      logger->channel.send(message, {file.fd});
    }
  }
  message = {};
  message.kind = Message::Kind::error_log;
  for (Child* child : instance_.children.all()) {
    child->channel.send(message, {instance_.logs.error_log_fd()});
  }
}

}  // namespace weir::process
