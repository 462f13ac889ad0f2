// Answerer: the smallest Application there is: answers every request head with its pid, so that the
// process core can be tortured without the proxy. "GET /hang" never answers and never returns,
// "GET /crash" dies of a null pointer.
#pragma once

#include <memory>

#include "process/application.h"

namespace weir::test {

class Answerer : public process::Application {
 public:
  std::unique_ptr<process::Blueprint> prepare(const conf::Config& config, conf::Inputs& inputs,
                                              shm::Zones* zones, process::Purpose purpose,
                                              std::string& why) override;
};

}  // namespace weir::test
