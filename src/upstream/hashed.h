// Hashed: the peer that a key belongs to on the ring; where that one may not be chosen, the next
// one on the ring, and so on: keys of a peer that is away spread over all others. hash and ip_hash
// differ in the key alone (proxy/balance_key.h).
//
// Bounded load (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads"): a peer
// that has more than so many percent of the mean of requests in flight, by weight, is passed over
// too. So a few keys that everybody wants can't bury the peer that they belong to, nor can a client
// that chooses its keys to meet at one: the hash is no secret.
#pragma once

#include <cstdint>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/loads.h"
#include "upstream/ring.h"

namespace weir {

class Hashed final : public Balancer {
 public:
  explicit Hashed(std::uint32_t bounded_load_percent) : bounded_load_(bounded_load_percent) {}

  // How old the sum of what all have in flight may be; that of the peer in question is exact.
  static constexpr std::chrono::milliseconds total_after{10};

  void renew(const Roster& roster) override;
  std::size_t pick(const Choice& choice) override;

 private:
  bool has_bounded_load(const Choice& choice, std::size_t index);
  std::size_t walk(const Choice& choice, std::size_t point, bool bounded);

  std::uint32_t bounded_load_;  // percent; 0: no bound
  Ring ring_;
  Loads loads_;
  std::uint64_t weights_ = 0;  // their sum
  std::uint64_t picked_ = 0;   // since loads_ were added up, with this one
  double per_weight_ = 0;      // what a peer may have in flight at this pick, for its weight
  std::vector<std::uint64_t> refused_;  // of one walk: a bit for each peer
};

}  // namespace weir
