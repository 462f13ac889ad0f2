#include "conf/api_keys.h"

#include <algorithm>

#include "base/text.h"

namespace weir::conf {
namespace {

constexpr std::string_view prefix = "sha256:";

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lowered = to_lower(c);
  return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

bool is_key_name(std::string_view name) {
  constexpr std::size_t name_max = 64;
  return !name.empty() && name.size() <= name_max &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
                  std::string_view("-_.@").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::string_view parse_api_key(std::string_view name, std::string_view hash, ApiKey& out) {
  if (!is_key_name(name)) return "the name of a key is letters, digits and - _ . @, 64 at most";
  if (!hash.starts_with(prefix)) return "a key is written as its hash, sha256:HEX";
  hash.remove_prefix(prefix.size());
  ApiKey parsed;
  if (hash.size() != 2 * parsed.sha256.size()) return "the hash of a key has 64 hex digits";
  for (std::size_t at = 0; at < parsed.sha256.size(); ++at) {
    const int high = hex_digit(hash[2 * at]), low = hex_digit(hash[2 * at + 1]);
    if (high < 0 || low < 0) return "the hash of a key has 64 hex digits";
    parsed.sha256[at] = static_cast<std::uint8_t>(high * 16 + low);
  }
  out.name = std::string(name);
  out.sha256 = parsed.sha256;
  return {};
}

void read_api_keys(std::string_view bytes, std::uint32_t file, Report& report,
                   std::vector<ApiKey>& out) {
  Where where{file, 0};
  while (!bytes.empty()) {
    ++where.line;
    const std::size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto parts = words(line);
    if (parts.empty() || parts.front().front() == '#') continue;
    ApiKey parsed;
    const std::string_view problem = parts.size() == 2 ? parse_api_key(parts[0], parts[1], parsed)
                                                       : "a line of a key file is NAME sha256:HEX";
    if (!problem.empty()) {
      report.error_without_source(where, std::string(problem), std::string(api_key_hint));
      continue;
    }
    parsed.where = where;
    out.push_back(std::move(parsed));
  }
}

}  // namespace weir::conf
