// What peers say of themselves: X-Load, ORCA's load metrics, HAProxy's agent-check.
#include "upstream/load_report.h"

#include "test/fuzz/fuzz.h"

FUZZ_TARGET(load_report) {
  using weir::fuzz::check;
  if (const auto load = weir::parse_x_load(input)) {
    // What was understood is understood again behind names that are passed over.
    if (input.size() + 8 <= weir::load_report_bytes_max) {
      check(weir::parse_x_load("other=1 " + std::string(input)) == load);
    }
  }
  (void)weir::parse_orca(input);
  (void)weir::parse_orca("TEXT " + std::string(input));
  (void)weir::parse_orca("JSON " + std::string(input));
  if (const auto report = weir::parse_agent_line(input)) {
    using Service = weir::AgentReport::Service;
    check(input.size() <= weir::agent_line_bytes_max);
    check(report->why.empty() == (report->service != Service::down));
  }
}
