// A plain path normaliser made of whole segments: what ours is compared with.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/uri.h"

namespace weir::fuzz {

inline bool is_unreserved(unsigned c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}
inline bool may_be_raw(unsigned c) {
  return is_unreserved(c) ||
         std::string_view("!$&'()*+,;=:@/").find(static_cast<char>(c)) != std::string_view::npos;
}

inline std::string escaped(unsigned byte) {
  const char* const hex = "0123456789ABCDEF";
  return {'%', hex[byte >> 4], hex[byte & 15]};
}

// Rule 8 in two passes over copies; empty: refused.
inline std::string plain_normal(const std::string& path, const TargetRules& rules) {
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

}  // namespace weir::fuzz
