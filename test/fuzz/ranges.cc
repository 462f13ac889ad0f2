// Range fields and entity-tags: what is selected lies inside, overlaps nothing and is no more than
// the whole; multipart framing has the length it says.
#include <cstdint>
#include <string>

#include "http/conditional.h"
#include "http/ranges.h"
#include "http/syntax.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

void run_ranges(std::string_view field, std::uint64_t length) {
  RangeSet set;
  if (select_ranges(field, length, set) != RangeVerdict::partial) return;
  check(set.size() > 0 && set.size() <= RangeSet::ranges_max);
  std::uint64_t bytes = 0;
  for (std::size_t at = 0; at < set.size(); ++at) {
    check(set[at].first <= set[at].last && set[at].last < length);
    bytes += set[at].size();
    for (std::size_t other = 0; other < at; ++other) {
      check(set[at].first > set[other].last || set[other].first > set[at].last);
    }
  }
  check(bytes <= length);
  check(!asks_for_all(field) || (set.size() == 1 && bytes == length));

  const Multipart multipart("boundary", "text/plain", length, set);
  std::string text;
  for (std::size_t at = 0; at < set.size(); ++at) multipart.append_part_head(at, text);
  multipart.append_end(text);
  check(multipart.total() == text.size() + bytes);
  check(text.size() <= 128 * (set.size() + 1));
}

void run_tags(std::string_view text) {
  const auto tag = parse_entity_tag(text);
  if (tag) check(weakly_equal(*tag, *tag) && strongly_equal(*tag, *tag) == !tag->weak);
  RequestHead head;
  head.method = Method::get;
  for (const FieldId id :
       {FieldId::if_match, FieldId::if_none_match, FieldId::if_range, FieldId::if_modified_since,
        FieldId::if_unmodified_since, FieldId::range}) {
    head.fields.clear();
    head.fields.add(id, text);
    const Validators stored{tag, 0, 1000};
    evaluate(head, stored, 0);
    range_applies(head, stored, 0);
    // A tag is found in a list that is nothing but itself.
    if (id == FieldId::if_none_match && tag) {
      check(evaluate(head, stored, 0) == Precondition::not_modified);
    }
  }
}

}  // namespace
}  // namespace weir::fuzz

// Two bytes choose the length, so that positions of any number of digits meet its end.
FUZZ_TARGET(ranges) {
  weir::fuzz::run_tags(input);
  if (input.size() < 2) return;
  const auto bits = static_cast<unsigned char>(input[0]) % 63U;
  const std::uint64_t length =
      (std::uint64_t{1} << bits) + static_cast<unsigned char>(input[1]) - 1;
  weir::fuzz::run_ranges(input.substr(2), length);
}
