// Discovery: who is a member of which group, besides the file's own peers. Run by the working
// housekeeper: sources say what they see, the acceptance decides whether it is believed, membership
// puts it into the cells that workers read; what was believed is saved for a cold start. Orders of
// an operator (weirctl upstream) come in here too.
//
//   source -> acceptance -> saved file -> membership -> cells -> workers
//
// What is saved is written before the cells are: after a death in between, the successor goes on
// from the newer of the two.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/model.h"
#include "event/loop.h"
#include "event/timer.h"
#include "shm/zones.h"
#include "upstream/acceptance.h"
#include "upstream/discovery_source.h"
#include "upstream/member_store.h"
#include "upstream/membership.h"
#include "upstream/peer_command.h"

namespace weir {

class Discovery final : private DiscoverySource::Owner {
 public:
  // `config` outlives it. `generation`: of the configuration; orders of others are void.
  Discovery(Loop& loop, const conf::Config& config, shm::Zones& zones, std::uint64_t generation);
  ~Discovery();
  Discovery& operator=(Discovery&&) = delete;

  void start();  // once; from here on the cells are ours

  struct Obeyed {
    bool ok = false;
    std::string text;  // what was done, or why not
  };
  Obeyed obey(const PeerCommand& command);

 private:
  struct Source {
    const conf::DiscoverConf* conf;
    Acceptance acceptance;
    std::unique_ptr<DiscoverySource> source;
    bool said_over = false;  // that its set has more peers than there is room for
  };
  struct Group {
    Group(const shm::PeerTable& table, const conf::UpstreamConf& from)
        : conf(from), membership(table, from) {}
    const conf::UpstreamConf& conf;
    Membership membership;
    std::vector<Source> sources;
    Orders orders, kept;  // in force; over reloads
    bool said_no_room = false;
  };

  void on_found(DiscoverySource& source, FoundSet set) override;
  void on_trouble(DiscoverySource& source, const std::string& why) override;
  void say(const Group& group, const Source& source, const Acceptance::Outcome& outcome);
  std::pair<Group*, Source*> find(const DiscoverySource& source);
  void adopt(Group& group, const Saved& saved);
  void apply(Group& group);
  void look_after();
  void dismiss_strangers();
  bool earlier_workers_live() const;
  std::string save(bool on_disk);

  Obeyed order(Group& group, const PeerCommand& command, const std::string& address,
               const std::string& host);
  void change(const Group& group, const PeerCommand& command, const std::string& address,
              const std::string& host, Orders& orders) const;

  Loop& loop_;
  const conf::Config& config_;
  shm::Zones& zones_;
  std::uint64_t generation_;
  MemberStore store_;
  std::vector<std::unique_ptr<Group>> groups_;
  Timer timer_;
  bool save_failed_ = false;
};

}  // namespace weir
