// The values of a [cache] and of a place that uses one. Plain values; their text forms are in
// conf/value_cache.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conf/values.h"
#include "http/template.h"

namespace weir::conf {

// "off", or a time. 0 is a time: "kept, and stale at once".
struct OptionalTime {
  std::optional<Duration> time;
  bool operator==(const OptionalTime&) const = default;
};

// Which stored answer leaves first.
enum class CacheEviction : unsigned char { s3fifo, lru };

// The methods whose requests are looked up and whose answers are kept. GET is always one of them.
struct CacheMethods {
  bool head = true;   // answered from what GET stored
  bool post = false;  // the body becomes part of the key
  bool operator==(const CacheMethods&) const = default;
};

// How long answers are fresh that do not say so themselves, by status.
struct StatusTtls {
  struct Row {
    std::uint16_t status = 0;  // 0: any other
    Duration ttl{};            // 0: not kept
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> rows;  // as written, a row for each status
  bool operator==(const StatusTtls&) const = default;
};

// Names of fields, in lower case, each once, in the order written.
struct FieldNames {
  std::vector<std::string> names;
  bool operator==(const FieldNames&) const = default;
};

// True for a request when one of them renders to something else than nothing and "0".
struct Conditions {
  std::vector<Template> any_of;
  bool operator==(const Conditions&) const = default;
};

}  // namespace weir::conf
