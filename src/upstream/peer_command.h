// PeerCommand: what an operator orders of one peer, `weirctl upstream ACTION GROUP PEER`. A plain
// value: parsed by the control protocol, carried by the master, obeyed by the housekeeper.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

struct PeerCommand {
  enum class Action : unsigned char { add, remove, weight, drain, disable, enable };
  static constexpr std::array<std::string_view, 6> action_names = {"add",   "remove",  "weight",
                                                                   "drain", "disable", "enable"};

  Action action{};
  std::string group, peer;
  std::uint16_t weight = 0;  // 0: not said
  bool backup = false;       // of add
  bool persist = false;      // over reloads and restarts
  bool operator==(const PeerCommand&) const = default;
};

}  // namespace weir
