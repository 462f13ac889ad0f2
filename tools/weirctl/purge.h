// `weirctl purge`: its words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "process/purge_command.h"

namespace weir::ctl {

struct PurgeWords {
  std::string error;  // not empty: what is wrong with the words
  process::PurgeCommand command;
};
PurgeWords parse_purge(const std::vector<std::string_view>& words);  // those behind "purge"

}  // namespace weir::ctl
