#include "test/fuzz/proxy/target.h"

#include <algorithm>

#include "base/text.h"
#include "test/fuzz/plain_path.h"

namespace weir::fuzz {
namespace {

struct Split {
  std::string_view authority, rest;
};
Split split(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == target.npos) return {{}, target};
  target.remove_prefix(scheme + 3);
  const auto end = std::min(target.find_first_of("/?"), target.size());
  return {target.substr(0, end), target.substr(end)};
}

}  // namespace

AskedFor target_of(const StrictMessage& request) {
  AskedFor out;
  const auto [authority, rest] = split(request.start[1]);
  const auto mark = std::min(rest.find('?'), rest.size());
  out.raw_path = rest.substr(0, mark);
  out.query = rest.substr(mark);
  if (out.raw_path.empty()) out.raw_path = "/";
  out.host = lower_case(authority.empty() ? request.value("host") : authority);
  if (const auto colon = out.host.rfind(':'); colon != out.host.npos) {
    out.port = out.host.substr(colon + 1);
    out.host.resize(colon);
  }
  if (out.port == "80" || out.port == "443") out.port.clear();
  if (out.host.ends_with('.')) out.host.pop_back();
  if (out.host.empty()) out.host = "a";
  out.other = out.host.ends_with(".other") && out.host.size() > 6;
  const TargetRules rules{.merge_slashes = !out.other, .reject_encoded_slash = out.other};
  out.path = plain_normal(out.raw_path, rules);
  if (!out.other) out.place = place_of(out.path);
  return out;
}

bool is_same_target(const StrictMessage& sent, const AskedFor& asked) {
  const AskedFor to = target_of(sent);
  return (to.raw_path == asked.path || to.raw_path == asked.raw_path) && to.query == asked.query &&
         to.host == asked.host && to.port == asked.port;
}

PartOf part_of(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return {};
  text.remove_prefix(unit.size());
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == text.npos || slash == text.npos || slash < dash) return {};
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = parse_decimal(text.substr(dash + 1, slash - dash - 1));
  const auto total = parse_decimal(text.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return {};
  return {true, static_cast<std::size_t>(*first), static_cast<std::size_t>(*last) + 1,
          static_cast<std::size_t>(*total)};
}

}  // namespace weir::fuzz
