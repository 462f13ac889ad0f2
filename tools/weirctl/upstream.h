// `weirctl upstream`: what its words mean, and the table that people read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "upstream/peer_command.h"

namespace weir::ctl {

struct UpstreamWords {
  bool lists = false;
  PeerCommand order;   // else
  std::string group;   // of list: this one alone; empty: all
  bool json = false;   // of list
  bool names = false;  // of list: names alone, for completion
  std::string error;   // what is wrong with the words; empty: nothing
};
// The words behind "upstream".
UpstreamWords parse_upstream(const std::vector<std::string_view>& words);

// Of the document that lists the peers. False: there is no such group, or it makes no sense.
bool print_upstreams(std::string_view document, const UpstreamWords& words, bool colours,
                     std::string& out);

}  // namespace weir::ctl
