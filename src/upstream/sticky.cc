#include "upstream/sticky.h"

#include "base/format.h"
#include "base/hash.h"

namespace weir {

Sticky::Sticky(const conf::UpstreamConf& conf, const SipKey& of_instance)
    : conf_(*conf.sticky), key_(conf_.secret_file.empty() ? of_instance : conf_.secret) {}

void Sticky::renew(const std::vector<std::unique_ptr<Peer>>& peers, const Roster& fit) {
  tokens_.clear();
  if (conf_.kind == conf::StickyConf::Kind::cookie) {
    for (const auto& peer : peers) {
      const Token of_peer = token(*peer);
      tokens_.emplace(std::string(of_peer.data(), of_peer.size()), peer.get());
    }
  }
  if (conf_.kind == conf::StickyConf::Kind::header && fit_ != fit) {
    fit_ = fit;
    ring_.renew(fit_);
  }
}

Sticky::Token Sticky::token(const Peer& peer) const {
  std::array<char, 9> identity{};  // with which half of the token it is
  const std::uint64_t id = peer.id();
  for (std::size_t i = 0; i < 8; ++i) identity[i] = static_cast<char>(id >> (8 * i));
  const auto half = [&](char number) {
    identity[8] = number;
    return siphash(key_, {identity.data(), identity.size()});
  };
  Token out;
  format_into(out, "{:016x}{:016x}", half(0), half(1));
  return out;
}

Peer* Sticky::by_token(std::string_view token) const {
  if (token.size() != token_size) return nullptr;
  const auto known = tokens_.find(token);
  return known != tokens_.end() ? known->second : nullptr;
}

Peer* Sticky::by_value(std::string_view value) const {
  if (ring_.empty()) return nullptr;
  return fit_.peers[ring_.owner(ring_.find(hash64(value)))];
}

}  // namespace weir
