// Membership: brings the cells of one group into line with who should be in it: the peers of the
// file, those that sources found, and what an operator ordered. Written so that it may be done
// again at any time: what is as it should be is not touched, so a new housekeeper changes nothing
// that the last one had right.
//
// Writes membership, order, weight, backup and line of a cell's word; health is not its business.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conf/model.h"
#include "shm/peers.h"
#include "upstream/found_peers.h"

namespace weir {

// What is ordered of a peer, by its address.
struct Ordered {
  shm::PeerOrders orders;
  std::string host;  // of an added one
};
using Orders = std::map<std::string, Ordered>;

// What stands behind a peer that the file does not name: the options of the line that found it.
// nullptr: no line of this configuration did.
const conf::PeerOptions* options_of_line(const conf::UpstreamConf& conf, std::uint8_t line);

// The part of a word that membership is; and a word with another such part.
shm::PeerWord membership_in(const shm::PeerWord& word);
shm::PeerWord with_membership(shm::PeerWord word, const shm::PeerWord& membership);

class Membership {
 public:
  Membership(const shm::PeerTable& table, const conf::UpstreamConf& conf)
      : table_(table), conf_(conf), id_(shm::group_id(conf.name)) {}

  static_assert(conf::discover_lines_max < shm::former_line);

  // One set for each `discover` line, in their order. `keep_former`: workers of earlier
  // generations live; members that the configuration names no more stay for them alone.
  struct Done {
    bool changed = false;
    std::size_t no_room = 0;  // peers for which there was no cell
  };
  Done apply(const std::vector<const FoundSet*>& found, const Orders& orders,
             std::uint32_t generation, bool keep_former, std::int64_t now_ns);

  // A cell for one that is about to be ordered; false: there is no room. Nobody's business while no
  // order follows: it is given back then.
  bool make_room(const std::string& address, const std::string& host, std::int64_t now_ns) const {
    return table_.claim({conf_.name, address, host}, now_ns).has_value();
  }

  // A comparison for each peer: whether all is still as apply() left it.
  bool stands() const;

  bool has(const std::string& address) const { return wanted_.count(address) != 0; }
  bool is_static(const std::string& address) const;
  bool is_found(const std::string& address) const;  // by a source

  // What the cells say, for a housekeeper that takes over: who was found by which line ...
  FoundSet members_of_line(std::uint8_t line) const;
  // ... and what was ordered in this generation.
  Orders orders_of(std::uint32_t generation) const;

 private:
  struct Wanted {
    std::string host;
    bool is_static = false;
    std::uint8_t line = 0;     // 0: no source
    std::uint16_t weight = 0;  // what the source says
    bool backup = false;
    shm::PeerOrders orders{};
  };
  struct Placed {
    std::uint32_t cell;
    std::uint64_t id, word;  // the bits that are ours
  };
  void want(const std::vector<const FoundSet*>& found, const Orders& orders,
            std::uint32_t generation);
  bool place(const std::string& address, const Wanted& wanted, std::int64_t now_ns, Done& done);
  bool dismiss(std::uint32_t index, bool keep_former);
  bool write(std::uint32_t index, const shm::PeerWord& ours, const shm::PeerOrders& orders);

  shm::PeerTable table_;
  const conf::UpstreamConf& conf_;
  std::uint64_t id_;
  std::map<std::string, Wanted> wanted_;
  std::vector<Placed> placed_;
  bool first_ = true;  // nothing was applied yet
};

}  // namespace weir
