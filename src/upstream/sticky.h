// Sticky: which peer a client is bound to, in words that a client may have.
//
// cookie: the token of a peer is a keyed hash (SipHash, 128 bits) of its identity. So nobody can
// make the token of a peer without having been there, and it tells nothing of the address. All
// workers, and all instances with the same secret, have the same tokens.
//
// header: the peer of a value is its place on a ring of those that are fit.
//
// learn: see shm/sessions.h.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "conf/model.h"
#include "upstream/ring.h"

namespace weir {

class Sticky {
 public:
  static constexpr std::size_t token_size = 32;  // hexadecimal
  using Token = std::array<char, token_size>;

  Sticky(const conf::UpstreamConf& conf, const SipKey& of_instance);

  const conf::StickyConf& conf() const { return conf_; }
  bool is_on() const { return conf_.kind != conf::StickyConf::Kind::off; }

  // The peers of the group, and those of them that are fit, are these now.
  void renew(const std::vector<std::unique_ptr<Peer>>& peers, const Roster& fit);

  Token token(const Peer& peer) const;
  Peer* by_token(std::string_view token) const;  // nullptr: nobody's
  Peer* by_value(std::string_view value) const;  // of header; nullptr: nobody is fit

 private:
  const conf::StickyConf& conf_;
  SipKey key_;
  // Looked up with what a client brought, which is not copied for it.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, Peer*, Hash, std::equal_to<>> tokens_;
  Ring ring_;
  Roster fit_;
};

}  // namespace weir
