// Content codings undone by the libraries alone, all at once: what the judge compares weir's with.
#pragma once

#include <string>
#include <string_view>

namespace weir::fuzz {

struct Decoded {
  std::string bytes{};  // as far as they can be told
  bool ended = false;   // the coding came to its end
  bool bad = false;     // it is damaged, or has something behind its end
};

// "gzip", "x-gzip", "deflate", "br" or "zstd"; of any other all is bad.
Decoded decode(std::string_view coding, std::string_view coded);

}  // namespace weir::fuzz
