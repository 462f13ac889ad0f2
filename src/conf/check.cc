// What single sections must have, and names that must lead somewhere.
#include "conf/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "conf/value.h"
#include "http/syntax.h"

namespace weir::conf {
namespace {

template <class T>
class ByName {
 public:
  explicit ByName(const std::vector<T>& objects) {
    for (const T& object : objects) objects_.emplace(object.name, &object);
  }
  const T* find(std::string_view name) const {
    const auto found = objects_.find(name);
    return found == objects_.end() ? nullptr : found->second;
  }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> out;
    out.reserve(objects_.size());
    for (const auto& [name, object] : objects_) out.push_back(name);
    return out;
  }

 private:
  std::unordered_map<std::string_view, const T*> objects_;
};

struct Names {
  ByName<UpstreamConf> upstreams;
  ByName<ApiKeysConf> api_keys;
  ByName<LogConf> logs;
  ByName<CacheConf> caches;
};

// `own` values only are complained about: an inherited one was, where it stands.
void resolve(LocationConf& place, const std::string& label, const Names& names, Report& report) {
  const auto missing = [&](std::string_view kind, const std::string& name, Where where,
                           std::vector<std::string_view> known) {
    report.error(where, 0, fmt::format("{} refers to {} \"{}\"", label, kind, name),
                 defined(kind, name, std::move(known)));
  };
  if (auto& upstream = place.upstream; !upstream->name.empty()) {
    upstream.value.target = names.upstreams.find(upstream->name);
    if (upstream->target == nullptr && upstream.explicit_) {
      missing("upstream", upstream->name, upstream.where, names.upstreams.names());
    }
  }
  if (auto& cache = place.cache; !cache->name.empty()) {
    cache.value.target = names.caches.find(cache->name);
    if (cache->target == nullptr && cache.explicit_) {
      missing("cache", cache->name, cache.where, names.caches.names());
    }
  }
  for (auto* setting : {&place.auth, &place.purge}) {
    for (AuthRef& ref : setting->value) {
      ref.api_keys = names.api_keys.find(ref.name);
      if (ref.api_keys == nullptr && setting->explicit_) {
        missing("api_keys", ref.name, setting->where, names.api_keys.names());
      }
    }
  }
  AccessLogs& logs = place.access_log.value;
  logs.targets.clear();
  for (const std::string& name : logs.names) {
    const LogConf* log = names.logs.find(name);
    if (log != nullptr)
      logs.targets.push_back(log);
    else if (place.access_log.explicit_) {
      missing("log", name, place.access_log.where, names.logs.names());
    }
  }
}

void check_health(const UpstreamConf& upstream, Report& report) {
  const HealthCheckConf& check = *upstream.health_check;
  const Where where = upstream.health_check.where;
  if (check.kind == HealthCheckConf::Kind::tls && !*upstream.ssl) {
    report.error(where, 0, "health_check = tls where the upstream does not speak TLS",
                 "add ssl = on, or write tcp");
  }
  if (check.method == "HEAD" && (!check.body.empty() || !check.body_regex.empty())) {
    report.error(where, 0, "the answer to HEAD has no body that could be looked at");
  }
  int captures = 0;
  if (!check.body_regex.empty()) compiles(check.body_regex, where, report, captures);
}

void check_upstream(const UpstreamConf& upstream, bool faulty, Report& report) {
  check_health(upstream, report);
  if (upstream.servers.empty() && upstream.discover.empty() && !faulty) {
    report.error(upstream.where, 0, fmt::format("[upstream {}] has no server", upstream.name),
                 "write server = ADDRESS:PORT, or discover = ... where peers are found");
  }
  if (!*upstream.ssl_verify && !*upstream.ssl_insecure_skip_verify) {
    report.error(upstream.ssl_verify.where, 0,
                 "ssl_verify = off leaves traffic open to whoever is in between",
                 "if that is meant, add ssl_insecure_skip_verify = on");
  }
  if (!upstream.ssl_certificate_key->empty() && upstream.ssl_certificate->empty()) {
    report.error(upstream.ssl_certificate_key.where, 0,
                 "ssl_certificate_key without ssl_certificate");
  }
  const Setting<InputPath>* tls_only[] = {&upstream.ssl_trusted_certificate,
                                          &upstream.ssl_certificate};
  for (const Setting<InputPath>* setting : tls_only) {
    if (setting->explicit_ && !*upstream.ssl) {
      report.warn(
          setting->where, 0,
          fmt::format("[upstream {}] does not speak TLS: the line does nothing", upstream.name),
          "add ssl = on");
    }
  }
}

void check_cache(const CacheConf& cache, Report& report) {
  if (cache.max_object_size.explicit_ && cache.max_object_size->bytes > cache.size->bytes / 2) {
    report.warn(
        cache.max_object_size.where, 0,
        fmt::format("[cache {}]: answers up to {} are stored: half of the size", cache.name,
                    print_size(Size{cache.size->bytes / 2})),
        fmt::format("a size of {} takes them", print_size({cache.max_object_size->bytes * 2})));
  }
  const std::uint64_t object_max = std::min(cache.max_object_size->bytes, cache.size->bytes / 2);
  constexpr std::uint64_t slice_least = 16 * 1024, slice_head = 4 * 1024;
  if (cache.slice->bytes != 0 && cache.slice->bytes < slice_least) {
    report.error(cache.slice.where, 0, "a slice has at least 16k", "0: off");
  } else if (cache.slice->bytes != 0 && cache.slice->bytes + slice_head > object_max) {
    report.error(cache.slice.where, 0,
                 fmt::format("[cache {}]: a slice does not fit: answers up to {} are stored",
                             cache.name, print_size(Size{object_max})),
                 "a slice must be smaller than max_object_size and half of the size");
  }
  if (cache.post_body_max_size.explicit_ && !cache.cache_methods->post) {
    report.warn(cache.post_body_max_size.where, 0,
                "cache_methods has no POST: post_body_max_size does nothing");
  }
  if (cache.disk_size.explicit_ && !cache.path.explicit_) {
    report.warn(cache.disk_size.where, 0, "disk_size without path: nothing is stored on disk",
                "add path = FOLDER");
  }
  if (cache.lock_timeout.explicit_ && !*cache.lock) {
    report.warn(cache.lock_timeout.where, 0, "lock = off: lock_timeout does nothing");
  }
}

// Two that write to one folder would remove each other's files.
void check_cache_folders(const std::vector<CacheConf>& caches, Report& report) {
  for (std::size_t i = 0; i < caches.size(); ++i) {
    for (std::size_t other = 0; other < i && !caches[i].path->empty(); ++other) {
      if (caches[other].path->path != caches[i].path->path) continue;
      report.error(
          caches[i].path.where, 0,
          fmt::format("[cache {}] has the path of [cache {}]", caches[i].name, caches[other].name),
          "give each its own folder");
    }
  }
}

void check_field_name(const Setting<std::string>& field, Report& report) {
  if (is_token(*field)) return;
  report.error(field.where, 0, fmt::format("\"{}\" is not a field name", *field));
}

}  // namespace

std::string defined(std::string_view kind, std::string_view name,
                    std::vector<std::string_view> names) {
  constexpr std::size_t listed_max = 10;
  if (names.empty()) return fmt::format("there is no [{} ...] section", kind);
  std::string near = did_you_mean(name, names);
  if (!near.empty()) return near;
  std::sort(names.begin(), names.end());
  const bool more = names.size() > listed_max;
  if (more) names.resize(listed_max);
  return fmt::format("defined: {}{}", fmt::join(names, ", "), more ? ", ..." : "");
}

void resolve_references(Config& config, Report& report) {
  const Names names{ByName(config.upstreams), ByName(config.api_keys), ByName(config.logs),
                    ByName(config.caches)};
  resolve(config.defaults.base, "[defaults]", names, report);
  for (ServerConf& server : config.servers) {
    resolve(server.base, fmt::format("[server {}]", server.name), names, report);
    for (LocationConf& location : server.locations) {
      resolve(location, fmt::format("[location {}]", location.name), names, report);
    }
  }
}

void check_sections(const Config& config, const Sections& sections, Report& report) {
  for (const LogConf& log : config.logs) {
    if (!log.path.explicit_ && !sections.is_faulty(&log)) {
      report.error(log.where, 0, fmt::format("[log {}] has no path", log.name),
                   "write path = FILE");
    }
  }
  for (const UpstreamConf& upstream : config.upstreams) {
    check_upstream(upstream, sections.is_faulty(&upstream), report);
  }
  for (const ApiKeysConf& keys : config.api_keys) {
    check_field_name(keys.header, report);
    if (keys.keys.empty() && !keys.file.explicit_ && !sections.is_faulty(&keys)) {
      report.error(keys.where, 0, fmt::format("[api_keys {}] has no key", keys.name),
                   "weirctl hash-key makes one");
    }
  }
  for (const CacheConf& cache : config.caches) check_cache(cache, report);
  check_cache_folders(config.caches, report);
  check_field_name(config.defaults.real_ip_header, report);
  for (const ServerConf& server : config.servers) {
    if (server.real_ip_header.explicit_) check_field_name(server.real_ip_header, report);
  }
  if (config.servers.empty() && report.errors() == 0) {
    report.warn({}, 0, "there is no [server]: nothing is served");
  }
}

}  // namespace weir::conf
