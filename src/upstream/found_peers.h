// FoundSet: what one source of a group's peers says is there, whole. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct FoundPeer {
  std::string address;       // as Address::to_string() writes it
  std::string host;          // for SNI and verification: a name, or the IP
  std::uint16_t weight = 0;  // 0: that of the line that found it
  bool backup = false;
  bool operator==(const FoundPeer&) const = default;
};

using FoundSet = std::vector<FoundPeer>;

// In the order of addresses, each once (the first mention counts), `most` at most. How many were
// left out for lack of room.
std::size_t put_in_order(FoundSet& set, std::size_t most);

// "+10.0.0.3:80, -10.0.0.1:80", with "and N more" where there are many; "~" for one whose weight or
// backup is another now. Both in order.
std::string difference(const FoundSet& before, const FoundSet& after);

}  // namespace weir
