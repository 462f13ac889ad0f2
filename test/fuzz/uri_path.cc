// Paths against a plain normaliser made of whole segments, and authorities against themselves.
#include <algorithm>
#include <string>
#include <vector>

#include "http/host.h"
#include "http/uri.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

bool is_unreserved(unsigned c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}
bool may_be_raw(unsigned c) {
  return is_unreserved(c) ||
         std::string_view("!$&'()*+,;=:@/").find(static_cast<char>(c)) != std::string_view::npos;
}

std::string escaped(unsigned byte) {
  const char* const hex = "0123456789ABCDEF";
  return {'%', hex[byte >> 4], hex[byte & 15]};
}

// Rule 8 in two passes over copies; empty: refused.
std::string plain_normal(const std::string& path, const TargetRules& rules) {
  std::string bytes;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto c = static_cast<unsigned char>(path[i]);
    if (c <= 0x20 || c >= 0x7f || c == '\\' || c == '?' || c == '#') return "";
    if (c != '%') {
      bytes += may_be_raw(c) ? std::string(1, path[i]) : escaped(c);
      continue;
    }
    const std::string hex = path.substr(i + 1, 2);
    if (hex.size() < 2 || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos) return "";
    const auto byte = static_cast<unsigned>(std::stoul(hex, nullptr, 16));
    if (byte == 0 || (rules.reject_encoded_slash && (byte == '/' || byte == '\\'))) return "";
    bytes += is_unreserved(byte) ? std::string(1, static_cast<char>(byte)) : escaped(byte);
    i += 2;
  }
  std::vector<std::string> segments;  // those behind a '/'
  for (std::size_t at = 0; at < bytes.size();) {
    const auto end = std::min(bytes.find('/', at + 1), bytes.size());
    const std::string segment = bytes.substr(at + 1, end - at - 1);
    const bool last = end == bytes.size();
    if (segment == "..") {
      if (segments.empty()) return "";
      segments.pop_back();
    }
    const bool dots = segment == "." || segment == "..";
    if (dots || (segment.empty() && rules.merge_slashes)) {
      if (last) segments.emplace_back();
    } else {
      segments.push_back(segment);
    }
    at = end;
  }
  std::string out;
  for (const std::string& segment : segments) out += "/" + segment;
  return out;
}

void run_path(std::string_view path, const TargetRules& rules) {
  if (!path.starts_with('/')) return;
  Arena arena;
  const auto normal = normalise_path(path, rules, arena);
  const std::string plain = plain_normal(std::string(path), rules);
  check(static_cast<bool>(normal) == !plain.empty());
  if (!normal) return;
  check(normal->path == plain);
  const auto again = normalise_path(normal->path, rules, arena);
  check(again && again->path == normal->path);
  check(again->only_unreserved);
  if (normal->only_unreserved) check(path.size() >= normal->path.size());
}

void run_authority(std::string_view text) {
  Arena arena;
  const auto authority = parse_authority(text, arena);
  if (!authority) return;
  const auto again = parse_authority(authority->host, arena);
  check(again && again->host == authority->host && again->kind == authority->kind);
  check(authority->host.find_first_of("/\\@?# \t\r\n%") == std::string_view::npos);
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 8192) return 0;
  const auto text = weir::fuzz::text_of(data + 1, size - 1);
  weir::fuzz::run_path(
      text, {.merge_slashes = (data[0] & 1) != 0, .reject_encoded_slash = (data[0] & 2) != 0});
  weir::fuzz::run_authority(text);
  return 0;
}
