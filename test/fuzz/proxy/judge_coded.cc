// Judge, third part: bodies as they were given: in a content coding, without it, in parts.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/proxy/decode.h"
#include "test/fuzz/proxy/fragments.h"
#include "test/fuzz/proxy/judge.h"

namespace weir::fuzz {
namespace {

// In one word; several codings on one another are none that anybody undoes.
std::string coding_of(const StrictMessage& answer) {
  std::string out;
  for (const auto& [name, value] : answer.fields) {
    if (name != "content-encoding") continue;
    for (const std::string& word : list_words(value)) {
      if (word == "identity") continue;
      if (!out.empty()) out += ", ";
      out += word;
    }
  }
  return out;
}

// RFC 9110 12.5.3, as far as that nobody gets what it has not named.
bool names_coding(const StrictMessage& request, std::string_view coding) {
  for (const auto& [name, value] : request.fields) {
    if (name != "accept-encoding") continue;
    const std::string all = lower_case(value);
    if (all.find(coding) != all.npos || all.find('*') != all.npos) return true;
  }
  return false;
}

// A whole one is all of it, and one that is cut short is its beginning.
bool is_body_of(std::string_view body, bool whole, std::string_view got, bool got_whole) {
  return body.starts_with(got) && (!got_whole || (whole && body.size() == got.size()));
}

}  // namespace

// The body, coded as it came or otherwise.
bool Judge::carries(const Content& content, const Asking& it) {
  const StrictMessage &answer = content.source.answer, &got = it.got;
  const std::string from = coding_of(answer), to = coding_of(got);
  const bool got_whole = got.all == Part::whole;
  if (it.asked.start[0] == "HEAD") {
    if (content.source.request.start[0] != "GET" || !content.whole || from != to) return true;
    return got.count("content-length") == 0 ||
           parse_decimal(got.value("content-length")) == content.body.size();
  }
  if (from == to) return is_body_of(content.body, content.whole, got.body, got_whole);
  if (!it.place.coded) return false;
  if (to.empty()) {
    const Decoded plain = decode(from, content.body);
    return is_body_of(plain.bytes, content.whole && plain.ended && !plain.bad, got.body, got_whole);
  }
  if (!from.empty()) return false;
  // RFC 9110 8.8.3: a strong tag names the bytes.
  check(names_coding(it.asked, to));
  check(!got.value("etag").starts_with('"'));
  check(got.lists("vary", "accept-encoding") || got.lists("vary", "*"));
  const Decoded plain = decode(to, got.body);
  return !plain.bad && (!got_whole || plain.ended) &&
         is_body_of(content.body, content.whole, plain.bytes, got_whole);
}

// RFC 9110 15.3.7. Parts are never coded by us.
bool Judge::has_parts_of(const Content& content, const Asking& it) {
  const StrictMessage& answer = content.source.answer;
  if (coding_of(answer) != coding_of(it.got)) return false;
  std::optional<std::uint64_t> total = parse_decimal(answer.value("content-length"));
  if (content.whole) total = content.body.size();
  // Of another version than it has, it gets the whole (RFC 9110 13.1.5).
  const std::string_view condition = it.asked.value("if-range");
  if (condition.starts_with('"') && answer.value("etag") != condition) return false;
  std::vector<Piece> pieces;
  return read_pieces(it.got, pieces) &&
         std::all_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
           return piece.total == total && piece.first <= content.body.size() &&
                  content.body.substr(piece.first).starts_with(piece.bytes);
         });
}

}  // namespace weir::fuzz
