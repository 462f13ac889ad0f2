#include "conf/reader.h"

#include <fmt/format.h>
#include <ini.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace weir::conf {
namespace {

// Debian's inih has its options in globals. Its buffer holds a line, "\r\n" and NUL.
void set_inih_options() {
  ini_max_line = static_cast<int>(line_bytes_max) + 8;
  ini_use_stack = true;
  ini_allow_multiline = false;
  ini_allow_inline_comments = false;
  ini_allow_no_value = false;
  ini_stop_on_first_error = false;
  ini_allow_bom = false;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

class Reader {
 public:
  Reader(std::string_view bytes, std::uint32_t file, Report& report)
      : rest_(bytes), file_(file), report_(report) {}

  std::vector<Line> run() {
    set_inih_options();
    // The result only tells the first bad line, and we know all of them; -2 (no memory) can't be
    // with a buffer on the stack.
    ini_parse_stream(&Reader::next_line, this, &Reader::take_pair, this);
    finish_line();
    return std::move(lines_);
  }

 private:
  enum class State : unsigned char { nothing, pair_awaited };
  enum class Section : unsigned char { none, good, bad };

  // fgets() for inih: one whole line per call, or a comment where it must not see the line.
  static char* next_line(char* buffer, int size, void* self) noexcept {
    return static_cast<Reader*>(self)->next(buffer, static_cast<std::size_t>(size));
  }
  static int take_pair(void* self, const char*, const char* name, const char* value) noexcept {
    static_cast<Reader*>(self)->pair(name, value);
    return 1;
  }

  char* next(char* buffer, std::size_t size) {
    finish_line();
    if (rest_.empty()) return nullptr;
    const std::size_t end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++number_;
    const std::string_view shown = judge() ? line_ : "#";
    if (shown.size() + 2 > size) {  // our limit is below inih's: only after a wrong edit here
      error(1, "the line is too long for the INI reader");
      return copy("#", buffer);
    }
    return copy(shown, buffer);
  }

  static char* copy(std::string_view text, char* buffer) {
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\n';
    buffer[text.size() + 1] = '\0';
    return buffer;
  }

  // Whether inih may see the line.
  bool judge() {
    if (line_.size() > line_bytes_max) {
      return error(
          1, fmt::format("the line has {} bytes; {} are the most", line_.size(), line_bytes_max));
    }
    const auto control = std::find_if(line_.begin(), line_.end(), is_control);
    if (control != line_.end()) {
      return error(column(static_cast<std::size_t>(control - line_.begin())),
                   fmt::format("a control byte (0x{:02x}) in the line",
                               static_cast<unsigned char>(*control)));
    }
    const std::string_view text = trim(line_);
    if (text.empty() || text.front() == '#' || text.front() == ';') return true;
    if (text.front() == '[') return section(text);
    state_ = State::pair_awaited;
    return judge_pair();
  }

  bool section(std::string_view text) {
    const std::size_t start = line_.find('[');
    const std::size_t end = text.find(']');
    section_ = Section::bad;
    if (end == text.npos) return error(column(start), "the section line lacks its ']'");
    if (end + 1 != text.size()) {
      return error(column(start + end + 1), "nothing may follow ']'", "a comment owns its line");
    }
    Line line;
    line.number = number_;
    line.name = std::string(trim(text.substr(1, end - 1)));
    line.name_column = column(start + 1);
    lines_.push_back(std::move(line));
    section_ = Section::good;
    return false;  // inih would cut the name at 49 bytes; it needs no section of us
  }

  bool judge_pair() {
    const std::size_t separator = line_.find_first_of("=:");
    const std::string_view key = trim(line_.substr(0, separator));
    const std::uint32_t at = column(line_.find_first_not_of(" \t"));
    if (separator == line_.npos) {
      state_ = State::nothing;
      return error(at, fmt::format("\"{}\" has no value", words(line_).front()),
                   line_.ends_with('{') ? "sections are written [kind NAME], without braces"
                                        : "a directive is written NAME = VALUE");
    }
    const std::string_view value = trim(line_.substr(separator + 1));
    if (line_[separator] == ':' || key.find_first_of(" \t") != key.npos) {
      state_ = State::nothing;
      const std::string name(words(key).empty() ? key : words(key).front());
      const bool lacks_equal_sign = key.find_first_of(" \t") != key.npos;
      return error(
          lacks_equal_sign ? at : column(separator),
          lacks_equal_sign ? "a directive's name has no blanks" : "':' does not separate, only '='",
          lacks_equal_sign ? fmt::format("missing '=' after \"{}\"?", name)
                           : fmt::format("write {} = {}", name, value));
    }
    if (key.empty()) {
      state_ = State::nothing;
      return error(at, "a name is missing before '='");
    }
    return true;
  }

  void pair(std::string_view name, std::string_view value) {
    const bool expected = state_ == State::pair_awaited;
    state_ = State::nothing;
    const std::size_t separator = line_.find('=');
    const std::string_view own_name = trim(line_.substr(0, separator));
    const std::string_view own_value = trim(line_.substr(separator + 1));
    if (!expected || name != own_name || value != own_value) {
      error(1, "the INI library read this line differently");
      return;
    }
    if (section_ == Section::none) error(1, fmt::format("\"{}\" stands before any section", name));
    if (section_ != Section::good) return;
    Line line;
    line.kind = Line::Kind::pair;
    line.number = number_;
    line.name = std::string(name);
    line.value = std::string(value);
    line.name_column = column(line_.find_first_not_of(" \t"));
    const std::size_t start = line_.find_first_not_of(" \t", separator + 1);
    line.value_column = column(start == line_.npos ? line_.size() : start);
    lines_.push_back(std::move(line));
  }

  void finish_line() {
    if (state_ != State::pair_awaited) return;
    state_ = State::nothing;
    error(1, "the line can't be read");
  }

  std::uint32_t column(std::size_t at) const { return static_cast<std::uint32_t>(at + 1); }
  bool error(std::uint32_t column, std::string text, std::string hint = {}) {
    report_.error({file_, number_}, column, std::move(text), std::move(hint));
    return false;
  }

  std::string_view rest_, line_;
  std::uint32_t number_ = 0;
  std::uint32_t file_;
  State state_ = State::nothing;
  Section section_ = Section::none;
  std::vector<Line> lines_;
  Report& report_;
};

}  // namespace

std::string_view without_byte_order_mark(std::string_view bytes) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  return bytes.starts_with(mark) ? bytes.substr(mark.size()) : bytes;
}

std::vector<Line> read_lines(std::string_view bytes, std::uint32_t file, Report& report) {
  return Reader(bytes, file, report).run();
}

}  // namespace weir::conf
