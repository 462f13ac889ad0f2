// ProxyApplication: the proxy as the process core's Application: TLS contexts are made before the
// fork, a proxy::Service runs in each worker.
#pragma once

#include "cache/stores.h"
#include "process/application.h"

namespace weir::process {

class ProxyApplication : public Application {
 public:
  std::unique_ptr<Blueprint> prepare(const conf::Config& config, conf::Inputs& inputs,
                                     shm::Zones* zones, Purpose purpose, std::string& why) override;
  WorkerBound worker_bound(const conf::Config& config, std::uint64_t files) const override;

 private:
  cache::Stores stores_;
};

}  // namespace weir::process
