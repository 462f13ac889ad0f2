#include "proxy/stickiness.h"

#include "base/format.h"
#include "base/text.h"
#include "http/uri.h"
#include "upstream/group.h"
#include "upstream/peer_picker.h"

namespace weir {
namespace {

// A session that a client may make as long as it likes costs no more than this to look up.
constexpr std::size_t value_bytes_max = 1024;

std::string_view usable(std::string_view value) {
  return value.size() <= value_bytes_max ? value : std::string_view{};
}

std::string_view brought(const ExchangeState& state, const conf::StickyConf& sticky) {
  const Fields& fields = state.request().fields;
  const bool in_field = sticky.kind == conf::StickyConf::Kind::header || sticky.learn_header;
  if (!in_field) return usable(cookie_value(fields, sticky.name).value_or(std::string_view{}));
  const Field* field = fields.find(sticky.name);
  return field != nullptr ? usable(trim(field->value)) : std::string_view{};
}

// The value of the cookie, where this Set-Cookie is one of that name (RFC 6265 §5.2).
std::string_view set_cookie_value(std::string_view field, std::string_view name) {
  const std::string_view pair = field.substr(0, field.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == pair.npos || !iequals(trim(pair.substr(0, equals)), name)) return {};
  return trim(pair.substr(equals + 1));
}

std::string_view named_session(const ResponseHead& head, const conf::StickyConf& sticky) {
  if (sticky.learn_header) {
    const Field* field = head.fields.find(sticky.name);
    return field != nullptr ? usable(trim(field->value)) : std::string_view{};
  }
  for (const Field& field : head.fields) {
    if (field.id != FieldId::set_cookie) continue;
    const std::string_view value = set_cookie_value(field.value, sticky.name);
    if (!value.empty()) return usable(value);
  }
  return {};
}

std::string_view name_of(conf::StickyConf::SameSite same_site) {
  switch (same_site) {
    case conf::StickyConf::SameSite::unsaid: return {};
    case conf::StickyConf::SameSite::lax: return "; SameSite=Lax";
    case conf::StickyConf::SameSite::strict: return "; SameSite=Strict";
    case conf::StickyConf::SameSite::none: return "; SameSite=None";
  }
  return {};
}

std::string_view cookie_for(ExchangeState& state, const Sticky& sticky, const Peer& peer) {
  const conf::StickyConf& conf = sticky.conf();
  const Sticky::Token token = sticky.token(peer);
  std::string& text = state.memory.text;
  text.clear();
  append_format(text, "{}={}; Path={}", conf.name, std::string_view(token.data(), token.size()),
                conf.path);
  if (!conf.domain.empty()) append_format(text, "; Domain={}", conf.domain);
  if (conf.expires.count() != 0) append_format(text, "; Max-Age={}", conf.expires.count() / 1000);
  if (conf.http_only) text += "; HttpOnly";
  if (conf.secure) text += "; Secure";
  text += name_of(conf.same_site);
  return state.memory.take_text();
}

}  // namespace

Peer* bound_peer(ExchangeState& state) {
  Group& group = *state.location->group;
  if (!group.sticky().is_on()) return nullptr;
  const std::string_view value = brought(state, group.sticky().conf());
  return value.empty() ? nullptr : group.bound_to(value);
}

bool bind_client(ExchangeState& state, ResponseHead& head, const PeerPicker& picker,
                 const Peer& peer) {
  Group& group = *state.location->group;
  const Sticky& sticky = group.sticky();
  switch (sticky.conf().kind) {
    case conf::StickyConf::Kind::off:
    case conf::StickyConf::Kind::header: return true;
    case conf::StickyConf::Kind::cookie:
      if (!picker.binds(peer)) return true;
      head.fields.add(FieldId::set_cookie, cookie_for(state, sticky, peer));
      return !state.arena().exhausted();
    case conf::StickyConf::Kind::learn: break;
  }
  // The session it names now; or the one that the client brought, which has a new home.
  std::string_view session = named_session(head, sticky.conf());
  if (session.empty() && picker.binds(peer)) session = brought(state, sticky.conf());
  if (!session.empty()) group.learn(session, peer);
  return true;
}

}  // namespace weir
