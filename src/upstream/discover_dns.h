// DiscoverDns: peers by a name in the DNS: its A and AAAA records, or those of the targets of its
// SRV records. Asked again when the answer expires, after a failure ever more seldom.
//
// A question that fails while others of its round are answered costs nothing: what it brought last
// is taken again. A round in which nothing at all was found is a trouble.
#pragma once

#include <deque>
#include <map>

#include "upstream/discovery_source.h"
#include "upstream/resolver.h"

namespace weir {

class DiscoverDns final : public DiscoverySource, private Resolver::Owner {
 public:
  explicit DiscoverDns(const SourcePlace& place);

  void start() override;
  void look_again(std::chrono::milliseconds delay) override;

 private:
  using Question = Resolver::Question;
  struct Known {
    Resolver::State state = Resolver::State::failed;
    std::string why;
    std::vector<Address> addresses;
    std::chrono::seconds ttl{0};
  };

  void begin();
  void ask_more();
  void on_answer(const Question& question, Resolver::State state, const DnsAnswer& answer,
                 const std::string& why) override;
  void conclude();
  std::string collect(FoundSet& out);
  std::size_t add_peers_of(const DnsService& service, bool backup, FoundSet& out);
  void rest(bool well);

  SourcePlace place_;
  std::unique_ptr<Resolver> resolver_;  // while a round lasts
  Timer timer_;
  Deferred conclude_;
  std::deque<Question> waiting_;
  std::size_t asked_ = 0;             // not yet answered
  std::map<Question, Known> round_;   // what was said in this round
  std::map<Question, Known> before_;  // and in the last
  std::vector<DnsService> services_;  // whose addresses are wanted; one without SRV
  std::string srv_trouble_;           // why there are none
  std::chrono::seconds services_ttl_{0};
  std::chrono::milliseconds pause_{0};  // after the last failure
};

}  // namespace weir
