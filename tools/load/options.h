// What weir-load was asked to do.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tools/load/target.h"

namespace weir::load {

using StatusSet = std::bitset<1000>;
Result<StatusSet> parse_statuses(std::string_view text);  // "2xx,304,500-503"

struct Options {
  enum class Action : unsigned char { load, help, version };
  Action action = Action::load;

  std::string url = "https://localhost:8443/test";
  Target target;
  bool quick_start =
      true;  // no URL was given: the quick start's request, to what `make run` starts
  std::string method;
  std::vector<std::pair<std::string, std::string>> fields;  // beyond Host and the framing
  std::string body;

  bool open_loop = true;
  double rps = 10;                            // open loop
  std::chrono::milliseconds duration{0};      // 0: until `requests` are done
  std::uint64_t requests = 0;                 // 0: until `duration` is over
  unsigned connections = 0;                   // open loop: 0 is as many as needed
  unsigned connections_max = 1000;            // open loop
  std::chrono::milliseconds timeout{10'000};  // of a request, from when it was meant to start
  unsigned workers = 1;
  bool keepalive = true;

  bool insecure = false;
  bool tls_resume = false;
  std::string trusted_file;  // empty: what the machine trusts

  StatusSet expected;
  double failed_percent_max = 0;
  bool json = false;
};

struct Parsed {
  Options options;
  std::string error;  // not empty: what is wrong with the arguments
};
Parsed parse_options(int argc, char* const* argv);
std::string usage();

}  // namespace weir::load
