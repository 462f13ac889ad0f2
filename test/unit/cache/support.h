// Heads in a line, for the tables of cases.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/request_policy.h"
#include "cache/rules.h"
#include "http/date.h"
#include "http/message.h"

namespace weir::cache::test {

inline constexpr std::int64_t second = 1000;
inline constexpr std::int64_t day = 24 * 3600 * second;
inline constexpr std::int64_t now = 1'760'000'000 * second;  // in October 2025

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

inline ResponseHead answer(std::uint16_t status, const Lines& lines) {
  ResponseHead head;
  head.status = status;
  for (const auto& [name, value] : lines) head.fields.add(name, value);
  return head;
}

inline RequestHead request(Method method, const Lines& lines = {},
                           std::string_view uri = "/dir/page?q=1") {
  RequestHead head;
  head.method = method;
  head.authority = head.host = "example.com";
  head.target = head.request_uri = uri;
  for (const auto& [name, value] : lines) head.fields.add(name, value);
  return head;
}

// The date so many seconds from now. The text lives as long as the program.
inline std::string_view date(std::int64_t seconds_from_now) {
  static std::deque<std::string> texts;
  const auto text = format_http_date(std::chrono::system_clock::time_point(
      std::chrono::milliseconds(now + seconds_from_now * second)));
  return texts.emplace_back(text.data(), text.size());
}

inline RequestPlan plan_of(const RequestHead& head, const Rules& rules = {},
                           const RequestSigns& signs = {}) {
  return plan_request(head, rules, signs);
}

}  // namespace weir::cache::test
