// A request on its way through the whole room: found, parsed, judged, rewritten, written, and read
// again by the next hop. What is sent must be one message with one meaning.
#include <string>

#include "http/faults.h"
#include "http/forwarded.h"
#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "http/uri.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

struct TrustAll final : TrustList {
  bool trusts(std::string_view) const override { return true; }
};

// The size of the head, found in pieces and at once; both must agree. 0: none.
std::size_t head_size(std::string_view bytes, const Limits& limits, std::uint32_t seed) {
  HeadScan whole;
  const auto at_once = find_head_end(bytes, whole, limits);
  HeadScan scan;
  Pieces pieces(bytes, seed);
  std::size_t seen = 0;
  for (std::string_view piece; pieces.next(piece);) {
    seen += piece.size();
    const auto found = find_head_end(bytes.substr(0, seen), scan, limits);
    if (!found) {
      check(!at_once);
      return 0;
    }
    if (*found != 0) {
      check(at_once && *at_once == *found);
      return *found;
    }
  }
  check(at_once && *at_once == 0);
  return 0;
}

// What no accepted head may contain, by a plain look at its bytes.
void check_plain(std::string_view head) {
  check(head.ends_with("\r\n\r\n"));
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto byte = static_cast<unsigned char>(head[i]);
    if (head[i] == '\n') {
      check(i > 0 && head[i - 1] == '\r');
    } else if (head[i] == '\r') {
      check(i + 1 < head.size() && head[i + 1] == '\n');
    } else {
      check(head[i] == '\t' || (byte >= 0x20 && byte != 0x7f));
    }
  }
  check(head.find("\r\n ") == head.npos && head.find("\r\n\t") == head.npos);
}

// The next hop reads what we sent: same path, one Host, one framing, nothing hop-by-hop.
void check_sent(std::string_view sent, const RequestHead& head, const BodyFraming& framing) {
  Limits wide;
  wide.request_line_bytes_max = wide.head_bytes_max = 1 << 20;
  wide.fields_max = 1000;
  wide.underscores = Underscores::keep;
  HeadScan scan;
  const auto size = find_head_end(sent, scan, wide);
  check(size && *size == sent.size());
  check_plain(sent);
  RequestHead next;
  check(static_cast<bool>(parse_request_head(sent, wide, next)));
  check(next.method_text == head.method_text);
  check(next.target == head.upstream_path);
  check(next.fields.count(FieldId::host) == 1);
  check(next.fields.value(FieldId::host) == head.authority);
  const auto next_framing = request_framing(next);
  check(next_framing && next_framing->kind == framing.kind &&
        next_framing->length == framing.length);
  for (const FieldId id : {FieldId::connection, FieldId::upgrade, FieldId::te, FieldId::keep_alive})
    check(!next.fields.has(id));
  check(next.fields.count(FieldId::x_forwarded_for) == 1);
}

void run(std::string_view bytes, std::uint8_t options) {
  Limits limits;
  limits.underscores = static_cast<Underscores>(options % 3);
  const std::size_t size = head_size(bytes, limits, options);
  if (size == 0) return;
  RequestHead head;
  const auto parsed = parse_request_head(bytes.substr(0, size), limits, head);
  if (!parsed) {
    check(status_of(parsed.error()) >= 400);
    return;
  }
  check_plain(bytes.substr(0, size));
  const auto framing = request_framing(head);
  if (!framing) return;
  Arena arena;
  const TargetRules rules{.merge_slashes = (options & 4) != 0,
                          .reject_encoded_slash = (options & 8) != 0};
  if (!resolve_target(head, rules, arena)) return;
  expectation(head, framing->has_body());
  query_argument(head.query, "a");
  cookie_value(head.fields, "a");
  if (!take_hop_by_hop(head)) return;
  const bool trusted = (options & 16) != 0;
  const std::string_view client =
      trusted ? client_address(head.fields, "192.0.2.1", TrustAll{}) : "192.0.2.1";
  add_forwarded(head,
                {.peer_address = "192.0.2.1",
                 .client_address = client,
                 .peer_trusted = trusted,
                 .scheme = "http",
                 .port = 80,
                 .request_id = "0"},
                arena);
  check(!arena.exhausted());
  const Outgoing outgoing{.framing = *framing};  // HTTP/1.1, whatever the client spoke
  std::string out(request_head_bytes(head, head.upstream_path, outgoing), '\0');
  const auto written = write_request_head(head, head.upstream_path, outgoing, out);
  check(static_cast<bool>(written));
  check_sent(std::string_view(out).substr(0, *written), head, *framing);
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(h1_request) {
  if (input.empty()) return;
  weir::fuzz::run(input.substr(1), static_cast<std::uint8_t>(input.front()));
}
