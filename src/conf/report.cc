#include "conf/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace weir::conf {
namespace {

constexpr std::size_t shown_line_max = 160;

// Control bytes must not reach a terminal; a tab becomes one blank, so that the caret stays right.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t')
      c = ' ';
    else if (byte < 0x20 || byte == 0x7f)
      c = '?';
  }
  return text;
}

void append_source(std::string& out, const Diagnostic& diagnostic) {
  std::string_view source = diagnostic.source;
  std::size_t column = diagnostic.column;
  std::string_view before, after;
  if (source.size() > shown_line_max) {  // a window around the caret
    const std::size_t from = column > shown_line_max / 2 ? column - shown_line_max / 2 : 0;
    if (from > 0) before = "...";
    source.remove_prefix(std::min(from, source.size()));
    column -= std::min(from, column);
    if (source.size() > shown_line_max) after = "...";
    source = source.substr(0, shown_line_max);
  }
  append_format(out, "    {}{}{}\n", before, source, after);
  if (column > 0) out += std::string(3 + before.size() + column, ' ') + "^\n";
}

// `key =` of [api_keys]: what stands there by mistake may be the key itself.
bool may_hold_secret(std::string_view line) {
  line = trim(line);
  constexpr std::string_view key = "key";
  return line.starts_with(key) &&
         (line.size() == key.size() ||
          std::string_view(" \t=:").find(line[key.size()]) != std::string_view::npos);
}

// Two neighbours swapped: one mistake of the hand, though two edits.
bool is_transposed(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin());
  return a.end() - x >= 2 && x[0] == y[1] && x[1] == y[0] && std::equal(x + 2, a.end(), y + 2);
}

}  // namespace

std::uint32_t Report::add_file(std::string name, std::string_view bytes) {
  names_.push_back(std::move(name));
  bytes_.push_back(bytes);
  std::vector<std::size_t> starts = {0};
  for (std::size_t at = 0; (at = bytes.find('\n', at)) != bytes.npos;) starts.push_back(++at);
  starts_.push_back(std::move(starts));
  return static_cast<std::uint32_t>(names_.size() - 1);
}

std::string_view Report::line(Where where) const {
  if (!where.known() || where.line == 0 || where.line > starts_.at(where.file).size()) return {};
  std::string_view text = bytes_[where.file].substr(starts_[where.file][where.line - 1]);
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string Report::place(Where where) const {
  if (!where.known()) return "built-in default";
  return fmt::format("{}:{}", name(where.file), where.line);
}

void Report::add(Severity severity, Where where, std::uint32_t column, std::string text,
                 std::string hint) {
  if (severity == Severity::error) ++errors_;
  if (kept_.size() == kept_max) {
    ++dropped_;
    return;
  }
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.text = printable(std::move(text));
  diagnostic.hint = printable(std::move(hint));
  diagnostic.line = where.line;
  diagnostic.column = column;
  if (where.known()) {
    diagnostic.file = name(where.file);
    if (!may_hold_secret(line(where))) diagnostic.source = printable(std::string(line(where)));
  }
  kept_.push_back({where, std::move(diagnostic)});
}

void Report::error(Where where, std::uint32_t column, std::string text, std::string hint) {
  add(Severity::error, where, column, std::move(text), std::move(hint));
}

void Report::error_without_source(Where where, std::string text, std::string hint) {
  const std::size_t kept_before = kept_.size();
  add(Severity::error, where, 0, std::move(text), std::move(hint));
  if (kept_.size() > kept_before) kept_.back().diagnostic.source.clear();
}

void Report::warn(Where where, std::uint32_t column, std::string text, std::string hint) {
  add(Severity::warning, where, column, std::move(text), std::move(hint));
}

std::vector<Diagnostic> Report::take() {
  std::stable_sort(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) {
    return a.where.file != b.where.file ? a.where.file < b.where.file : a.where.line < b.where.line;
  });
  std::vector<Diagnostic> out;
  out.reserve(kept_.size() + 1);
  for (Kept& kept : kept_) out.push_back(std::move(kept.diagnostic));
  if (dropped_ > 0) {
    Diagnostic more;
    more.severity = Severity::warning;
    more.text = fmt::format("{} more are not shown", dropped_);
    out.push_back(std::move(more));
  }
  kept_.clear();
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t word_max = 64;  // the distance costs the product of the lengths
  if (word.size() > word_max) return {};
  const std::string wanted = lower(word);
  const std::size_t far = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::size_t best = far;
  std::string_view nearest;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(candidate.size(), wanted.size());
    const std::size_t shorter = std::min(candidate.size(), wanted.size());
    if (longer - shorter >= best) continue;
    const std::string other = lower(candidate);
    const std::size_t distance = is_transposed(wanted, other) ? 1 : edit_distance(wanted, other);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? std::string() : fmt::format("did you mean \"{}\"?", nearest);
}

std::string Diagnostic::message() const {
  std::string out;
  if (!file.empty()) {
    out += file;
    if (line > 0) append_format(out, ":{}", line);
    out += ": ";
  }
  if (severity == Severity::warning) out += "warning: ";
  out += text;
  if (!hint.empty()) out += "; " + hint;
  return out;
}

bool Loaded::has_warnings() const {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::warning; });
}

std::string Loaded::report() const {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out += "weir: " + diagnostic.message() + '\n';
    if (!diagnostic.source.empty()) append_source(out, diagnostic);
  }
  if (config == nullptr) {
    append_format(out, "weir: {} {}, configuration not loaded\n", errors,
                  errors == 1 ? "error" : "errors");
  }
  return out;
}

}  // namespace weir::conf
