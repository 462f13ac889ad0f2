#include "tools/load/tally.h"

#include <algorithm>

namespace weir::load {
namespace {

struct Kind {
  std::string_view name, text;
};
constexpr std::array<Kind, failure_kinds> kinds{{
    {"connect_refused", "connection refused"},
    {"connect_timeout", "no connection in time"},
    {"connect_failed", "connection failed"},
    {"tls", "TLS failed"},
    {"reset", "connection reset"},
    {"closed", "closed before the answer was whole"},
    {"malformed", "malformed answer"},
    {"timeout", "no whole answer in time"},
    {"status", "status not expected"},
    {"local", "out of local resources"},
}};

}  // namespace

std::string_view failure_name(Failure kind) { return kinds[static_cast<std::size_t>(kind)].name; }
std::string_view failure_text(Failure kind) { return kinds[static_cast<std::size_t>(kind)].text; }

void Tally::failed(Failure kind, std::string_view detail) {
  const auto at = static_cast<std::size_t>(kind);
  if (failures[at]++ != 0) return;
  const auto size = std::min(detail.size(), details[at].size() - 1);
  std::ranges::copy(detail.substr(0, size), details[at].begin());
}

std::uint64_t Tally::failed() const {
  std::uint64_t sum = 0;
  for (const auto count : failures) sum += count;
  return sum;
}

void Tally::add(const Tally& other) {
  requests += other.requests;
  ok += other.ok;
  in_window += other.in_window;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  connections += other.connections;
  tls_full += other.tls_full;
  tls_resumed += other.tls_resumed;
  for (std::size_t i = 0; i < statuses.size(); ++i) statuses[i] += other.statuses[i];
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    failures[i] += other.failures[i];
    if (details[i][0] == '\0') details[i] = other.details[i];
  }
  latency.add(other.latency);
  lag.add(other.lag);
  last_end = std::max(last_end, other.last_end);
}

}  // namespace weir::load
