// MediaTypes: a list of media types (RFC 9110 8.3.1), some of them written for many.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

class MediaTypes {
 public:
  // One pattern: "text/html", "text/*", "+json" (all whose subtype ends with it), "*". False: it is
  // none of them.
  bool add(std::string_view pattern);
  bool has(std::string_view pattern) const;  // written so, in any case
  // A Content-Type, with its parameters.
  bool match(std::string_view content_type) const;
  const std::vector<std::string>& patterns() const { return patterns_; }
  bool operator==(const MediaTypes&) const = default;

 private:
  std::vector<std::string> patterns_;  // in lower case, each once
};

}  // namespace weir
