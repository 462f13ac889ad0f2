// The directive table: one row per directive, from which comes all that is said or checked about
// it.
//
// A row names the directive, the sections it may stand in, the member of the model it sets (the
// member's type supplies parser, printer and comparison), its default as text through the same
// parser, its range, what a change of it takes, and what people read. A directive that is known but
// not built yet has a row too (`planned`); using it is an error that says so.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "conf/model.h"
#include "conf/value.h"

namespace weir::conf {

// Kinds of sections, in the order in which they are documented and dumped.
enum class Kind : unsigned char {
  main,
  admin,
  log,
  api_keys,
  jwt,
  cache,
  limit,
  upstream,
  defaults,
  server,
  location,
};
constexpr std::size_t kind_count = 11;

struct KindRow {
  Kind kind;
  std::string_view name;
  bool named;  // [server web]; false: [main]
  bool built;
  std::string_view doc;
};
const KindRow& kind_row(Kind kind);
const KindRow* find_kind(std::string_view name);

using Kinds = std::uint16_t;  // a set
constexpr Kinds in(Kind kind) { return static_cast<Kinds>(1U << static_cast<unsigned>(kind)); }
constexpr Kinds in_main = in(Kind::main), in_admin = in(Kind::admin), in_log = in(Kind::log),
                in_api_keys = in(Kind::api_keys), in_jwt = in(Kind::jwt),
                in_cache = in(Kind::cache), in_limit = in(Kind::limit),
                in_upstream = in(Kind::upstream), in_defaults = in(Kind::defaults),
                in_server = in(Kind::server), in_location = in(Kind::location);
constexpr Kinds in_servers = in_defaults | in_server;  // what a server has as a whole
constexpr Kinds in_places = in_servers | in_location;  // what is inherited down to a location

// What a change takes: nothing, new workers (every reload makes them), or a restart of weir.
enum class Reload : unsigned char { live, new_workers, restart };

// The struct a row's member is in. A section offers one or two: see Targets.
enum class Target : unsigned char {
  main,
  admin,
  log,
  api_keys,
  cache,
  upstream,
  server,
  location,
  none
};
constexpr std::size_t target_count = 9;

struct Printed {
  std::string text;  // as it would be written after "NAME = "
  Where where;
  bool own = true;  // stands in this section; false: inherited or default
};

struct Directive {
  std::string_view name;
  Kinds kinds = 0;
  std::string_view syntax = {};    // empty: the type's own
  std::string_view fallback = {};  // empty: none
  std::uint64_t least = 0;         // in the type's unit: milliseconds, bytes
  std::uint64_t most = UINT64_MAX;
  Reload reload = Reload::new_workers;
  std::string_view doc = {};
  std::string_view example = {};  // a value
  std::string_view since = "0.1";
  std::string_view nginx = {};  // what nginx calls it, where the name differs

  // Filled by row(), custom() and planned().
  bool built = true;
  bool repeatable = false;
  bool secret = false;  // its line is never shown
  Target target = Target::none;
  bool (*set)(void* target, Value& value) = nullptr;
  void (*print)(const void* target, std::vector<Printed>& out) = nullptr;
  bool (*same)(const void* a, const void* b) = nullptr;
  void (*inherit)(void* target) = nullptr;  // the target is now a copy of its parent

  std::string shown_range() const;  // "1s to 1h", "at most 64"; empty: any
};

using Table = std::vector<const Directive*>;
const Table& all_directives();  // by section kind, then in the order of the manual
const Directive* find_directive(Kind kind, std::string_view name);
const std::vector<std::string_view>& directive_names(Kind kind);

// The table in the order of the manual, a heading for each part.
struct Part {
  std::string_view title;
  Table rows;
};
const std::vector<Part>& parts();

// One file each.
Table main_directives();
Table log_directives();    // [admin] and [log]
Table guard_directives();  // [api_keys], [jwt], [limit]
Table cache_directives();
Table coding_directives();
Table upstream_directives();
Table listen_directives();  // [server]: listen, names, TLS
Table client_directives();  // [server]: limits and times of clients
Table location_directives();
Table proxy_directives();  // [location] and inheritable: timeouts and sizes

// --- how rows are made ---

template <class C>
constexpr Target target_of = Target::none;
template <>
inline constexpr Target target_of<MainConf> = Target::main;
template <>
inline constexpr Target target_of<AdminConf> = Target::admin;
template <>
inline constexpr Target target_of<LogConf> = Target::log;
template <>
inline constexpr Target target_of<ApiKeysConf> = Target::api_keys;
template <>
inline constexpr Target target_of<CacheConf> = Target::cache;
template <>
inline constexpr Target target_of<UpstreamConf> = Target::upstream;
template <>
inline constexpr Target target_of<ServerConf> = Target::server;
template <>
inline constexpr Target target_of<LocationConf> = Target::location;

template <class M>
struct MemberTraits;
template <class C, class T>
struct MemberTraits<Setting<T> C::*> {  // one value
  using Class = C;
  using Type = T;
};
template <class C, class T>
struct MemberTraits<std::vector<T> C::*> {  // a line each; T has a `where`
  using Class = C;
  using Type = T;
};

template <class T>
constexpr bool is_vector = false;
template <class T>
constexpr bool is_vector<std::vector<T>> = true;

// A directive that sets Setting<T>; for a T that is a vector, each line adds.
template <auto Member>
constexpr Directive row(Directive text) {
  using Class = typename MemberTraits<decltype(Member)>::Class;
  using T = typename MemberTraits<decltype(Member)>::Type;
  text.target = target_of<Class>;
  text.repeatable = is_vector<T> && text.repeatable;
  if (text.syntax.empty()) text.syntax = value_syntax<T>;
  text.set = [](void* target, Value& value) {
    auto& setting = static_cast<Class*>(target)->*Member;
    T parsed{};
    if constexpr (is_vector<T>) {
      if (setting.explicit_) parsed = setting.value;
    }
    if (!parse_value(value, parsed)) return false;
    setting.value = std::move(parsed);
    setting.where = value.where();
    setting.explicit_ = true;
    return true;
  };
  text.print = [](const void* target, std::vector<Printed>& out) {
    const auto& setting = static_cast<const Class*>(target)->*Member;
    std::string shown = print_value(setting.value);
    if (!shown.empty()) out.push_back({std::move(shown), setting.where, setting.explicit_});
  };
  text.same = [](const void* a, const void* b) {
    return (static_cast<const Class*>(a)->*Member).value ==
           (static_cast<const Class*>(b)->*Member).value;
  };
  text.inherit = [](void* target) { (static_cast<Class*>(target)->*Member).explicit_ = false; };
  return text;
}

// A directive of which each line adds one T to a vector<T>. T may have `bool inherited`; then
// parents' entries stay and are marked, else they are left behind.
template <auto Member>
constexpr Directive list(Directive text) {
  using Class = typename MemberTraits<decltype(Member)>::Class;
  using T = typename MemberTraits<decltype(Member)>::Type;
  text.target = target_of<Class>;
  text.repeatable = true;
  text.set = [](void* target, Value& value) {
    return parse_item(value, static_cast<Class*>(target)->*Member);
  };
  text.print = [](const void* target, std::vector<Printed>& out) {
    for (const T& item : static_cast<const Class*>(target)->*Member) {
      bool own = true;
      if constexpr (requires { item.inherited; }) own = !item.inherited;
      out.push_back({print_value(item), item.where, own});
    }
  };
  text.same = [](const void* a, const void* b) {
    return static_cast<const Class*>(a)->*Member == static_cast<const Class*>(b)->*Member;
  };
  text.inherit = [](void* target) {
    auto& items = static_cast<Class*>(target)->*Member;
    if constexpr (requires(T item) { item.inherited; }) {
      for (T& item : items) item.inherited = true;
    } else {
      items.clear();
    }
  };
  return text;
}

// The rows of these arrays, one after the other.
template <std::size_t... N>
Table table_of(const Directive (&... rows)[N]) {
  Table out;
  out.reserve((N + ...));
  const auto append = [&out](const auto& part) {
    for (const Directive& directive : part) out.push_back(&directive);
  };
  (append(rows), ...);
  return out;
}

// A directive that is known and refused.
constexpr Directive planned(std::string_view name, Kinds kinds, std::string_view doc) {
  Directive text;
  text.name = name;
  text.kinds = kinds;
  text.doc = doc;
  text.built = false;
  text.repeatable = true;
  text.since = {};
  return text;
}

}  // namespace weir::conf
