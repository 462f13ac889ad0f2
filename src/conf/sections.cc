#include "conf/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/text.h"

namespace weir::conf {
namespace {

constexpr std::size_t include_depth_max = 8;
constexpr std::size_t name_bytes_max = 30;
constexpr std::size_t files_max = 10'000;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-';
         });
}

class SectionReader {
 public:
  SectionReader(Inputs& inputs, Report& report) : inputs_(inputs), report_(report) {}

  void read(const std::string& path, Where named_at) {
    const InputFile& file = inputs_.file(path);
    if (!file.ok()) {
      const std::uint32_t index = named_at.known() ? named_at.file : report_.add_file(path, {});
      report_.error(named_at.known() ? named_at : Where{index, 0}, 0,
                    named_at.known() ? fmt::format("{}: {}", path, file.error)
                                     : fmt::format("can't be read: {}", file.error));
      return;
    }
    const std::string_view bytes = without_byte_order_mark(file.bytes);
    const std::uint32_t index = report_.add_file(path, bytes);
    open_.push_back(path);
    std::size_t current = none;  // sections_ grows under us: no pointer
    for (Line& line : read_lines(bytes, index, report_)) {
      const Where where{index, line.number};
      if (line.kind == Line::Kind::section) {
        current = begin_section(line, where);
      } else if (current != none) {
        const bool includes = sections_[current].kind == Kind::main && line.name == "include";
        if (includes)
          include(line, where);
        else
          sections_[current].pairs.push_back({std::move(line), where});
      }
    }
    open_.pop_back();
  }

  std::vector<Section> take() { return std::move(sections_); }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t begin_section(const Line& line, Where where) {
    const auto parts = words(line.name);
    const auto error = [&](std::string text, std::string hint = {}) {
      report_.error(where, line.name_column, std::move(text), std::move(hint));
      return none;
    };
    if (parts.empty()) return error("the section has no kind");
    const KindRow* kind = find_kind(parts[0]);
    if (kind == nullptr) {
      std::vector<std::string_view> known;
      known.reserve(kind_count);
      for (std::size_t at = 0; at < kind_count; ++at) {
        known.push_back(kind_row(static_cast<Kind>(at)).name);
      }
      std::string hint = did_you_mean(parts[0], known);
      if (hint.empty()) hint = fmt::format("kinds are {}", fmt::join(known, ", "));
      return error(fmt::format("unknown section [{}]", line.name), std::move(hint));
    }
    if (!kind->named && parts.size() > 1) {
      return error(fmt::format("[{}] has no name", kind->name),
                   fmt::format("write [{}]", kind->name));
    }
    if (kind->named && parts.size() != 2) {
      return error(fmt::format("[{}] needs one name", kind->name),
                   fmt::format("write [{} NAME]", kind->name));
    }
    if (kind->named && !is_name(parts[1])) {
      return error(fmt::format("\"{}\" is not a name", parts[1]),
                   fmt::format("a-z, 0-9, _ and -, {} at most", name_bytes_max));
    }
    Section section{kind->kind, kind->named ? std::string(parts[1]) : "", where, {}};
    const auto [known, is_new] = known_.emplace(section.label(), where);
    if (!is_new) {
      return error(fmt::format("{} stands here again", section.label()),
                   fmt::format("it began at {}", report_.place(known->second)));
    }
    if (!kind->built) error(fmt::format("{} is not built yet", section.label()));
    sections_.push_back(std::move(section));
    return sections_.size() - 1;
  }

  void include(const Line& line, Where where) {
    const auto error = [&](std::string text, std::string hint = {}) {
      report_.error(where, line.value_column, std::move(text), std::move(hint));
    };
    std::vector<Word> parsed;
    const LexError lexed = lex(line.value, line.value_column, parsed);
    if (!lexed.what.empty()) {
      report_.error(where, lexed.column, std::string(lexed.what), std::string(lexed.hint));
      return;
    }
    if (parsed.size() != 1 || parsed[0].text.empty()) return error("include takes one pattern");
    if (open_.size() > include_depth_max) return error("files include one another too deeply");
    const std::string pattern = relative_to_file(parsed[0].text, open_.back());
    std::vector<std::string> paths = {pattern};
    if (pattern.find_first_of("*?[") != pattern.npos) {
      const InputMatches& matches = inputs_.match(pattern);
      if (!matches.error.empty()) return error(fmt::format("{}: {}", pattern, matches.error));
      paths = matches.paths;
    }
    for (const std::string& path : paths) {
      if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
        error(fmt::format("{} includes itself", path));
      } else if (report_.files().size() >= files_max) {
        return error(fmt::format("more than {} files", files_max));
      } else {
        read(path, where);
      }
    }
  }

  Inputs& inputs_;
  Report& report_;
  std::vector<std::string> open_;  // the file being read, and those that include it
  std::unordered_map<std::string, Where> known_;
  std::vector<Section> sections_;
};

}  // namespace

std::string Section::label() const {
  const std::string_view kind_name = kind_row(kind).name;
  return name.empty() ? fmt::format("[{}]", kind_name) : fmt::format("[{} {}]", kind_name, name);
}

std::vector<Pair> read_overrides(std::string_view text, Report& report) {
  std::vector<Pair> out;
  const Where where{report.add_file("-g", text), 1};
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) {
    report.error(where, 1, "a control byte on the command line");
    return out;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at;
    for (bool quote = false; end < text.size() && (quote || text[end] != ';'); ++end) {
      if (text[end] == '"') quote = !quote;
      if (quote && text[end] == '\\' && end + 1 < text.size()) ++end;
    }
    end = std::min(end, text.size());
    const std::string_view part = text.substr(at, end - at);
    const std::size_t start = at + std::min(part.find_first_not_of(' '), part.size());
    const std::size_t equal = part.find('=');
    Pair pair{{}, where};
    pair.line.kind = Line::Kind::pair;
    pair.line.number = 1;
    pair.line.name = std::string(trim(part.substr(0, equal)));
    pair.line.name_column = static_cast<std::uint32_t>(start + 1);
    if (equal != part.npos) {
      const std::string_view value = trim(part.substr(equal + 1));
      pair.line.value = std::string(value);
      pair.line.value_column = static_cast<std::uint32_t>(
          value.empty() ? at + equal + 2
                        : static_cast<std::size_t>(value.data() - text.data()) + 1);
    }
    if (equal == part.npos && !trim(part).empty()) {
      report.error(where, pair.line.name_column, fmt::format("\"{}\" has no value", trim(part)),
                   "write -g \"NAME=VALUE; NAME=VALUE\"");
    } else if (!trim(part).empty()) {
      out.push_back(std::move(pair));
    }
    at = end + 1;
  }
  return out;
}

std::vector<Section> read_sections(const std::string& main_file, Inputs& inputs, Report& report) {
  SectionReader reader(inputs, report);
  reader.read(main_file, {});
  return reader.take();
}

}  // namespace weir::conf
