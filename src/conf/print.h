// The sections of a Config, one after the other, with the structs their directives are in.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "conf/directive.h"
#include "conf/model.h"

namespace weir::conf {

struct Object {
  Kind kind = Kind::main;
  std::string_view name;
  Where where;
  std::array<const void*, target_count> targets{};

  const void* target(Target target) const { return targets[static_cast<std::size_t>(target)]; }
  std::string label() const {
    std::string out = "[" + std::string(kind_row(kind).name);
    if (!name.empty()) out.append(" ").append(name);
    return out + "]";
  }
};

template <class T>
Object object_of(Kind kind, std::string_view name, Where where, const T& struct_of_rows) {
  Object out{kind, name, where, {}};
  out.targets[static_cast<std::size_t>(target_of<T>)] = &struct_of_rows;
  return out;
}

// In the order of Kind; the locations of a server behind it. Objects of an unknown place ([admin]
// or [defaults] that nobody wrote) come too.
template <class Visit>
void for_each_object(const Config& config, Visit visit) {
  const auto server = [](Kind kind, const ServerConf& conf) {
    Object out = object_of(kind, conf.name, conf.where, conf);
    out.targets[static_cast<std::size_t>(Target::location)] = &conf.base;
    return out;
  };
  visit(object_of(Kind::main, {}, {}, config.main));
  visit(object_of(Kind::admin, {}, config.admin.where, config.admin));
  for (const LogConf& log : config.logs) {
    visit(object_of(Kind::log, log.name, log.where, log));
  }
  for (const ApiKeysConf& keys : config.api_keys) {
    visit(object_of(Kind::api_keys, keys.name, keys.where, keys));
  }
  for (const CacheConf& cache : config.caches) {
    visit(object_of(Kind::cache, cache.name, cache.where, cache));
  }
  for (const UpstreamConf& upstream : config.upstreams) {
    visit(object_of(Kind::upstream, upstream.name, upstream.where, upstream));
  }
  visit(server(Kind::defaults, config.defaults));
  for (const ServerConf& conf : config.servers) {
    visit(server(Kind::server, conf));
    for (const LocationConf& location : conf.locations) {
      visit(object_of(Kind::location, location.name, location.where, location));
    }
  }
}

}  // namespace weir::conf
