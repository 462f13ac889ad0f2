#include "proxy/slice_map.h"

#include <algorithm>

#include "base/text.h"
#include "http/conditional.h"

namespace weir {
namespace {

// Where a position of a Range is taken to be one from the end.
constexpr std::uint64_t beyond_all = std::uint64_t{1} << 62;
// A modification is told apart from the one before it (RFC 9110 8.8.2.2).
constexpr std::int64_t date_is_strong_ms = 1000;

// "12 " of "12 34": the number, and the rest behind the mark.
std::optional<std::uint64_t> take_number(std::string_view& text, char mark) {
  const std::size_t end = text.find(mark);
  if (end == text.npos) return std::nullopt;
  const auto number = parse_decimal(text.substr(0, end));
  text.remove_prefix(end + 1);
  return number;
}

}  // namespace

ByteRange SliceMap::range_of(std::uint64_t number) const {
  const std::uint64_t first = begin_of(number);
  return {first, std::min(first + slice_size, total) - 1};
}

std::string SliceMap::text() const {
  return std::to_string(total) + ' ' + std::to_string(slice_size) + ' ' + word;
}

std::optional<SliceMap> SliceMap::parse(std::string_view text) {
  SliceMap map;
  const auto total = take_number(text, ' '), size = take_number(text, ' ');
  if (!total || !size || *size == 0 || *total == 0 || *total > beyond_all || text.empty())
    return std::nullopt;
  map.total = *total;
  map.slice_size = *size;
  map.word = text;
  return map;
}

void SliceMap::append_slice_key(std::string_view key, std::uint64_t number,
                                std::string& out) const {
  out.append(key).append("\n@").append(word).append(1, '.').append(std::to_string(number));
}

std::optional<PartOfWhole> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (text.size() < unit.size() || !iequals(text.substr(0, unit.size()), unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto first = take_number(text, '-'), last = take_number(text, '/');
  const auto total = parse_decimal(text);
  if (!first || !last || !total || *first > *last || *last >= *total || *total > beyond_all)
    return std::nullopt;
  return PartOfWhole{{*first, *last}, *total};
}

std::uint64_t first_slice_wanted(const Fields& request, std::uint64_t slice_size) {
  RangeSet ranges;
  if (request.count(FieldId::range) != 1) return 0;
  const auto verdict = select_ranges(request.value(FieldId::range), beyond_all, ranges);
  if (verdict != RangeVerdict::partial || ranges[0].first >= beyond_all / 2) return 0;
  return ranges[0].first / slice_size;
}

SliceValidator SliceValidator::of(const Fields& answer, std::int64_t now) {
  SliceValidator out;
  const Validators validators = validators_of(answer, now);
  out.etag = answer.value(FieldId::etag);
  out.last_modified = answer.value(FieldId::last_modified);
  out.etag_is_strong = validators.etag && !validators.etag->weak;
  // What has no Date was made when it came (RFC 9110 6.6.1).
  const bool date_is_strong =
      validators.last_modified &&
      validators.date.value_or(now) - *validators.last_modified >= date_is_strong_ms;
  out.is_usable = out.etag_is_strong || date_is_strong;
  return out;
}

bool SliceValidator::matches(const Fields& answer) const {
  if (answer.value(FieldId::etag) != etag) return false;
  return etag_is_strong || answer.value(FieldId::last_modified) == last_modified;
}

}  // namespace weir
