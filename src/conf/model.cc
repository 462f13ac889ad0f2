#include "conf/model.h"

#include <fmt/format.h>

namespace weir::conf {

std::string Config::place(Where where) const {
  if (!where.known()) return "built-in default";
  return fmt::format("{}:{}", files.at(where.file), where.line);
}

}  // namespace weir::conf
