// An answer of a hostile origin: found, parsed, framed, decoded, written to the client.
#include <string>

#include "http/faults.h"
#include "http/framing.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

// The body in pieces against the body at once: same payload, same end, same error.
void decode_both_ways(const BodyFraming& framing, std::string_view bytes, std::uint32_t seed) {
  const Limits limits;
  BodyDecoder whole, split;
  whole.start(framing, limits, Side::upstream);
  split.start(framing, limits, Side::upstream);
  std::string first, second;
  for (std::string_view left = bytes; !left.empty() && !whole.done();) {
    const auto step = whole.decode(left);
    if (!step) break;
    check(step->consumed <= left.size());
    first += step->payload;
    left.remove_prefix(step->consumed);
  }
  Pieces pieces(bytes, seed);
  for (std::string_view piece; !split.failed() && !split.done() && pieces.next(piece);) {
    while (!piece.empty() && !split.done()) {
      const auto step = split.decode(piece);
      if (!step) break;
      second += step->payload;
      piece.remove_prefix(step->consumed);
    }
  }
  check(first == second);
  check(whole.done() == split.done() && whole.failed() == split.failed());
  check(whole.payload_bytes() == first.size());
  check(static_cast<bool>(whole.end_of_input()) == static_cast<bool>(split.end_of_input()));
}

void check_sent(std::string_view sent, const ResponseHead& head) {
  Limits wide;
  wide.request_line_bytes_max = wide.head_bytes_max = 1 << 20;
  wide.fields_max = 1000;
  wide.underscores = Underscores::keep;
  HeadScan scan{.kind = HeadKind::response};
  const auto size = find_head_end(sent, scan, wide);
  check(size && *size == sent.size());
  ResponseHead next;
  check(static_cast<bool>(parse_response_head(sent, wide, next)));
  check(next.status == head.status && next.reason == head.reason);
  check(next.fields.count(FieldId::content_length) +
            next.fields.count(FieldId::transfer_encoding) <=
        1);
}

void run(std::string_view bytes, std::uint8_t options) {
  const Limits limits;
  HeadScan scan{.kind = HeadKind::response};
  const auto size = find_head_end(bytes, scan, limits);
  if (!size) check(status_of(size.error()) == 502);
  if (!size || *size == 0) return;
  ResponseHead head;
  const auto parsed = parse_response_head(bytes.substr(0, *size), limits, head);
  if (!parsed) {
    check(status_of(parsed.error()) == 502);
    return;
  }
  const Method method = (options & 1) != 0 ? Method::head : Method::get;
  const auto framing = response_framing(head, method, (options & 2) != 0 ? "websocket" : "");
  if (!framing) return;
  if (framing->kind == BodyKind::tunnel) {
    check(head.status == 101 && (options & 2) != 0);
    return;
  }
  check(method != Method::head || !framing->has_body());
  const auto hop = take_hop_by_hop(head);
  if (!hop) return;
  const Outgoing outgoing{.framing = *framing, .date = "now", .server = "weir"};
  std::string out(response_head_bytes(head, outgoing), '\0');
  const auto written = write_response_head(head, outgoing, out);
  check(static_cast<bool>(written));
  check_sent(std::string_view(out).substr(0, *written), head);
  decode_both_ways(*framing, bytes.substr(*size), options);
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(h1_response) {
  if (input.empty()) return;
  weir::fuzz::run(input.substr(1), static_cast<std::uint8_t>(input.front()));
}
