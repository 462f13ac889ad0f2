// Fields of one hop and those that Connection names, and what is told about the client, against a
// plain list of strings: first byte options, then field lines as in a head.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "http/faults.h"
#include "http/forwarded.h"
#include "http/h1_parser.h"
#include "http/hop_by_hop.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
std::string dashes(std::string text) {
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

Lines lines_of(const Fields& fields) {
  Lines out;
  for (const Field& field : fields) out.emplace_back(lower(field.name), field.value);
  return out;
}

std::vector<std::string> options_of(const Lines& lines) {
  std::vector<std::string> out;
  for (const auto& [name, value] : lines) {
    if (name != "connection") continue;
    std::string item;
    for (const char c : value + ",") {
      if (c != ',') {
        item += c;
        continue;
      }
      const auto first = item.find_first_not_of(" \t"), last = item.find_last_not_of(" \t");
      if (first != item.npos) out.push_back(lower(item.substr(first, last - first + 1)));
      item.clear();
    }
  }
  return out;
}

bool is_of_one_hop(const std::string& name) {
  static const std::vector<std::string> names = {
      "connection",     "keep-alive",    "proxy-connection",  "te",
      "trailer",        "upgrade",       "transfer-encoding", "proxy",
      "content-length", "http2-settings"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Some of those that no client may have taken away from its request.
bool must_stay(const std::string& option) {
  static const std::vector<std::string> names = {
      "host", "content-length", "transfer-encoding", "cookie",   "authorization", "x-real-ip",
      "via",  "x-request-id",   "forwarded",         "x-own-key"};
  const std::string name = dashes(option);
  return name.starts_with("x-forwarded-") ||
         std::find(names.begin(), names.end(), name) != names.end();
}

struct Trust final : TrustList {
  bool trusts(std::string_view address) const override { return address.starts_with("10."); }
};

void check_forwarded(RequestHead& head, bool trusted) {
  Arena arena;
  const Lines before = lines_of(head.fields);
  const std::string_view peer = trusted ? "10.0.0.1" : "192.0.2.1";
  const std::string_view client = client_address(head.fields, peer, Trust{});
  check(trusted || client == peer);
  ForwardedBy by;
  by.peer_address = peer;
  by.client_address = client;
  by.peer_trusted = trusted;
  by.scheme = "http";
  by.port = 80;
  by.request_id = "0123456789abcdef0123456789abcdef";
  add_forwarded(head, by, arena);
  if (arena.exhausted()) return;
  const Lines after = lines_of(head.fields);
  for (const char* name : {"x-forwarded-for", "forwarded", "x-real-ip", "via", "x-request-id",
                           "x-forwarded-proto", "x-forwarded-port"}) {
    std::size_t count = 0;
    for (const auto& [field, value] : after) count += field == name ? 1U : 0U;
    check(count == 1);
  }
  check(head.fields.value(FieldId::x_real_ip) == client);
  check(head.fields.value(FieldId::x_forwarded_for).ends_with(peer));
  if (trusted) return;
  check(head.fields.value(FieldId::x_forwarded_for) == peer);
  check(head.fields.value(FieldId::x_request_id) == by.request_id);
  for (const auto& [name, value] : after)  // in no other spelling either
    check(!dashes(name).starts_with("x-forwarded-") || name.find('_') == name.npos);
}

void run_request(std::string_view lines, std::uint8_t options) {
  const Limits limits{.underscores = static_cast<Underscores>(options % 3)};
  RequestHead head;
  if (!parse_fields(lines, limits, limits.fields_max, Side::client, head.fields)) return;
  head.version = (options & 4) != 0 ? Version::http_1_0 : Version::http_1_1;
  const Lines before = lines_of(head.fields);
  const std::vector<std::string> named = options_of(before);
  constexpr std::string_view own[] = {"X-Own-Key"};
  const auto hop = take_hop_by_hop(head, own);
  if (!hop) {
    check(status_of(hop.error()) == 400);
    return;
  }
  for (const std::string& option : named) check(!must_stay(option));
  Lines wanted;
  for (const auto& line : before) {
    const bool gone = is_of_one_hop(line.first) ||
                      std::find(named.begin(), named.end(), line.first) != named.end();
    if (!gone) wanted.push_back(line);
  }
  check(lines_of(head.fields) == wanted);
  const auto names = [&](const char* word) {
    return std::find(named.begin(), named.end(), word) != named.end();
  };
  check(hop->close == names("close"));
  check(!hop->te_trailers || names("te"));
  check(hop->upgrade.empty() || (names("upgrade") && (options & 4) == 0));
  check_forwarded(head, (options & 8) != 0);
}

void run_response(std::string_view lines) {
  const Limits limits{.underscores = Underscores::keep};
  ResponseHead head;
  if (!parse_fields(lines, limits, limits.fields_max, Side::upstream, head.fields)) return;
  const Lines before = lines_of(head.fields);
  const auto hop = take_hop_by_hop(head);
  if (!hop) {
    check(status_of(hop.error()) == 502);
    return;
  }
  const std::vector<std::string> named = options_of(before);
  for (const auto& [name, value] : lines_of(head.fields)) {
    check(!is_of_one_hop(name));
    check(std::find(named.begin(), named.end(), name) == named.end());
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(hop_by_hop) {
  if (input.empty() || input.size() > 16384) return;
  std::string lines(input.substr(1));
  if (!lines.ends_with("\r\n\r\n")) lines += lines.ends_with("\r\n") ? "\r\n" : "\r\n\r\n";
  weir::fuzz::run_request(lines, static_cast<std::uint8_t>(input.front()));
  weir::fuzz::run_response(lines);
}
