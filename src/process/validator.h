// Validator: a short-lived child that reads a configuration from disk and DNS and says whether it
// holds. What it read comes back as a snapshot, from which the master loads again: the privileged
// process never waits for DNS, never trusts the child's judgement, and sees the very same bytes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "conf/load.h"
#include "os/fd.h"
#include "process/application.h"
#include "process/poller.h"

namespace weir::process {

class Validator {
 public:
  static constexpr std::chrono::seconds time_limit{10};

  struct Verdict {
    bool ok = false;
    std::string snapshot;  // serialised Inputs, when ok
    std::string report;    // for people: errors, or warnings when ok
  };
  // What a snapshot means, read in this process.
  struct Reading {
    std::unique_ptr<conf::Inputs> inputs;  // outlives the configuration
    std::unique_ptr<conf::Config> config;
  };
  // `why`: what is wrong, when there is no configuration.
  static Reading read(const std::string& snapshot, const conf::LoadOptions& options,
                      std::string& why);

  using Done = std::function<void(Verdict)>;

  Validator(Poller& poller, Application& application)
      : poller_(poller), application_(application) {}
  ~Validator() { cancel(); }
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;

  // `done` is called from the poller, once, after the child has gone. One at a time. False: it
  // could not be started, `done` will not be called.
  bool start(const conf::LoadOptions& options, Done done);
  void cancel();  // `done` will not be called

 private:
  void finished();
  void too_late();

  Poller& poller_;
  Application& application_;
  Done done_;
  Fd pidfd_, snapshot_, report_;
  Poller::TimerId timer_ = 0;
  bool timed_out_ = false;
};

// Load and prove in this process: -t, and what the child does. Diagnostics go to `report`.
std::unique_ptr<conf::Config> prove(conf::Inputs& inputs, const conf::LoadOptions& options,
                                    Application& application, std::string& report);

}  // namespace weir::process
