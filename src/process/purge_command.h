// PurgeCommand: what an operator wants out of the caches, `weirctl purge`. A plain value: parsed by
// the control protocol, carried by the master, obeyed by the housekeeper.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace weir::process {

struct PurgeCommand {
  enum class What : unsigned char { url, prefix, key, tag, all };
  static constexpr std::array<std::string_view, 5> what_names = {"url", "prefix", "key", "tag",
                                                                 "all"};

  What what{};
  std::string text{};   // the URL, the key or the tag; empty: all
  std::string cache{};  // its name; empty: each
  bool soft = false;    // becomes stale instead of going
  bool operator==(const PurgeCommand&) const = default;
};

}  // namespace weir::process
