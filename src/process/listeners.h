// Listeners: the listening sockets, owned by the master for its whole life.
//
// An address has S shards (SO_REUSEPORT), S being the most workers there ever were; none is closed
// while the address is configured, so no queued connection is ever reset. Worker w of W polls the
// shards k with k mod W = w. With more shards than workers a program in the kernel spreads new
// connections over the first W, and what is queued in the others is still polled. A Unix socket has
// one shard, polled by every worker.
//
//   prepare (bind) -> commit (listen: joins the group) -> ... -> forget_removed (close)
//                 \-> rollback (close what was only bound)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/model.h"
#include "os/address.h"
#include "os/fd.h"
#include "os/socket.h"

namespace weir::process {

using WantedListens = std::vector<const conf::ListenConf*>;  // one per address

// The addresses that the servers of a configuration listen on, each once, in the order of the file.
WantedListens listens_of(const conf::Config& config);
WantedListens admin_listens_of(const conf::Config& config);  // of [admin], TCP only

class Listeners {
 public:
  // An empty text: done. Else why not ("bind() to 0.0.0.0:80 failed (98: Address already in use)"),
  // and nothing has changed.
  std::string prepare(const WantedListens& wanted, unsigned workers);
  std::string commit();
  void rollback();
  bool was_denied() const { return denied_; }  // the last failure was a lack of rights

  bool preparing() const;  // between prepare() and commit() or rollback()

  // Addresses that the last commit took out of use; they go on listening until forget_removed(),
  // which must wait while preparing(): the next configuration may want them again.
  std::vector<Address> removed() const;
  void forget_removed();

  struct Shard {
    const conf::ListenConf* listen;  // of `wanted`
    std::uint32_t listener;          // index in `wanted`
    std::uint32_t shard;
    int fd;
  };
  // What worker `worker` of `workers` polls: committed and, during a start, prepared sockets.
  std::vector<Shard> shards_of(const WantedListens& wanted, unsigned worker,
                               unsigned workers) const;
  std::vector<Shard> all_of(const WantedListens& wanted) const;
  std::size_t socket_count() const;
  void unlink_unix_sockets();  // at the end of the instance

 private:
  struct Group {
    Address address;
    std::vector<Fd> shards;                  // listening, in the order of listen()
    std::vector<Fd> pending;                 // bound
    UnixListener unix_pending;               // of a Unix address
    const conf::ListenConf* next = nullptr;  // what the prepared configuration says
    bool fresh = false;                      // made by prepare(), not committed yet
    bool in_use = false;                     // of the committed configuration
    std::size_t committed = 0;               // shards in service
  };
  Group* find(const Address& address);
  std::string bind_missing(Group& group, unsigned workers);
  std::string listen_pending(Group& group);
  void steer(Group& group);

  std::vector<Group> groups_;
  unsigned workers_ = 0;  // of the prepared configuration
  bool denied_ = false;
};

}  // namespace weir::process
