#include "proxy/errors.h"

#include "http/faults.h"

namespace weir {
namespace {

struct Row {
  std::string_view text;
  Side side;
  Consequence consequence;
};

constexpr Row rows[] = {
#define TROUBLE(id, status, side, level, text) {text, Side::side, {status, log::Level::level}},
#include "proxy/troubles.def"
#undef TROUBLE
};

}  // namespace

Error trouble(Trouble which) {
  const Row& row = rows[static_cast<std::size_t>(which)];
  return {row.side, row.text};
}

bool is(const Error& error, Trouble which) {
  return rows[static_cast<std::size_t>(which)].text.data() == error.what.data();
}

// A row is found by the address of its text: an Error carries nothing else, and texts are literals.
Consequence consequence_of(const Error& error) {
  for (const Row& row : rows)
    if (row.text.data() == error.what.data()) return row.consequence;
  const std::uint16_t status = status_of(error);
  switch (error.side) {
    case Side::client: return {status, log::Level::info};
    case Side::upstream:
    case Side::self: return {status, log::Level::error};
  }
  return {500, log::Level::crit};
}

}  // namespace weir
