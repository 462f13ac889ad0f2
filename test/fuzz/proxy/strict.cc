#include "test/fuzz/proxy/strict.h"

#include <algorithm>
#include <cstdint>

namespace weir::fuzz {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_tchar(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
}
bool is_value_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// One line without its CRLF; bad as soon as a CR or LF stands alone.
Part take_line(std::string_view& rest, std::string_view& line) {
  const auto end = rest.find_first_of("\r\n");
  if (end == rest.npos) return Part::partial;
  if (rest[end] == '\n') return Part::bad;
  if (end + 1 == rest.size()) return Part::partial;
  if (rest[end + 1] != '\n') return Part::bad;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return Part::whole;
}

Part take_fields(std::string_view& rest,
                 std::vector<std::pair<std::string, std::string_view>>& fields) {
  for (;;) {
    std::string_view line;
    if (const Part part = take_line(rest, line); part != Part::whole) return part;
    if (line.empty()) return Part::whole;
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) return Part::bad;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_value_byte)) return Part::bad;
    fields.emplace_back(lower_case(line.substr(0, colon)), value);
  }
}

bool to_number(std::string_view text, unsigned base, std::uint64_t& number) {
  if (text.empty() || text.size() > 19) return false;
  number = 0;
  for (const char c : lower_case(text)) {
    const auto at = std::string_view("0123456789abcdef").substr(0, base).find(c);
    if (at == std::string_view::npos) return false;
    if (number > (~std::uint64_t{0} - at) / base) return false;
    number = number * base + at;
  }
  return true;
}

// The body's kind by what is stated; false: ambiguous.
bool stated_kind(StrictMessage& message, bool version_1_1, std::uint64_t& length) {
  const std::size_t codings = message.count("transfer-encoding");
  const std::size_t lengths = message.count("content-length");
  if (codings + lengths > 1) return false;
  if (codings == 1) {
    message.kind = StrictMessage::Kind::chunked;
    return version_1_1 && lower_case(message.value("transfer-encoding")) == "chunked";
  }
  if (lengths == 1) {
    message.kind = StrictMessage::Kind::length;
    return to_number(message.value("content-length"), 10, length);
  }
  return true;
}

Part take_chunks(std::string_view& rest, StrictMessage& message) {
  for (;;) {
    std::string_view line;
    if (const Part part = take_line(rest, line); part != Part::whole) return part;
    if (!std::all_of(line.begin(), line.end(), is_value_byte)) return Part::bad;
    const auto extension = line.find(';');
    std::uint64_t size = 0;
    if (!to_number(line.substr(0, extension), 16, size)) return Part::bad;
    if (size == 0) break;
    message.body += rest.substr(0, size);
    if (rest.size() < size) return Part::partial;
    rest.remove_prefix(size);
    const std::string_view end = rest.substr(0, 2);
    if (end != std::string_view("\r\n").substr(0, end.size())) return Part::bad;
    if (end.size() < 2) return Part::partial;
    rest.remove_prefix(2);
  }
  std::vector<std::pair<std::string, std::string_view>> fields;
  const Part part = take_fields(rest, fields);
  for (const auto& [name, value] : fields)
    message.trailers.push_back(name + ": " + std::string(value));
  return part;
}

void take_body(std::string_view bytes, std::string_view rest, std::uint64_t length, bool ended,
               StrictMessage& message) {
  switch (message.kind) {
    case StrictMessage::Kind::none:
    case StrictMessage::Kind::tunnel: message.all = Part::whole; break;
    case StrictMessage::Kind::length:
      message.body = rest.substr(0, length);
      message.all = rest.size() >= length ? Part::whole : Part::partial;
      rest.remove_prefix(message.body.size());
      break;
    case StrictMessage::Kind::chunked: message.all = take_chunks(rest, message); break;
    case StrictMessage::Kind::until_close:
      message.body = rest;
      message.all = ended ? Part::whole : Part::partial;
      rest = {};
      break;
  }
  message.size = bytes.size() - rest.size();
}

// The words of a first line; `words` of them, the last one may have blanks.
bool split_start(std::string_view line, StrictMessage& message) {
  for (int i = 0; i < 2; ++i) {
    const auto blank = line.find(' ');
    if (blank == line.npos) {
      if (i == 0) return false;
      message.start[1] = line;  // a status line may end with its status
      return true;
    }
    message.start[i] = line.substr(0, blank);
    line.remove_prefix(blank + 1);
  }
  message.start[2] = line;
  return true;
}

bool is_version(std::string_view text) { return text == "HTTP/1.1" || text == "HTTP/1.0"; }

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::vector<std::string> list_words(std::string_view value) {
  std::vector<std::string> words;
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    if (const auto word = trimmed(value.substr(0, comma)); !word.empty())
      words.push_back(lower_case(word));
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return words;
}

std::size_t StrictMessage::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(fields.begin(), fields.end(),
                                                [&](const auto& it) { return it.first == name; }));
}
std::string_view StrictMessage::value(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) return value;
  }
  return {};
}
std::string_view StrictMessage::last_value(std::string_view name) const {
  std::string_view last;
  for (const auto& [field, value] : fields) {
    if (field == name) last = value;
  }
  return last;
}
bool StrictMessage::lists(std::string_view name, std::string_view word) const {
  for (const auto& [field, value] : fields) {
    if (field != name) continue;
    const auto words = list_words(value);
    if (std::find(words.begin(), words.end(), word) != words.end()) return true;
  }
  return false;
}
unsigned StrictMessage::status() const {
  std::uint64_t number = 0;
  return to_number(start[1], 10, number) ? static_cast<unsigned>(number) : 0;
}

StrictMessage strict_request(std::string_view bytes) {
  StrictMessage message;
  std::string_view rest = bytes, line;
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  message.head = take_line(rest, line);
  if (message.head != Part::whole) return message;
  const bool good = split_start(line, message) && is_token(message.start[0]) &&
                    !message.start[1].empty() && is_version(message.start[2]) &&
                    std::all_of(message.start[1].begin(), message.start[1].end(),
                                [](char c) { return c > 0x20 && c < 0x7f; });
  message.head = good ? take_fields(rest, message.fields) : Part::bad;
  if (message.head != Part::whole) return message;
  std::uint64_t length = 0;
  const bool version_1_1 = message.start[2] == "HTTP/1.1";
  if (!stated_kind(message, version_1_1, length) || message.count("host") > 1 ||
      (version_1_1 && message.count("host") == 0)) {
    message.head = Part::bad;
    return message;
  }
  take_body(bytes, rest, length, false, message);
  return message;
}

StrictMessage strict_response(std::string_view bytes, std::string_view method, bool ended) {
  StrictMessage message;
  std::string_view rest = bytes, line;
  message.head = take_line(rest, line);
  if (message.head != Part::whole) return message;
  const bool good = split_start(line, message) && is_version(message.start[0]) &&
                    message.start[1].size() == 3 && message.status() >= 100 &&
                    std::all_of(message.start[2].begin(), message.start[2].end(), is_value_byte);
  message.head = good ? take_fields(rest, message.fields) : Part::bad;
  if (message.head != Part::whole) return message;
  std::uint64_t length = 0;
  if (!stated_kind(message, message.start[0] == "HTTP/1.1", length)) {
    message.head = Part::bad;
    return message;
  }
  const unsigned status = message.status();
  if (status == 101) {
    message.kind = StrictMessage::Kind::tunnel;
  } else if (status < 200 || status == 204 || status == 304 || method == "HEAD") {
    message.kind = StrictMessage::Kind::none;
  } else if (message.kind == StrictMessage::Kind::none) {
    message.kind = StrictMessage::Kind::until_close;
  }
  take_body(bytes, rest, length, ended, message);
  return message;
}

}  // namespace weir::fuzz
