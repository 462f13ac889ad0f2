// Ward: one peer in the care of the housekeeper: what its probes, its agent and the workers say of
// it becomes what stands in its cell. All that must outlive this process is in the cell alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/model.h"
#include "event/loop.h"
#include "shm/peers.h"
#include "upstream/ejection.h"
#include "upstream/health.h"
#include "upstream/prober.h"

namespace weir {

class Ward;

// Probes that could not be made for want of something of our own: descriptors, ports, memory. That
// concerns all peers at once, so it is said in one line for all of them, now and then.
class UnmadeProbes {
 public:
  static constexpr std::chrono::seconds said_every{10};

  void note(std::string_view why) {
    ++count_;
    why_ = why;
  }
  void tell(clock::Monotonic now);

 private:
  std::uint64_t count_ = 0;  // not told yet
  std::string why_;          // of the last one
  std::optional<clock::Monotonic> told_;
};

// One upstream of the configuration with the peers that it has now. Pinned.
struct CareGroup {
  CareGroup(const conf::UpstreamConf& upstream, tls::UpstreamContext* tls, BufferPool& buffers,
            UnmadeProbes& unmade_probes);
  CareGroup& operator=(CareGroup&&) = delete;
  ~CareGroup();

  bool is_checked() const { return health.has_value(); }

  const conf::UpstreamConf& conf;
  const std::uint64_t id;
  std::optional<ProbePlan> health, agent;
  UnmadeProbes& unmade;  // of all groups
  std::vector<std::unique_ptr<Ward>> wards;
};

class Ward {
 public:
  // `changed` is scheduled when workers must look again.
  Ward(Loop& loop, const CareGroup& group, shm::PeerCell& cell, std::uint32_t index,
       conf::PeerConf peer, bool is_static, Deferred& changed);
  Ward& operator=(Ward&&) = delete;  // pinned

  std::uint32_t index() const { return index_; }
  bool is_static() const { return static_; }

  // Goes on where a predecessor stopped. `delay`: what a first probe waits, so that not all begin
  // at once.
  void start(std::chrono::milliseconds delay);

  // Passive: takes in what workers counted since the last look, ends what has lasted long enough.
  void look();
  bool is_suspect();  // has failed often enough to be left out
  bool is_ejected() const;
  bool is_fit() const;
  void eject();
  void spare(const EjectionScene& scene);  // a suspect that must stay

 private:
  std::chrono::milliseconds health_probed(const ProbeResult& result);
  std::chrono::milliseconds agent_probed(const ProbeResult& result);
  void obey(const AgentReport& report);
  void tell(HealthChange change, shm::Health before, std::int64_t since_ns,
            const ProbeResult& result);
  void forget_health();
  void forget_agent();
  template <class Change>
  bool change_word(Change change);
  shm::PeerWord word() const;
  std::chrono::milliseconds interval() const;
  std::chrono::milliseconds first_delay(std::chrono::milliseconds delay) const;
  void keep_load(const shm::PeerLoad& load);

  const CareGroup& group_;
  shm::PeerCell& cell_;
  const std::uint32_t index_;
  const conf::PeerConf peer_;
  const std::string name_;
  const bool static_;
  Deferred& changed_;
  FailWindow window_;
  std::optional<Prober> health_, agent_;
  bool agent_answers_ = true;
  bool spared_ = false;
};

}  // namespace weir
