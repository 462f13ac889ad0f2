#include "proxy/stages.h"

#include <charconv>

#include "guard/api_keys.h"
#include "http/faults.h"
#include "http/hop_by_hop.h"
#include "http/uri.h"
#include "proxy/cache_stage.h"
#include "proxy/client_address.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/headers.h"
#include "proxy/rewrite.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

constexpr int relocations_max = 10;  // as nginx

TargetRules rules_of(const conf::ServerConf& server, bool tls) {
  TargetRules rules;
  rules.merge_slashes = *server.merge_slashes;
  rules.reject_encoded_slash = *server.reject_encoded_slash;
  rules.default_port = tls ? 443 : 80;
  return rules;
}

Next failed(Exchange& exchange, const Error& why) {
  exchange.fail(why);
  return Next::answered;
}

// One form of target and host for every decision behind this one (contract rules 1 and 8), by the
// rules of the server that the host chooses.
Next normalise(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  const bool tls = state.client.facts().is_tls;
  const conf::ServerConf& first = *state.listen.default_server().conf;
  state.scheme = tls ? "https" : "http";
  state.server = &state.listen.default_server();
  state.location = &state.server->base;
  if (const auto host = resolve_host(state.request(), rules_of(first, tls), state.arena()); !host)
    return failed(exchange, host.error());
  state.server = &state.listen.find(state.request().host);
  state.location = &state.server->base;
  const conf::ServerConf& chosen = *state.server->conf;
  if (const auto path = resolve_path(state.request(), rules_of(chosen, tls), state.arena()); !path)
    return failed(exchange, path.error());
  const RequestHead& request = state.request();
  state.path = request.path;
  state.query = request.query;
  state.has_query = request.has_query;
  state.client.apply_rules(chosen, chosen.base);
  return Next::go_on;
}

// An https target has to come over TLS, or from a proxy that is believed (RFC 9110 7.4).
Next real_address(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  find_client_address(state);
  if (state.request().scheme == "https" && state.scheme != "https" && !state.peer_trusted)
    return failed(exchange, client_fault(Fault::scheme_not_supported));
  return Next::go_on;
}

// The server's own rewrites run once, before any location is looked for.
Next server_rewrite(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  const Next next = run_rewrites(exchange, state.server->base.rewrites);
  return next == Next::answered ? next : Next::go_on;
}

Next locate(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  // "*" names the server, not a path in it.
  const bool asterisk = state.request().form == TargetForm::asterisk;
  const auto found = state.server->find(asterisk ? std::string_view("/") : state.path);
  if (!found) return failed(exchange, trouble(Trouble::pattern_limit));
  state.location = found->location;
  if (found->location->conf->path->kind == conf::PathMatch::Kind::regex)
    state.captures = found->captures;
  state.client.apply_rules(*state.server->conf, *state.location->conf);
  return Next::go_on;
}

Next guard(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  if (state.refreshes) return Next::go_on;  // whoever began it has passed
  const auto& auth = is_purge(state) ? state.location->purge : state.location->auth;
  if (auth.empty()) return Next::go_on;
  bool unknown = false, passed = false;
  for (const ApiKeys* keys : auth) {
    const ApiKeys::Answer answer = keys->check(state.request().fields);
    if (answer.verdict == ApiKeys::Verdict::unknown) unknown = true;
    if (answer.verdict != ApiKeys::Verdict::pass) continue;
    passed = true;
    state.remote_user = answer.name;
    break;
  }
  // Neither a peer nor a log line sees a key, right or wrong.
  for (const ApiKeys* keys : auth) {
    keys->strip(state.request().fields);
    keys->strip(state.memory.to_origin.fields);
  }
  if (passed) return Next::go_on;
  state.context.counters.denied.add();
  exchange.fail(trouble(unknown ? Trouble::key_unknown : Trouble::key_missing),
                auth.front()->challenge());
  return Next::answered;
}

// Before a byte of the body is read; a body of unknown length is counted as it comes.
Next body_limits(Exchange& exchange) {
  const ExchangeState& state = exchange.state();
  const std::uint64_t most = state.location->conf->client_max_body_size->bytes;
  const BodyFraming& framing = state.traits.framing;
  if (most != 0 && framing.kind == BodyKind::length && framing.length > most)
    return failed(exchange, trouble(Trouble::body_too_large));
  return Next::go_on;
}

Next location_rewrite(Exchange& exchange) {
  const LocationPlan& location = *exchange.state().location;
  if (&location == &exchange.state().server->base) return Next::go_on;  // run already
  return run_rewrites(exchange, location.rewrites);
}

Next return_(Exchange& exchange) { return run_return(exchange); }

// At zero we are who the OPTIONS was meant for; else it goes on with one less.
Next forwards(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  const auto hops = max_forwards(state.request());
  if (!hops) return failed(exchange, hops.error());
  if (!*hops) return Next::go_on;
  if (**hops > 0) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, **hops - 1);
    const std::string_view less{digits, static_cast<std::size_t>(end.ptr - digits)};
    state.memory.to_origin.fields.set(FieldId::max_forwards, state.arena().copy(less));
    return Next::go_on;
  }
  Reply answer;
  answer.status = 204;
  answer.allow = true;
  exchange.reply(answer);
  return Next::answered;
}

Next cache(Exchange& exchange) { return exchange.ask_cache() ? Next::answered : Next::go_on; }

Next peer(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  if (state.location->group == nullptr) return failed(exchange, trouble(Trouble::no_location));
  exchange.ask_peers();
  return Next::answered;
}

// The order is the meaning. Limits stand beside the guard.
constexpr Stage stages[] = {
    {"normalise", normalise},
    {"client address", real_address},
    {"server rewrite", server_rewrite},
    {"location", locate},
    {"guard", guard},
    {"body limits", body_limits},
    {"rewrite", location_rewrite},
    {"return", return_},
    {"forwards", forwards},
    {"cache", cache},
    {"peer", peer},
};
constexpr std::size_t location_stage = 3;
static_assert(stages[location_stage].run == locate);

}  // namespace

void run_stages(Exchange& exchange) {
  int relocations = 0;
  for (std::size_t at = 0; at < std::size(stages);) {
    switch (stages[at].run(exchange)) {
      case Next::go_on: ++at; break;
      case Next::relocate:
        if (++relocations > relocations_max) return exchange.fail(trouble(Trouble::rewrite_loop));
        at = location_stage;
        break;
      case Next::answered: return;
    }
  }
}

}  // namespace weir
