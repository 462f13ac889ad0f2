// The report: what a run came to, for people and as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "tools/load/crew.h"

namespace weir::load {

double achieved_rate(const Outcome& outcome);  // answers a second
double failed_percent(const Tally& tally);
bool within_limit(const Plan& plan, const Tally& tally);  // of failures

// What the reader should know before believing the figures: the generator was the bottleneck, the
// target did not keep up with the rate.
std::vector<std::string> warnings(const Plan& plan, const Outcome& outcome);

std::string report_text(const Plan& plan, const Outcome& outcome, bool colour);
std::string report_json(const Plan& plan, const Outcome& outcome);

std::string time_text(std::chrono::nanoseconds time);  // "812 us", "1.23 ms", "12.3 s"

}  // namespace weir::load
