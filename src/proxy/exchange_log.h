// What is told of an exchange while it goes on: lines of the error log, and where its worker is.
#pragma once

#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace weir {

struct ExchangeState;

void log_error(const ExchangeState& state, const Error& why, log::Level level);
// For who looks at the slot of a worker that hangs or died.
void leave_breadcrumb(const ExchangeState& state, std::string_view phase);

}  // namespace weir
