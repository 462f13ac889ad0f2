// Accept-Encoding: whatever comes, what is chosen is acceptable or identity, and nothing that is
// liked better was left.
#include "http/accept_encoding.h"

#include <algorithm>
#include <array>

#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

void run_choice(const AcceptEncoding& accept, std::span<const ContentCoding> order) {
  const ContentCoding chosen = accept.choose(order);
  if (chosen != ContentCoding::identity) {
    check(accept.accepts(chosen));
    check(std::find(order.begin(), order.end(), chosen) != order.end());
    check(accept.weight(chosen) >= accept.weight(ContentCoding::identity));
  }
  for (const ContentCoding coding : order) {
    check(accept.weight(coding) <= AcceptEncoding::whole);
    check(!accept.accepts(coding) || accept.weight(coding) <= accept.weight(chosen));
  }
}

}  // namespace
}  // namespace weir::fuzz

// A line break parts two fields.
FUZZ_TARGET(accept_encoding) {
  using namespace weir;
  Fields fields;
  const std::size_t end = std::min(input.find('\n'), input.size());
  fields.add(FieldId::accept_encoding, input.substr(0, end));
  if (end < input.size()) fields.add(FieldId::accept_encoding, input.substr(end + 1));
  const AcceptEncoding accept(fields);
  std::array order = real_codings;
  weir::fuzz::run_choice(accept, order);
  std::reverse(order.begin(), order.end());
  weir::fuzz::run_choice(accept, order);
  weir::fuzz::run_choice(accept, std::span(order).first(1));
  weir::fuzz::run_choice(accept, {});
}
