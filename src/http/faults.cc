#include "http/faults.h"

#include <algorithm>
#include <iterator>

namespace weir {
namespace {

struct Row {
  std::uint16_t status;
  std::string_view text;
};
constexpr Row rows[] = {
#define FAULT(id, status, text) {status, text},
#include "http/faults.def"
#undef FAULT
};

}  // namespace

Error fault_error(Side side, Fault fault) {
  return {side, rows[static_cast<std::size_t>(fault)].text};
}

std::uint16_t status_of(const Error& error) {
  switch (error.side) {
    case Side::upstream: return 502;
    case Side::self: return 500;
    case Side::client: break;
  }
  const auto* row = std::find_if(std::begin(rows), std::end(rows),
                                 [&](const Row& each) { return each.text == error.what; });
  return row == std::end(rows) ? 400 : row->status;
}

}  // namespace weir
