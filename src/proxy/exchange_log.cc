#include "proxy/exchange_log.h"

#include <fmt/format.h>

#include "observe/error_context.h"
#include "proxy/exchange_state.h"
#include "proxy/values.h"
#include "proxy/worker_context.h"

namespace weir {

void log_error(const ExchangeState& state, const Error& why, log::Level level) {
  if (!log::enabled(level)) return;
  std::string message = fmt::format("*{} {}", state.client.facts().serial, why.what);
  observe::append_context(ExchangeValues(state), message);
  log::write(level, message);
}

void leave_breadcrumb(const ExchangeState& state, std::string_view phase) {
  const RequestHead& request = state.request();
  state.context.slot.leave({request.method_text, request.host, request.target,
                            state.tried ? state.last_try.peer : std::string_view{}, phase});
}

}  // namespace weir
