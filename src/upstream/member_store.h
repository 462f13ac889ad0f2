// MemberStore: what outlives the instance of its peers: the last set of each source that was
// believed, and the orders that an operator wants kept. One file of JSON below state_path, replaced
// as a whole by renaming; a file that makes no sense counts as none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shm/peers.h"
#include "upstream/found_peers.h"

namespace weir {

struct SavedSet {
  std::string group, source;  // source_name()
  FoundSet peers;
  bool operator==(const SavedSet&) const = default;
};

struct KeptOrder {
  std::string group, address, host;  // host: of an added peer
  shm::PeerOrders orders;            // of no generation
  bool operator==(const KeptOrder&) const = default;
};

struct Saved {
  std::vector<SavedSet> sets;
  std::vector<KeptOrder> orders;
  bool operator==(const Saved&) const = default;
};

std::string print_saved(const Saved& saved);
// False: not a text of print_saved(). Trusts nothing in it.
bool parse_saved(std::string_view text, Saved& out);

class MemberStore {
 public:
  // `folder`: that of the housekeeper below state_path.
  explicit MemberStore(std::string folder) : path_(std::move(folder) + "/peers.json") {}

  const std::string& path() const { return path_; }
  // An empty text: done. A file that is not there is an empty Saved.
  std::string read(Saved& out) const;
  // `on_disk`: returns when it would survive the loss of power.
  std::string write(const Saved& saved, bool on_disk) const;

  static std::string folder_in(std::string_view state_path);

 private:
  std::string path_;
};

}  // namespace weir
