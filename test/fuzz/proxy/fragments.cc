#include "test/fuzz/proxy/fragments.h"

#include <algorithm>

#include "base/text.h"
#include "test/fuzz/proxy/decode.h"
#include "test/fuzz/proxy/target.h"

namespace weir::fuzz {
namespace {

// A field of a part's head, as we write it; empty: there is none.
std::string_view field_in(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == head.npos) return {};
  const std::string_view value = head.substr(at + name.size());
  return value.substr(0, value.find("\r\n"));
}

// RFC 9110 14.6. What is cut short in a head of a part says nothing more.
bool read_many(const StrictMessage& answer, std::string_view boundary, std::vector<Piece>& pieces) {
  const std::string line = "\r\n--" + std::string(boundary);
  std::string_view rest = answer.body, delimiter = line;
  delimiter.remove_prefix(2);  // of the first one
  for (;; delimiter = line) {
    if (rest.size() < delimiter.size() + 4) return answer.all != Part::whole;
    if (!rest.starts_with(delimiter)) return false;
    rest.remove_prefix(delimiter.size());
    if (rest == "--\r\n") return true;
    const auto end = rest.find("\r\n\r\n");
    if (end == rest.npos) return answer.all != Part::whole;
    const PartOf part = part_of(field_in(rest.substr(0, end + 2), "Content-Range: "));
    if (!part.known) return false;
    rest.remove_prefix(end + 4);
    pieces.push_back(
        {part.first, part.end - part.first, part.total, rest.substr(0, part.end - part.first)});
    rest.remove_prefix(pieces.back().bytes.size());
  }
}

}  // namespace

bool read_pieces(const StrictMessage& answer, std::vector<Piece>& pieces) {
  constexpr std::string_view many = "multipart/byteranges; boundary=";
  const std::string_view type = answer.value("content-type");
  if (answer.count("content-range") == 0 && type.starts_with(many)) {
    if (!read_many(answer, type.substr(many.size()), pieces)) return false;
  } else {
    const PartOf part = part_of(answer.value("content-range"));
    if (!part.known) return false;
    pieces.push_back({part.first, part.end - part.first, part.total, answer.body});
  }
  return std::all_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
    return piece.bytes.size() == piece.size ||
           (piece.bytes.size() < piece.size && answer.all != Part::whole);
  });
}

void Fragments::add(const StrictMessage& answer) {
  if (answer.status() == 200)
    all_.push_back({0, answer.body, answer.all == Part::whole ? answer.body.size() : 0});
  if (answer.status() != 206) return;
  const PartOf part = part_of(answer.value("content-range"));
  if (part.known) all_.push_back({part.first, answer.body, part.total});
}

// From each place that can be reached some of them may go on: so all places up to the farthest one
// can be reached.
bool Fragments::cover(std::size_t at, std::string_view bytes) const {
  while (!bytes.empty()) {
    std::size_t most = 0;
    for (const Fragment& it : all_) {
      if (at < it.first || at - it.first >= it.bytes.size()) continue;
      const std::string_view here = it.bytes.substr(at - it.first);
      const auto same = std::mismatch(here.begin(), here.end(), bytes.begin(), bytes.end());
      most = std::max(most, static_cast<std::size_t>(same.first - here.begin()));
    }
    if (most == 0) return false;
    at += most;
    bytes.remove_prefix(most);
  }
  return true;
}

bool Fragments::is_total(std::size_t size) const {
  return std::any_of(all_.begin(), all_.end(),
                     [size](const Fragment& it) { return it.total == size; });
}

bool Fragments::are_whole(const StrictMessage& answer) const {
  std::string_view body = answer.body;
  Decoded decoded{.ended = true};
  if (answer.count("content-encoding") > 0) {
    decoded = decode(answer.value("content-encoding"), body);
    body = decoded.bytes;
  }
  if (decoded.bad || !cover(0, body)) return false;
  return answer.all != Part::whole || (decoded.ended && is_total(body.size()));
}

bool Fragments::have_parts(const StrictMessage& answer) const {
  std::vector<Piece> pieces;
  return read_pieces(answer, pieces) &&
         std::all_of(pieces.begin(), pieces.end(), [this](const Piece& piece) {
           return is_total(piece.total) && cover(piece.first, piece.bytes);
         });
}

}  // namespace weir::fuzz
