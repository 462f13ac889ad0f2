#include "proxy/cache_key.h"

#include <algorithm>
#include <utility>

#include "cache/key.h"
#include "proxy/cache_plan.h"
#include "proxy/values.h"

namespace weir {
namespace {

// Another target in place of the request's own, for as long as a key is made.
class OtherTarget {
 public:
  OtherTarget(ExchangeState& state, std::string_view request_uri)
      : state_(state), kept_(state.request()) {
    if (request_uri.empty()) return;
    RequestHead& request = state_.request();
    const std::size_t mark = request_uri.find('?');
    request.request_uri = request_uri;
    request.raw_path = request.path = request_uri.substr(0, mark);
    request.has_query = mark != request_uri.npos;
    request.query = request.has_query ? request_uri.substr(mark + 1) : std::string_view{};
    std::swap(path_, state_.path);
    std::swap(query_, state_.query);
    state_.path = request.path;
    state_.query = request.query;
    changed_ = true;
  }
  ~OtherTarget() {
    if (!changed_) return;
    RequestHead& request = state_.request();
    request.request_uri = kept_.request_uri;
    request.raw_path = kept_.raw_path;
    request.path = kept_.path;
    request.has_query = kept_.has_query;
    request.query = kept_.query;
    state_.path = path_;
    state_.query = query_;
  }
  OtherTarget& operator=(OtherTarget&&) = delete;

 private:
  struct Kept {
    explicit Kept(const RequestHead& request)
        : request_uri(request.request_uri),
          raw_path(request.raw_path),
          path(request.path),
          query(request.query),
          has_query(request.has_query) {}
    std::string_view request_uri, raw_path, path, query;
    bool has_query;
  };
  ExchangeState& state_;
  const Kept kept_;
  std::string_view path_{}, query_{};
  bool changed_ = false;
};

// Of a list as cache::vary_names() writes it.
std::size_t find_name(std::string_view names, std::string_view name) {
  for (std::size_t at = names.find(name); at != names.npos; at = names.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || names[at - 1] == ',') && (end == names.size() || names[end] == ',')) return at;
  }
  return names.npos;
}

// What upstreams are not told chooses nothing: in a key it is as if it had not been sent.
void append_variant(const ExchangeState& state, std::string_view names, std::string& key) {
  static const Fields unsaid;
  constexpr std::string_view untold = "accept-encoding";
  const Fields& told = state.request().fields;
  const std::size_t at = state.location->tells_codings ? names.npos : find_name(names, untold);
  if (at == names.npos) return cache::append_variant_key(names, told, key);
  cache::append_variant_key(names.substr(0, at), told, key);
  cache::append_variant_key(untold, unsaid, key);
  cache::append_variant_key(names.substr(std::min(at + untold.size() + 1, names.size())), told,
                            key);
}

}  // namespace

std::string_view cache_key_text(ExchangeState& state, std::string_view request_uri) {
  const OtherTarget target(state, request_uri);
  std::string& text = state.memory.text;
  text.clear();
  state.location->conf->cache_key->text.render(ExchangeValues(state), text);
  cache::append_port(state.request().port, text);
  cache::append_key_fields(state.request().fields, state.location->cache->rules, text);
  return state.memory.take_text();
}

std::string_view variants_mark(ExchangeState& state, std::string_view names) {
  return state.arena().join({names, "#", state.request_id.text()});
}

std::string_view names_of(std::string_view mark) { return mark.substr(0, mark.find('#')); }

std::string_view variant_key_text(ExchangeState& state, std::string_view primary,
                                  std::string_view mark) {
  const std::string_view names = names_of(mark);
  std::string& text = state.memory.text;
  text.assign(primary);
  append_variant(state, names, text);
  text.append(mark.substr(names.size()));
  return state.memory.take_text();
}

// No name that an origin can give has a line break.
std::uint64_t posts_tag(ExchangeState& state, std::string_view key) {
  std::string& text = state.memory.text;
  text.assign(1, cache::key_mark).append(cache::uri_part(key));
  return cache::Store::tag_hash(text);
}

bool any_set(ExchangeState& state, const conf::Conditions& conditions) {
  for (const Template& condition : conditions.any_of) {
    state.memory.text.clear();
    condition.render(ExchangeValues(state), state.memory.text);
    if (!state.memory.text.empty() && state.memory.text != "0") return true;
  }
  return false;
}

}  // namespace weir
