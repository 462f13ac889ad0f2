// LoadReport: what peers say of their load and of themselves. Strict, bounded, pure: text from
// peers is as hostile as any other, and who says something malformed has said nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shm/peers.h"

namespace weir {

inline constexpr std::size_t load_report_bytes_max = 4096;

// "cpu=0.42 mem=0.61" (blanks or commas between, either may be missing, other names are passed
// over). Shares of 1; more than 1 is 1.
std::optional<shm::PeerLoad> parse_x_load(std::string_view text);

// ORCA's endpoint-load-metrics: "TEXT cpu_utilization=0.3,mem_utilization=0.8" or
// "JSON {"cpu_utilization": 0.3, ...}". Other metrics are passed over.
std::optional<shm::PeerLoad> parse_orca(std::string_view text);

// A line of HAProxy's agent-check. What it does not mention stays as it was.
struct AgentReport {
  enum class Service : std::uint8_t { unsaid, up, down };
  enum class Admin : std::uint8_t { unsaid, ready, drain, maintenance };
  Service service = Service::unsaid;
  Admin admin = Admin::unsaid;
  std::optional<std::uint8_t> percent;  // of the configured weight; more than 254 is 254
  std::optional<std::uint32_t> max_conns;
  std::string why;  // behind "down": the word, and what follows '#'
};
inline constexpr std::size_t agent_line_bytes_max = 1024;
std::optional<AgentReport> parse_agent_line(std::string_view line);  // without its end

}  // namespace weir
