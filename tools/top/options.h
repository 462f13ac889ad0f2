// What weir-top was asked to do.
#pragma once

#include <chrono>
#include <string>

#include "process/options.h"

namespace weir::top {

struct Options {
  enum class Action : unsigned char { screen, once, json, help, version };
  Action action = Action::screen;
  std::chrono::milliseconds interval{1000};
  std::string socket;         // empty: that of the instance
  std::string log;            // a file whose last lines are shown; empty: none
  process::Options instance;  // -c and -p
};

struct Parsed {
  Options options;
  std::string error;  // not empty: what is wrong with the arguments
};
Parsed parse_options(int argc, char* const* argv);
std::string usage();

}  // namespace weir::top
