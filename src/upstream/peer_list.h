// PeerList: the peers of a group as text, for discover = file. Two forms, told apart by how they
// begin:
//
//   # one address a line                        [ "10.0.0.1:80",
//   10.0.0.1:80 weight=2                          {"address": "10.0.0.2:80", "weight": 2,
//   [2001:db8::1]:80 backup                        "backup": true} ]
//
// Strict: one wrong line and there is no set. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "upstream/found_peers.h"

namespace weir {

struct PeerList {
  FoundSet peers;        // as they stand there
  std::string error;     // empty: all is well
  std::size_t line = 0;  // of the error, from 1
};
// `default_port`: of addresses that have none; 0: they must have one.
PeerList parse_peer_list(std::string_view text, std::uint16_t default_port, std::size_t peers_max);

}  // namespace weir
