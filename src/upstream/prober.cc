#include "upstream/prober.h"

#include <algorithm>

namespace weir {

Prober::Prober(Loop& loop, const ProbePlan& plan, const Address& peer, std::string_view host,
               Ended ended, void* owner)
    : loop_(loop),
      plan_(plan),
      address_(plan.address_of(peer)),
      host_(host),
      field_(plan.host_of(peer, host)),
      ended_(ended),
      owner_(owner),
      timer_(
          loop, [](void* self) { static_cast<Prober*>(self)->begin(); }, this),
      random_(static_cast<std::minstd_rand::result_type>(
          peer.hash() ^ static_cast<std::size_t>(clock::now().time_since_epoch().count()))) {}

void Prober::start(std::chrono::milliseconds delay) { timer_.arm(delay); }

void Prober::begin() {
  assert(probe_ == nullptr);
  began_ = clock::now();
  probe_ = std::make_unique<Probe>(
      loop_, plan_, Probe::Target{address_, host_, field_},
      [](void* self, ProbeResult&& result) { static_cast<Prober*>(self)->probed(result); }, this);
  probe_->start();
}

void Prober::probed(const ProbeResult& result) {
  loop_.destroy_later(std::move(probe_));
  const auto interval = ended_(owner_, result);
  const auto spread = interval.count() * plan_.conf().jitter / 100;
  std::uniform_int_distribution<std::int64_t> jitter(-spread, spread);
  const auto due = began_ + interval + std::chrono::milliseconds(jitter(random_));
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(due - clock::now());
  timer_.arm(std::max(delay, std::chrono::milliseconds(0)));
}

}  // namespace weir
