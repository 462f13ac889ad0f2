#include "upstream/discover_dns.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t asked_at_once = 16;
constexpr milliseconds pause_most{30'000};  // between rounds that fail

}  // namespace

DiscoverDns::DiscoverDns(const SourcePlace& place)
    : place_(place),
      timer_(
          place.loop, [](void* self) { static_cast<DiscoverDns*>(self)->begin(); }, this),
      conclude_(
          place.loop, [](void* self) { static_cast<DiscoverDns*>(self)->conclude(); }, this) {}

void DiscoverDns::start() { timer_.arm(milliseconds(0)); }

void DiscoverDns::look_again(milliseconds delay) { timer_.arm(delay); }

void DiscoverDns::begin() {
  if (resolver_ != nullptr) return;  // one is on its way
  const conf::DiscoverConf& conf = place_.conf;
  before_ = std::move(round_);
  round_.clear();
  waiting_.clear();
  services_.clear();
  srv_trouble_.clear();
  services_ttl_ = seconds::max();
  asked_ = 0;
  resolver_ = std::make_unique<Resolver>(
      place_.loop, static_cast<Resolver::Owner&>(*this),
      conf.resolvers.empty() ? place_.resolver.addresses : conf.resolvers, conf.timeout);
  if (!resolver_->failure().empty()) {
    srv_trouble_ = resolver_->failure();
    return conclude_.schedule();
  }
  if (conf.srv) {
    waiting_.push_back({conf.name, DnsType::srv});
  } else {
    services_.push_back({.port = conf.port, .target = conf.name});
    waiting_.push_back({conf.name, DnsType::a});
    waiting_.push_back({conf.name, DnsType::aaaa});
  }
  ask_more();
}

void DiscoverDns::ask_more() {
  while (asked_ < asked_at_once && !waiting_.empty()) {
    const Question question = std::move(waiting_.front());
    waiting_.pop_front();
    ++asked_;
    resolver_->ask(question);  // may answer at once, and come back in here
  }
  if (asked_ == 0) conclude_.schedule();
}

void DiscoverDns::on_answer(const Question& question, Resolver::State state,
                            const DnsAnswer& answer, const std::string& why) {
  --asked_;
  if (question.type == DnsType::srv) {
    srv_trouble_ = why;
    services_ = answer.services;
    if (!answer.services.empty()) services_ttl_ = answer.ttl;
    if (services_.size() > place_.peers_max) services_.resize(place_.peers_max);
    for (const DnsService& service : services_) {
      for (const DnsType type : {DnsType::a, DnsType::aaaa}) {
        Question next{service.target, type};
        if (service.target.empty() || service.target.find('?') != std::string::npos) continue;
        if (!round_.emplace(next, Known{}).second) continue;  // two ports of one host
        waiting_.push_back(std::move(next));
      }
    }
  } else {
    Known& known = round_[question];
    known = {state, why, answer.addresses, answer.ttl};
    if (state == Resolver::State::failed) {
      const auto last = before_.find(question);
      if (last != before_.end()) known.addresses = last->second.addresses;
    }
  }
  ask_more();
}

// No callback of the resolver is on the stack any more.
void DiscoverDns::conclude() {
  resolver_.reset();
  FoundSet found;
  const std::string trouble = collect(found);
  rest(trouble.empty());
  if (trouble.empty()) {
    place_.owner.on_found(*this, std::move(found));
  } else {
    place_.owner.on_trouble(*this, trouble);
  }
}

// An empty text: what is in `out` is an answer.
std::string DiscoverDns::collect(FoundSet& out) {
  if (!srv_trouble_.empty()) return srv_trouble_;
  std::uint16_t first = UINT16_MAX;
  for (const DnsService& service : services_) first = std::min(first, service.priority);
  std::size_t answered = 0;
  for (const DnsService& service : services_) {
    answered += add_peers_of(service, service.priority != first, out);
  }
  if (answered != 0) return {};
  for (const auto& [question, known] : round_) {  // what failed says more than what is not there
    if (known.state == Resolver::State::failed) return known.why;
  }
  for (const auto& [question, known] : round_) {
    if (!known.why.empty()) return known.why;
  }
  return "no service there";
}

// How many of its questions were answered in this round.
std::size_t DiscoverDns::add_peers_of(const DnsService& service, bool backup, FoundSet& out) {
  std::size_t answered = 0;
  if (service.port == 0) return 0;
  for (const DnsType type : {DnsType::a, DnsType::aaaa}) {
    const auto it = round_.find({service.target, type});
    if (it == round_.end()) continue;
    if (it->second.state == Resolver::State::answered) ++answered;
    for (Address address : it->second.addresses) {
      address.set_port(service.port);
      FoundPeer& peer = out.emplace_back();
      peer.address = address.to_string();
      peer.host = service.target;
      // Of 0 a peer still gets a little (RFC 2782); without SRV the line's own weight counts.
      if (place_.conf.srv) peer.weight = std::max<std::uint16_t>(service.weight, 1);
      peer.backup = backup;
    }
  }
  return answered;
}

// Until the answer expires; where something failed, ever longer, but not for longer than that.
void DiscoverDns::rest(bool well) {
  const conf::DiscoverConf& conf = place_.conf;
  bool failed = !well;
  seconds ttl = std::min<seconds>(services_ttl_, std::chrono::hours(24));
  for (const auto& [question, known] : round_) {
    failed |= known.state == Resolver::State::failed;
    if (known.state == Resolver::State::answered) ttl = std::min(ttl, known.ttl);
  }
  milliseconds wait = place_.resolver.valid.count() != 0 ? place_.resolver.valid : ttl;
  pause_ = failed ? std::min(std::max(pause_ * 2, conf.interval_min), pause_most) : milliseconds(0);
  if (failed) wait = well ? std::min(pause_, wait) : pause_;
  timer_.arm(std::clamp(wait, conf.interval_min, conf.interval_max));
}

}  // namespace weir
