#include "cache/rules.h"

#include <algorithm>

namespace weir::cache {

std::optional<std::int64_t> Rules::ttl_of(std::uint16_t status) const {
  const auto row = std::lower_bound(
      ttls.begin(), ttls.end(), status,
      [](const StatusTtl& ttl, std::uint16_t wanted) { return ttl.status < wanted; });
  return row != ttls.end() && row->status == status ? row->ttl : any_ttl;
}

Rules rules_of(const conf::CacheConf& conf) {
  const auto ms = [](const conf::OptionalTime& time) {
    return time.time ? std::optional<std::int64_t>(time.time->count()) : std::nullopt;
  };
  Rules out;
  for (const conf::StatusTtls::Row& row : conf.ttl->rows) {
    if (row.status == 0)
      out.any_ttl = row.ttl.count();
    else
      out.ttls.push_back({row.status, row.ttl.count()});
  }
  std::sort(
      out.ttls.begin(), out.ttls.end(),
      [](const Rules::StatusTtl& a, const Rules::StatusTtl& b) { return a.status < b.status; });
  out.default_ttl = ms(*conf.default_ttl);
  out.stale_while_revalidate = ms(*conf.stale_while_revalidate).value_or(0);
  out.stale_if_error = ms(*conf.stale_if_error).value_or(0);
  out.head = conf.cache_methods->head;
  out.post = conf.cache_methods->post;
  out.slices = conf.slice->bytes != 0;
  out.key_fields = conf.key_headers->names;
  return out;
}

StoreSizes store_sizes(const conf::CacheConf& conf) {
  StoreSizes out;
  out.bytes = conf.size->bytes;
  out.entries_max = *conf.max_entries;
  // What is written was checked; the default may be too much for a small store.
  out.object_bytes_max = std::min(conf.max_object_size->bytes, conf.size->bytes / 2);
  out.eviction = *conf.eviction == conf::CacheEviction::lru ? Eviction::lru : Eviction::s3fifo;
  if (!conf.path->empty()) {
    out.disk_path = conf.path->path;
    out.disk_bytes = conf.disk_size->bytes;
  }
  return out;
}

}  // namespace weir::cache
