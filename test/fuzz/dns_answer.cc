// Messages of DNS servers.
#include "upstream/dns_answer.h"

#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

void run_dns_answer(std::string_view message) {
  for (const DnsType type : {DnsType::a, DnsType::aaaa, DnsType::srv}) {
    const auto answer = parse_dns_answer(message, "api.internal", type);
    if (!answer) continue;
    check(answer->services.empty() || type == DnsType::srv);
    check(answer->addresses.empty() || type != DnsType::srv);
    check(answer->ttl.count() >= 0);
    for (const Address& address : answer->addresses) {
      check(address.kind() == (type == DnsType::a ? Address::Kind::ipv4 : Address::Kind::ipv6));
    }
    for (const DnsService& service : answer->services) {
      check(service.target.size() <= 255 && service.target.find('\0') == service.target.npos);
    }
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(dns_answer) {
  if (input.size() <= 65536) weir::fuzz::run_dns_answer(input);
}
