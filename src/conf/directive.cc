#include "conf/directive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace weir::conf {
namespace {

constexpr std::array<KindRow, kind_count> kind_rows = {{
    {Kind::main, "main", false, true, "The instance as a whole."},
    {Kind::admin, "admin", false, true, "Where weir is controlled and watched."},
    {Kind::log, "log", true, true, "An access log. access_log names it."},
    {Kind::api_keys, "api_keys", true, true, "A set of API keys. auth names it."},
    {Kind::jwt, "jwt", true, false, "A source of JSON Web Tokens."},
    {Kind::cache, "cache", true, true,
     "A store of answers that all workers share. cache names it."},
    {Kind::limit, "limit", true, false, "A limit on requests."},
    {Kind::upstream, "upstream", true, true, "A group of peers that requests are sent to."},
    {Kind::defaults, "defaults", false, true, "What each server starts with."},
    {Kind::server, "server", true, true, "A virtual host. It starts as a copy of [defaults]."},
    {Kind::location, "location", true, true,
     "A place in a server's URL space. It starts as a copy of its server."},
}};

struct Index {
  Table all;
  std::array<std::unordered_map<std::string_view, const Directive*>, kind_count> by_name;
  std::array<std::vector<std::string_view>, kind_count> names;

  Index() {
    for (const Part& part : parts()) all.insert(all.end(), part.rows.begin(), part.rows.end());
    for (const Directive* directive : all) {
      for (const KindRow& kind : kind_rows) {
        if ((directive->kinds & in(kind.kind)) == 0) continue;
        const auto at = static_cast<std::size_t>(kind.kind);
        [[maybe_unused]] const bool added = by_name[at].emplace(directive->name, directive).second;
        assert(added && "two rows of one name in one section");
        names[at].push_back(directive->name);
      }
    }
  }
};

const Index& index() {
  static const Index built;
  return built;
}

}  // namespace

const KindRow& kind_row(Kind kind) { return kind_rows.at(static_cast<std::size_t>(kind)); }

const KindRow* find_kind(std::string_view name) {
  const auto found = std::find_if(kind_rows.begin(), kind_rows.end(),
                                  [name](const KindRow& row) { return row.name == name; });
  return found == kind_rows.end() ? nullptr : &*found;
}

const std::vector<Part>& parts() {
  static const std::vector<Part> built = {
      {"The instance", main_directives()},
      {"Administration and logs", log_directives()},
      {"Upstreams", upstream_directives()},
      {"Servers: addresses, names and TLS", listen_directives()},
      {"Servers: what clients may do", client_directives()},
      {"Locations: what becomes of a request", location_directives()},
      {"Locations: bodies, times and sizes", proxy_directives()},
      {"Who may pass", guard_directives()},
      {"Caching and limits", cache_directives()},
      {"Compression", coding_directives()},
  };
  return built;
}

const Table& all_directives() { return index().all; }

const Directive* find_directive(Kind kind, std::string_view name) {
  const auto& rows = index().by_name.at(static_cast<std::size_t>(kind));
  const auto found = rows.find(name);
  return found == rows.end() ? nullptr : found->second;
}

const std::vector<std::string_view>& directive_names(Kind kind) {
  return index().names.at(static_cast<std::size_t>(kind));
}

std::string Directive::shown_range() const {
  const bool time = syntax == value_syntax<Duration> || syntax == value_syntax<OptionalTime>;
  const bool size = syntax == value_syntax<Size>;
  const auto shown = [&](std::uint64_t number) {
    if (time) return print_duration(Duration(static_cast<Duration::rep>(number)));
    return size ? print_size({number}) : std::to_string(number);
  };
  if (least > 0 && most < UINT64_MAX) return fmt::format("{} to {}", shown(least), shown(most));
  if (least > 0) return fmt::format("at least {}", shown(least));
  if (most < UINT64_MAX) return fmt::format("at most {}", shown(most));
  return {};
}

}  // namespace weir::conf
