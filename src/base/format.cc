#include "base/format.h"

#include <algorithm>
#include <iterator>

namespace weir {

void vappend_format(std::string& out, fmt::string_view format, fmt::format_args args) {
  fmt::vformat_to(std::back_inserter(out), format, args);
}

std::size_t vformat_into(std::span<char> out, fmt::string_view format, fmt::format_args args) {
  return std::min(fmt::vformat_to_n(out.data(), out.size(), format, args).size, out.size());
}

}  // namespace weir
