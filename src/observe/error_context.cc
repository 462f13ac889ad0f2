#include "observe/error_context.h"

#include "http/escape.h"

namespace weir::observe {
namespace {

struct Part {
  std::string_view label;
  VariableId id;
  bool quoted;
};
constexpr Part parts[] = {
    {", client: ", VariableId::remote_addr, false},
    {", server: ", VariableId::server_name, false},
    {", request: ", VariableId::request, true},
    {", upstream: ", VariableId::upstream_addr, true},
    {", host: ", VariableId::http_host, true},
};

}  // namespace

void append_context(const Values& values, std::string& message) {
  std::string value;  // an error line may allocate
  for (const Part& part : parts) {
    value.clear();
    if (!values.append({part.id}, value) || value.empty()) continue;
    message += part.label;
    if (part.quoted) message += '"';
    append_escaped(value, Escape::log, message);
    if (part.quoted) message += '"';
  }
}

}  // namespace weir::observe
