// What a request is for, as the judge reads it.
#pragma once

#include <string>

#include "test/fuzz/proxy/configuration.h"
#include "test/fuzz/proxy/strict.h"

namespace weir::fuzz {

struct AskedFor {
  std::string raw_path, query;  // the query with its '?'
  std::string path;             // normalised; empty: refused
  std::string host;             // lower case, without port
  std::string port;             // where it is not the scheme's own
  bool other = false;           // the server of that name
  Place place;
};
AskedFor target_of(const StrictMessage& request);

// Whether `sent`, which is for an origin, is what becomes of a request for `asked` where no rewrite
// stands.
bool is_same_target(const StrictMessage& sent, const AskedFor& asked);

// A Content-Range of bytes; `size` as far as it is said.
struct PartOf {
  bool known = false;
  std::size_t first = 0, end = 0, total = 0;
};
PartOf part_of(std::string_view content_range);

}  // namespace weir::fuzz
