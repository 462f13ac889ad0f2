#include "http/escape.h"

#include <algorithm>

namespace weir {
namespace {

constexpr char upper_hex[] = "0123456789ABCDEF";
constexpr char lower_hex[] = "0123456789abcdef";

unsigned byte_of(char c) { return static_cast<unsigned char>(c); }

bool special_in_log(char c) {
  return byte_of(c) < 0x20 || byte_of(c) > 0x7e || c == '"' || c == '\\';
}
bool special_in_json(char c) {  // or the start of something to look at, from 0x80 on
  return byte_of(c) < 0x20 || byte_of(c) >= 0x80 || c == '"' || c == '\\';
}

// The size of the UTF-8 sequence at the start of `text`, 0 when it is none (Unicode table 3-7).
std::size_t utf8_size(std::string_view text) {
  const unsigned first = byte_of(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte_of(text[at]) & 0xc0) != 0x80) return 0;
  }
  if (size > 2) {
    const unsigned second = byte_of(text[1]);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  }
  return size;
}

void append_json_byte(char c, std::string& out) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default: break;
  }
  out += "\\u00";
  out += lower_hex[byte_of(c) >> 4];
  out += lower_hex[byte_of(c) & 15];
}

void append_json(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto* const special = std::find_if(text.begin(), text.end(), special_in_json);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t size = byte_of(text[0]) < 0x80 ? 0 : utf8_size(text);
    if (size == 0) {
      append_json_byte(text[0], out);
      text.remove_prefix(1);
    } else {
      out.append(text.data(), size);
      text.remove_prefix(size);
    }
  }
}

void append_log(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (!special_in_log(c)) {
      out += c;
      continue;
    }
    const char escaped[] = {'\\', 'x', upper_hex[byte_of(c) >> 4], upper_hex[byte_of(c) & 15]};
    out.append(escaped, sizeof escaped);
  }
}

}  // namespace

bool needs_escape(std::string_view text, Escape escape) {
  switch (escape) {
    case Escape::none: return false;
    case Escape::log: return std::any_of(text.begin(), text.end(), special_in_log);
    case Escape::json: return std::any_of(text.begin(), text.end(), special_in_json);
  }
  return false;
}

void append_escaped(std::string_view text, Escape escape, std::string& out) {
  switch (escape) {
    case Escape::none: out += text; return;
    case Escape::log: append_log(text, out); return;
    case Escape::json: append_json(text, out); return;
  }
}

}  // namespace weir
