#include "proxy/rewrite.h"

#include <string>

#include "http/uri.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"
#include "proxy/values.h"

namespace weir {
namespace {

bool has_scheme(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// Replacement?query: a query of its own goes before the request's; a '?' at the end drops the
// request's.
struct Replaced {
  std::string_view path, query;
  bool has_query;
};

Replaced split_replacement(std::string_view text, const ExchangeState& state, Arena& arena) {
  const std::size_t mark = text.find('?');
  if (mark == text.npos) return {text, state.query, state.has_query};
  const std::string_view path = text.substr(0, mark), own = text.substr(mark + 1);
  if (own.empty()) return {path, {}, false};
  if (own.back() == '?') return {path, own.substr(0, own.size() - 1), true};
  if (!state.has_query || state.query.empty()) return {path, own, true};
  return {path, arena.join({own, "&", state.query}), true};
}

void redirect(Exchange& exchange, std::uint16_t status, const Replaced& to) {
  Reply reply;
  reply.status = status;
  reply.location = to.has_query && !to.query.empty()
                       ? exchange.state().arena().join({to.path, "?", to.query})
                       : to.path;
  exchange.reply(reply);
}

std::string_view render(Exchange& exchange, const Template& text) {
  ExchangeState& state = exchange.state();
  state.memory.text.clear();
  text.render(ExchangeValues(state), state.memory.text);
  return state.memory.take_text();
}

// The new path in the one normal form; what is not a path is an error of the configuration, not of
// the client.
bool set_path(ExchangeState& state, const Replaced& to) {
  TargetRules rules;
  rules.merge_slashes = *state.server->conf->merge_slashes;
  const auto normal = normalise_path(to.path, rules, state.arena());
  if (!normal || state.arena().exhausted()) return false;
  state.path = normal->path;
  state.query = to.query;
  state.has_query = to.has_query;
  state.rewritten = true;
  return true;
}

}  // namespace

Next run_rewrites(Exchange& exchange, const std::vector<RewritePlan>& rewrites) {
  ExchangeState& state = exchange.state();
  bool changed = false;
  for (const RewritePlan& rewrite : rewrites) {
    Captures captures;
    const auto matched = rewrite.regex.match(state.path, captures);
    if (!matched) {
      exchange.fail(trouble(Trouble::pattern_limit));
      return Next::answered;
    }
    if (!*matched) continue;
    state.captures = captures;
    const Replaced to =
        split_replacement(render(exchange, *rewrite.replacement), state, state.arena());
    using Flag = conf::RewriteConf::Flag;
    if (rewrite.flag == Flag::permanent) return redirect(exchange, 301, to), Next::answered;
    if (rewrite.flag == Flag::redirect || has_scheme(to.path))
      return redirect(exchange, 302, to), Next::answered;
    if (!set_path(state, to)) {
      exchange.fail(trouble(Trouble::rewrite_malformed));
      return Next::answered;
    }
    changed = true;
    if (rewrite.flag == Flag::last) return Next::relocate;
    if (rewrite.flag == Flag::stop) return Next::go_on;
  }
  return changed ? Next::relocate : Next::go_on;
}

Next run_return(Exchange& exchange) {
  ExchangeState& state = exchange.state();
  const conf::ReturnConf& conf = *state.location->conf->return_;
  if (conf.status == 0) return Next::go_on;
  if (conf.status == 444) return exchange.drop(), Next::answered;
  Reply reply;
  reply.status = static_cast<std::uint16_t>(conf.status);
  const std::string_view text = render(exchange, conf.text);
  if (conf.redirects()) {
    reply.location = text;
  } else if (!text.empty()) {
    reply.body = text;
    reply.content_type = "text/plain";
  } else {
    reply.plain = reply.status < 300;
  }
  exchange.reply(reply);
  return Next::answered;
}

}  // namespace weir
