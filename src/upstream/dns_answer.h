// DnsAnswer: what a DNS message says to the question that was asked (RFC 1035): addresses at the
// end of its CNAMEs, or services (RFC 2782). Transport, identifiers and truncation are c-ares'
// business; what is in the message is read here, because its own readers drop the times to live.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/address.h"

namespace weir {

enum class DnsType : std::uint16_t { a = 1, cname = 5, aaaa = 28, srv = 33 };

struct DnsService {
  std::uint16_t priority = 0, weight = 0, port = 0;
  std::string target;  // lower case, without the last dot; empty: the service is not there
  bool operator==(const DnsService&) const = default;
};

struct DnsAnswer {
  std::vector<Address> addresses;    // without a port
  std::vector<DnsService> services;  // of an SRV question
  std::chrono::seconds ttl{0};       // the least of what led to them; 0 where there is nothing
};

// `name` and `type` are what was asked. Nothing found is an empty answer, not an error.
Result<DnsAnswer> parse_dns_answer(std::string_view message, std::string_view name, DnsType type);

}  // namespace weir
