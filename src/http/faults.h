// Faults: everything that can be wrong with a message, and the status each one is answered with.
//
// One table (http/faults.def). A parser reports a Fault as an Error; status_of() finds the row
// again, so nobody else maps errors of this room to numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace weir {

enum class Fault : std::uint8_t {
#define FAULT(id, status, text) id,
#include "http/faults.def"
#undef FAULT
};

Error fault_error(Side side, Fault fault);
inline Error client_fault(Fault fault) { return fault_error(Side::client, fault); }

// What the client is answered: the row's status for a fault of the client, 502 for one of an
// upstream, 500 for one of ours; 400 for a client error that is not in the table.
std::uint16_t status_of(const Error& error);

}  // namespace weir
