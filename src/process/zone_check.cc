#include "process/zone_check.h"

#include "base/json.h"
#include "os/socket.h"
#include "shm/check.h"

namespace weir::process {
namespace {

std::optional<cache::StoreSizes> sizes_of(const Json& from) {
  cache::StoreSizes sizes;
  for (const char* key : {"bytes", "entries_max", "object_bytes_max"}) {
    if (!from.contains(key) || !from[key].is_number_unsigned()) return std::nullopt;
  }
  if (!from.contains("lru") || !from["lru"].is_boolean()) return std::nullopt;
  sizes.bytes = from["bytes"];
  sizes.entries_max = from["entries_max"];
  sizes.object_bytes_max = from["object_bytes_max"];
  sizes.eviction = from["lru"] ? cache::Eviction::lru : cache::Eviction::s3fifo;
  return sizes;
}

std::vector<std::string> violations_of(const Json& described, const std::string& name, Fd zone) {
  const auto sizes = sizes_of(described);
  if (!sizes) return {"the instance does not say how large it is"};
  const auto store = cache::Store::attach(name, *sizes, std::move(zone));
  if (!store) return {std::string(store.error().what)};
  return (*store)->check_now();
}

}  // namespace

std::string describe_caches(const cache::Stores& stores, std::vector<int>& fds) {
  Json all = Json::array();
  for (const cache::Stores::Named& named : stores.all()) {
    if (fds.size() == packet_fds_max) break;
    const cache::StoreSizes& sizes = named.store->sizes();
    all.push_back({{"name", std::string(named.name)},
                   {"bytes", sizes.bytes},
                   {"entries_max", sizes.entries_max},
                   {"object_bytes_max", sizes.object_bytes_max},
                   {"lru", sizes.eviction == cache::Eviction::lru}});
    fds.push_back(named.store->zone().fd());
  }
  return all.dump();
}

std::string check_caches(std::string_view described, std::span<Fd> fds, bool& all_ok) {
  const Json all = parse_json(described);
  const bool fits = all.is_array() && all.size() == fds.size();
  std::vector<std::string> names(fds.size());
  std::vector<shm::ZoneCheck> checks(fds.size());
  for (std::size_t at = 0; at < fds.size(); ++at) {
    std::string name = "?";
    if (fits && all[at].contains("name") && all[at]["name"].is_string()) name = all[at]["name"];
    checks[at].violations = fits ? violations_of(all[at], name, std::move(fds[at]))
                                 : std::vector<std::string>{"the instance does not say what it is"};
    names[at] = "cache:" + name;
    checks[at].zone = names[at];
  }
  return shm::report(checks, all_ok);
}

}  // namespace weir::process
