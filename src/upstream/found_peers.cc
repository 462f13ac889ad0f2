#include "upstream/found_peers.h"

#include <algorithm>

#include "base/format.h"

namespace weir {

std::size_t put_in_order(FoundSet& set, std::size_t most) {
  const auto before = [](const FoundPeer& a, const FoundPeer& b) { return a.address < b.address; };
  const auto same = [](const FoundPeer& a, const FoundPeer& b) { return a.address == b.address; };
  std::stable_sort(set.begin(), set.end(), before);
  set.erase(std::unique(set.begin(), set.end(), same), set.end());
  if (set.size() <= most) return 0;
  const std::size_t over = set.size() - most;
  set.resize(most);
  return over;
}

std::string difference(const FoundSet& before, const FoundSet& after) {
  constexpr std::size_t shown_max = 8;
  std::string out;
  std::size_t changes = 0;
  const auto say = [&](char sign, const FoundPeer& peer) {
    if (++changes > shown_max) return;
    append_format(out, "{}{}{}", out.empty() ? "" : ", ", sign, peer.address);
  };
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (now == after.end() || (old != before.end() && old->address < now->address)) {
      say('-', *old++);
    } else if (old == before.end() || now->address < old->address) {
      say('+', *now++);
    } else {
      if (*old != *now) say('~', *now);
      ++old, ++now;
    }
  }
  if (changes > shown_max) {
    append_format(out, " and {} more", changes - shown_max);
  }
  return out;
}

}  // namespace weir
