#include "base/json.h"

namespace weir {

Json parse_json(std::string_view text) { return Json::parse(text, nullptr, false); }

std::string dump_json(const Json& json) { return dump_json(json, -1); }

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weir
