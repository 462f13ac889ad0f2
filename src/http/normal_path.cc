// normalise_path(): contract rule 8. Declared in uri.h.
#include <cassert>

#include "base/text.h"
#include "http/faults.h"
#include "http/uri.h"

namespace weir {
namespace {

enum class Byte : unsigned char {
  escape_it,   // may not stand raw in a path
  unreserved,  // RFC 3986 2.3
  plain,       // sub-delims, ':' and '@': raw and escaped are two things
  slash,
  percent,
  refused  // control bytes, blank, backslash, '?', '#', beyond ASCII
};

struct ByteTable {
  Byte of[256] = {};
  constexpr ByteTable() {
    for (int c = 0; c < 256; ++c) of[c] = c > 0x20 && c < 0x7f ? Byte::escape_it : Byte::refused;
    for (int c = '0'; c <= '9'; ++c) of[c] = Byte::unreserved;
    for (int c = 'a'; c <= 'z'; ++c) of[c] = of[c - 32] = Byte::unreserved;
    mark("-._~", Byte::unreserved);
    mark("!$&'()*+,;=:@", Byte::plain);
    mark("/", Byte::slash);
    mark("%", Byte::percent);
    mark("\\?#", Byte::refused);
  }
  constexpr void mark(std::string_view bytes, Byte kind) {
    for (const char c : bytes) of[static_cast<unsigned char>(c)] = kind;
  }
  constexpr Byte operator[](char c) const { return of[static_cast<unsigned char>(c)]; }
};
constexpr ByteTable byte_table;
constexpr char upper_hex[] = "0123456789ABCDEF";

// Nothing to do: no escape, nothing to escape, no segment that begins with a dot, no "//".
bool is_normal(std::string_view path, bool merge_slashes) {
  char before = 'x';
  for (const char c : path) {
    const Byte kind = byte_table[c];
    if (kind != Byte::unreserved && kind != Byte::plain && kind != Byte::slash) return false;
    if (before == '/' && (c == '.' || (c == '/' && merge_slashes))) return false;
    before = c;
  }
  return true;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = to_lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Builds the normal form segment by segment. The output is never more than three times the input.
class Normaliser {
 public:
  Normaliser(char* out, const TargetRules& rules) : begin_(out), at_(out), rules_(rules) {}

  Result<Ok> run(std::string_view path) {
    put('/');
    segment_ = at_;
    for (std::size_t i = 1; i < path.size(); ++i) {
      const char c = path[i];
      switch (byte_table[c]) {
        case Byte::unreserved:
        case Byte::plain: put(c); break;
        case Byte::escape_it:
          put_escape(static_cast<unsigned char>(c));
          only_unreserved_ = false;
          break;
        case Byte::slash:
          if (const auto ended = end_segment(true); !ended) return ended.error();
          break;
        case Byte::percent:
          if (const auto decoded = escape(path.substr(i, 3)); !decoded) return decoded.error();
          i += 2;
          break;
        case Byte::refused: return client_fault(Fault::malformed_path);
      }
    }
    return end_segment(false);
  }

  std::string_view path() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }
  bool only_unreserved() const { return only_unreserved_; }

 private:
  void put(char c) { *at_++ = c; }
  void put_escape(unsigned byte) {
    put('%');
    put(upper_hex[byte >> 4]);
    put(upper_hex[byte & 15]);
  }

  Result<Ok> escape(std::string_view text) {
    const int high = text.size() == 3 ? hex_digit(text[1]) : -1;
    const int low = text.size() == 3 ? hex_digit(text[2]) : -1;
    if (high < 0 || low < 0) return client_fault(Fault::malformed_escape);
    const auto byte = static_cast<unsigned>(high * 16 + low);
    if (byte == 0) return client_fault(Fault::malformed_path);
    if (rules_.reject_encoded_slash && (byte == '/' || byte == '\\'))
      return client_fault(Fault::encoded_slash);
    const char c = static_cast<char>(byte);
    if (byte_table[c] == Byte::unreserved) {
      put(c);
      return Ok{};
    }
    put_escape(byte);
    if (at_[-2] != text[1] || at_[-1] != text[2]) only_unreserved_ = false;  // lower-case digits
    return Ok{};
  }

  // The segment since `segment_` is complete; `slash`: a '/' ended it.
  Result<Ok> end_segment(bool slash) {
    const std::string_view segment{segment_, static_cast<std::size_t>(at_ - segment_)};
    if (segment == "." || segment == "..") {
      only_unreserved_ = false;
      at_ = segment_;  // behind the '/' that began it; the one that ended it goes too
      if (segment.size() == 1) return Ok{};
      if (at_ == begin_ + 1) return client_fault(Fault::above_root);
      for (--at_; at_[-1] != '/'; --at_) {
      }
      segment_ = at_;
      return Ok{};
    }
    if (!slash) return Ok{};
    if (segment.empty() && rules_.merge_slashes) {
      only_unreserved_ = false;
      return Ok{};
    }
    put('/');
    segment_ = at_;
    return Ok{};
  }

  char* begin_;
  char* at_;
  char* segment_ = nullptr;
  const TargetRules& rules_;
  bool only_unreserved_ = true;
};

}  // namespace

Result<NormalPath> normalise_path(std::string_view path, const TargetRules& rules, Arena& arena) {
  if (!path.starts_with('/')) return client_fault(Fault::malformed_path);
  if (is_normal(path, rules.merge_slashes)) return NormalPath{path, true};
  const std::size_t room = path.size() * 3;
  char* const out = arena.allocate(room);
  if (out == nullptr) return fault_error(Side::self, Fault::out_of_room);
  Normaliser normaliser(out, rules);
  if (const auto done = normaliser.run(path); !done) return done.error();
  const std::string_view normal = normaliser.path();
  assert(normal.size() <= room);
  arena.give_back(room - normal.size());
  return NormalPath{normal, normaliser.only_unreserved()};
}

}  // namespace weir
