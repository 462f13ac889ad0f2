// Lists of peers as discover = file reads them, and what is saved of them.
#include "upstream/peer_list.h"

#include <string>

#include "os/address.h"
#include "test/fuzz/fuzz.h"
#include "upstream/member_store.h"

namespace weir::fuzz {
namespace {

void run_peer_list(std::string_view text) {
  constexpr std::size_t peers_max = 64;
  const PeerList list = parse_peer_list(text, 80, peers_max);
  check(list.peers.size() <= peers_max);
  check(list.error.size() < 1000);
  if (!list.error.empty()) check(list.line >= 1);
  FoundSet set = list.peers;
  put_in_order(set, peers_max);
  for (const FoundPeer& peer : set) {
    const auto address = Address::parse(peer.address);
    check(address && address->to_string() == peer.address);
  }
  // What was believed is saved, and read again the same.
  const Saved saved{{{"group", "source", set}}, {}};
  Saved again;
  check(parse_saved(print_saved(saved), again));
  check(again == saved || set.empty());
  Saved any;
  if (parse_saved(text, any)) {
    Saved same;
    check(parse_saved(print_saved(any), same));
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(peer_list) {
  if (input.size() <= 65536) weir::fuzz::run_peer_list(input);
}
