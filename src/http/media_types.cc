#include "http/media_types.h"

#include <algorithm>

#include "base/text.h"
#include "http/syntax.h"

namespace weir {
namespace {

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern == "*") return true;
  if (pattern.front() == '+')
    return type.size() > pattern.size() &&
           iequals(type.substr(type.size() - pattern.size()), pattern);
  if (pattern.ends_with("/*")) {
    pattern.remove_suffix(1);
    return type.size() > pattern.size() && iequals(type.substr(0, pattern.size()), pattern);
  }
  return iequals(type, pattern);
}

}  // namespace

bool MediaTypes::add(std::string_view pattern) {
  const std::size_t slash = pattern.find('/');
  if (pattern.starts_with('+')) {
    if (!is_token(pattern.substr(1))) return false;
  } else if (slash == pattern.npos) {
    if (pattern != "*") return false;
  } else if (!is_token(pattern.substr(0, slash)) || !is_token(pattern.substr(slash + 1)) ||
             pattern.starts_with('*')) {
    return false;
  }
  if (!has(pattern)) patterns_.push_back(lower(pattern));
  return true;
}

bool MediaTypes::has(std::string_view pattern) const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [pattern](const std::string& each) { return iequals(each, pattern); });
}

bool MediaTypes::match(std::string_view content_type) const {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (type.find('/') == type.npos) return false;
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [type](const std::string& each) { return matches(each, type); });
}

}  // namespace weir
