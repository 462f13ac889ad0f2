#include "http/ranges.h"

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "base/text.h"

namespace weir {
namespace {

// What the head of a part costs: ranges with a smaller gap become one (RFC 9110 15.3.7.2).
constexpr std::uint64_t gap_max = 80;
// More that lie over one another are no honest wish (RFC 9110 14.2).
constexpr std::size_t overlaps_max = 2;

std::string_view ranges_of(std::string_view field) {
  field = trim(field);
  constexpr std::string_view unit = "bytes=";
  if (field.size() <= unit.size() || !iequals(field.substr(0, unit.size()), unit)) return {};
  return field.substr(unit.size());
}

// Digits; more than fit are as good as the largest: beyond the end of anything.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  return parse_decimal(text).value_or(UINT64_MAX);
}

struct Spec {
  bool valid = false;        // its syntax
  bool satisfiable = false;  // it has a byte of the representation
  bool of_nothing = false;  // a suffix of an empty one: satisfiable, and no range (RFC 9110 14.1.2)
  ByteRange range{};
};

// "0-499", "500-", "-500" (RFC 9110 14.1.2).
Spec parse_spec(std::string_view text, std::uint64_t length) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return {};
  const std::string_view left = text.substr(0, dash), right = text.substr(dash + 1);
  if (left.empty()) {
    const auto suffix = parse_position(right);
    if (!suffix) return {};
    if (*suffix == 0 || length == 0) return {true, false, *suffix > 0, {}};
    return {true, true, false, {length - std::min(*suffix, length), length - 1}};
  }
  const auto first = parse_position(left);
  if (!first) return {};
  const auto last =
      right.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : parse_position(right);
  if (!last || *last < *first) return {};
  if (*first >= length) return {true, false, false, {}};
  return {true, true, false, {*first, std::min(*last, length - 1)}};
}

bool overlap(const ByteRange& a, const ByteRange& b) {
  return a.first <= b.last && b.first <= a.last;
}

bool near(const ByteRange& a, const ByteRange& b) {
  if (overlap(a, b)) return true;
  return a.first > b.last ? a.first - b.last - 1 <= gap_max : b.first - a.last - 1 <= gap_max;
}

}  // namespace

class RangeReader {
 public:
  static RangeVerdict read(std::string_view field, std::uint64_t length, RangeSet& out) {
    out.count_ = 0;
    std::string_view rest = ranges_of(field);
    if (rest.empty()) return RangeVerdict::whole;
    std::size_t specs = 0, overlaps = 0;
    while (true) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view text = trim(rest.substr(0, comma));
      if (!text.empty()) {  // an empty element is passed over (RFC 9110 5.6.1.2)
        const Spec spec = parse_spec(text, length);
        if (!spec.valid || spec.of_nothing || ++specs > RangeSet::ranges_max) {
          return RangeVerdict::whole;
        }
        if (spec.satisfiable) overlaps += add(spec.range, out);
      }
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
    if (specs == 0 || overlaps > overlaps_max) return RangeVerdict::whole;
    if (out.count_ == 0) return RangeVerdict::unsatisfiable;
    coalesce(out);
    std::uint64_t asked = 0;
    for (const ByteRange& range : out.ranges()) asked += range.size();
    // One range of everything is answered as one: players learn from the 206 that they may seek.
    return specs > 1 && asked >= length ? RangeVerdict::whole : RangeVerdict::partial;
  }

 private:
  // Returns how many it lies over.
  static std::size_t add(const ByteRange& range, RangeSet& out) {
    const auto known = out.ranges();
    const auto over = std::count_if(known.begin(), known.end(),
                                    [&](const ByteRange& other) { return overlap(other, range); });
    out.ranges_[out.count_++] = range;
    return static_cast<std::size_t>(over);
  }

  // Joins the later one to the earlier, until no two are near: a joined one may have new
  // neighbours.
  static void coalesce(RangeSet& out) {
    for (std::size_t at = 0; at < out.count_; ++at) {
      for (std::size_t other = at + 1; other < out.count_;) {
        ByteRange& kept = out.ranges_[at];
        const ByteRange& joined = out.ranges_[other];
        if (!near(kept, joined)) {
          ++other;
          continue;
        }
        kept = {std::min(kept.first, joined.first), std::max(kept.last, joined.last)};
        std::copy(out.ranges_.begin() + static_cast<std::ptrdiff_t>(other) + 1,
                  out.ranges_.begin() + static_cast<std::ptrdiff_t>(out.count_),
                  out.ranges_.begin() + static_cast<std::ptrdiff_t>(other));
        --out.count_;
        other = at + 1;
      }
    }
  }
};

bool RangeSet::operator==(const RangeSet& other) const {
  return std::equal(ranges().begin(), ranges().end(), other.ranges().begin(), other.ranges().end());
}

RangeVerdict select_ranges(std::string_view field, std::uint64_t length, RangeSet& out) {
  return RangeReader::read(field, length, out);
}

bool asks_for_all(std::string_view field) { return ranges_of(field) == "0-"; }

void append_content_range(const ByteRange& range, std::uint64_t length, std::string& out) {
  append_format(out, "bytes {}-{}/{}", range.first, range.last, length);
}

void append_unsatisfied_range(std::uint64_t length, std::string& out) {
  append_format(out, "bytes */{}", length);
}

Multipart::Multipart(std::string_view boundary, std::string_view content_type, std::uint64_t length,
                     const RangeSet& ranges)
    : boundary_(boundary), content_type_(content_type), length_(length), ranges_(ranges) {
  std::string head;
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    head.clear();
    append_part_head(at, head);
    total_ += head.size() + ranges[at].size();
  }
  head.clear();
  append_end(head);
  total_ += head.size();
}

void Multipart::append_part_head(std::size_t at, std::string& out) const {
  append_format(out, "{}--{}\r\n", at == 0 ? "" : "\r\n", boundary_);
  if (!content_type_.empty()) {
    append_format(out, "Content-Type: {}\r\n", content_type_);
  }
  out += "Content-Range: ";
  append_content_range(ranges_[at], length_, out);
  out += "\r\n\r\n";
}

void Multipart::append_end(std::string& out) const {
  append_format(out, "\r\n--{}--\r\n", boundary_);
}

void Multipart::append_content_type(std::string& out) const {
  append_format(out, "multipart/byteranges; boundary={}", boundary_);
}

}  // namespace weir
