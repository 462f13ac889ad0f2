#include "proxy/headers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/version.h"
#include "cache/tags.h"
#include "http/forwarded.h"
#include "proxy/cache_plan.h"
#include "proxy/values.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

constexpr std::string_view pseudonym = "weir";

std::string_view render(ExchangeState& state, const Template& text) {
  state.memory.text.clear();
  text.render(ExchangeValues(state), state.memory.text);
  return state.memory.take_text();
}

// Ours is the last word about it: what an origin says of another cache stays in Cache-Status.
void tell_cache(ExchangeState& state, ResponseHead& head) {
  head.fields.set(FieldId::x_cache, cache::word_text(state.cache.word));
  std::string& text = state.memory.text;
  text.assign(head.fields.value(FieldId::cache_status));
  cache::append_cache_status(state.cache.status, text);
  head.fields.set(FieldId::cache_status, state.memory.take_text());
  cache::remove_tag_fields(head.fields);
}

// What frameworks take for the true URL, host, scheme or method. No origin names them in Vary, so
// what one client says would be answered to all. (X-Forwarded-* goes wherever it is not believed.)
constexpr std::string_view overrides[] = {"X-Original-URL", "X-Original-URI",
                                          "X-Rewrite-URL",  "X-HTTP-Method-Override",
                                          "X-HTTP-Method",  "X-Method-Override",
                                          "X-Host",         "X-Original-Host",
                                          "X-Scheme",       "X-HTTP-Host-Override",
                                          "X-Url-Scheme",   "Front-End-Https",
                                          "X-Script-Name",  "Base-Url"};

void remove_overrides(const cache::Rules& rules, Fields& fields) {
  for (const std::string_view name : overrides) {
    const auto keyed = [name](const std::string& field) { return same_field(field, name); };
    if (std::none_of(rules.key_fields.begin(), rules.key_fields.end(), keyed))
      fields.remove_aliases(name);
  }
}

}  // namespace

bool prepare_for_origin(ExchangeState& state) {
  const RequestHead& request = state.request();
  RequestHead& out = state.memory.to_origin;
  out.method_text = request.method_text;
  out.version = request.version;  // what Via says; the request line for a peer is HTTP/1.1's
  out.form = request.form;
  out.scheme = request.scheme;
  out.authority = request.authority;
  out.host = request.host;
  out.port = request.port;
  // One Host, in the form that chose the server; a request of HTTP/1.0 may have none, 1.1 may not
  // (RFC 9112 §3.2).
  const auto& names = state.server->conf->names;
  std::string_view host = request.authority;
  if (host.empty()) host = names.empty() ? state.location->group->conf().name : names.front().text;
  out.fields.set(FieldId::host, host);
  if (!state.traits.expects_continue) out.fields.remove(FieldId::expect);

  if (!state.location->tells_codings) out.fields.remove(FieldId::accept_encoding);

  // Whatever field the operator believes about the client: from others it never reaches the origin.
  if (!state.peer_trusted) out.fields.remove_aliases(*state.server->conf->real_ip_header);
  const CachePlan* const cache = state.location->cache;
  if (cache != nullptr && !state.peer_trusted) {
    const bool stored = request.method == Method::get || request.method == Method::head ||
                        (request.method == Method::post && cache->conf->cache_methods->post);
    if (stored) remove_overrides(cache->rules, out.fields);
  }

  ForwardedBy by;
  by.peer_address = state.peer_address;
  by.client_address = state.client_address;
  by.peer_trusted = state.peer_trusted;
  by.scheme = state.scheme;
  by.port = state.listen.address().port();
  by.pseudonym = pseudonym;
  by.wanted = *state.location->conf->forwarded_headers;
  if (by.wanted.has(FieldId::x_request_id)) by.request_id = state.request_id.text();
  add_forwarded(out, by, state.arena());
  out.version = Version::http_1_1;

  for (const HeaderPlan& header : state.location->set_headers) {
    const std::string_view value = render(state, *header.value);
    if (value.empty()) {
      out.fields.remove(header.name);
    } else {
      out.fields.set(header.name, value);
    }
  }
  return !state.arena().exhausted();
}

std::string_view origin_target(ExchangeState& state) {
  const RequestHead& request = state.request();
  if (request.form == TargetForm::asterisk) return "*";
  const std::string_view path = state.rewritten ? state.path : request.upstream_path;
  return state.has_query ? state.arena().join({path, "?", state.query}) : path;
}

bool finish_answer(ExchangeState& state, ResponseHead& head) {
  if (!head.fields.has(FieldId::date))
    head.fields.add(FieldId::date, state.arena().copy(state.context.date.text(clock::wall())));
  if (!head.fields.has(FieldId::server)) {
    static const std::string with_version = std::string(pseudonym) + "/" + std::string(version);
    const bool tokens = *state.location->conf->server_tokens;
    head.fields.add(FieldId::server, tokens ? std::string_view(with_version) : pseudonym);
  }
  for (const HeaderPlan& header : state.location->add_headers) {
    const std::string_view value = render(state, *header.value);
    if (!value.empty()) head.fields.add(Field{header.id, header.name, value});
  }
  if (state.location->cache != nullptr) tell_cache(state, head);
  if (*state.location->conf->debug_headers && state.tried) {
    const fmt::format_int count(state.earlier.count);
    head.fields.add(FieldId::x_retry_count, state.arena().copy({count.data(), count.size()}));
  }
  return !state.arena().exhausted();
}

void pass_answer(ExchangeState& state, ResponseHead& head, std::string_view peer_url) {
  for (const HeaderPlan& header : state.location->remove_headers) head.fields.remove(header.name);
  add_via(head.fields, head.version, pseudonym, state.arena());
  // Only we say this, and only where it is wanted.
  head.fields.remove(FieldId::x_backend_server);
  head.fields.remove(FieldId::x_retry_count);
  if (*state.location->conf->debug_headers && !peer_url.empty())
    head.fields.add(FieldId::x_backend_server, peer_url);
}

}  // namespace weir
