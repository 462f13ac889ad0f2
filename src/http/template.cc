#include "http/template.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

bool is_name_char(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_';
}

bool names_a_field(VariableId id) {
  return id == VariableId::http_ || id == VariableId::sent_http_ ||
         id == VariableId::upstream_http_;
}

// The name behind the '$' that `text` begins with; `size` is what it takes in the text. False with
// a reason in `why` when there is none.
bool read_name(std::string_view text, std::string_view& name, std::size_t& size,
               std::string_view& why) {
  if (text.starts_with("${")) {
    const auto close = text.find('}');
    if (close == text.npos) {
      why = "\"${\" without \"}\"";
      return false;
    }
    name = text.substr(2, close - 2);
    size = close + 1;
  } else {
    const std::string_view rest = text.substr(1);
    std::size_t length = 0;
    while (length < rest.size() && is_name_char(rest[length])) ++length;
    if (length > 1 && is_digit(rest[0])) length = 1;  // "$10" is $1 and "0", as in nginx
    name = rest.substr(0, length);
    size = length + 1;
  }
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_name_char)) return true;
  why = "\"$\" without a variable's name (write \"$$\" for the sign itself)";
  return false;
}

// Escapes what stands in `out` from `start` on; most values need nothing.
void escape_tail(std::size_t start, Escape escape, std::string& out) {
  const std::size_t size = out.size() - start;
  if (!needs_escape(std::string_view(out).substr(start), escape)) return;
  out.reserve(out.size() + 6 * size);  // so that the value stays where it is while it is read
  append_escaped(std::string_view(out).substr(start, size), escape, out);
  out.erase(start, size);
}

}  // namespace

bool Template::compile(std::string_view text, Template& out, TemplateProblem& problem) {
  Template result;
  result.source_ = text;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t dollar = std::min(text.find('$', at), text.size());
    result.add_text(text.substr(at, dollar - at));
    if (dollar == text.size()) break;
    if (text.substr(dollar, 2) == "$$") {
      result.add_text("$");
      at = dollar + 2;
      continue;
    }
    std::string_view name;
    std::size_t size = 0;
    problem = {{}, dollar, {}};
    if (!read_name(text.substr(dollar), name, size, problem.what)) return false;
    const auto variable = find_variable(name);
    if (!variable) {
      problem = {"unknown variable", dollar, name};
      return false;
    }
    result.add_variable(*variable);
    at = dollar + size;
  }
  out = std::move(result);
  return true;
}

Template Template::literal(std::string_view text) {
  Template result;
  for (const char c : text) {
    result.source_ += c;
    if (c == '$') result.source_ += c;  // source() compiles to the same template
  }
  result.add_text(text);
  return result;
}

void Template::add_text(std::string_view text) {
  if (text.empty()) return;
  const auto start = static_cast<std::uint32_t>(text_.size());
  text_ += text;
  if (!pieces_.empty() && !pieces_.back().is_variable) {
    pieces_.back().size += static_cast<std::uint32_t>(text.size());
    return;
  }
  pieces_.push_back({start, static_cast<std::uint32_t>(text.size()), false, VariableId{}, 0});
}

void Template::add_variable(const VariableRef& variable) {
  const auto start = static_cast<std::uint32_t>(text_.size());
  const bool field = names_a_field(variable.id);
  for (const char c : variable.suffix) {
    if (field) {
      text_ += c == '_' ? '-' : to_lower(c);
    } else {
      text_ += c;
    }
  }
  pieces_.push_back({start, static_cast<std::uint32_t>(variable.suffix.size()), true, variable.id,
                     variable.capture});
}

void Template::render(const Values& values, std::string& out, Escape escape) const {
  for (const Piece& piece : pieces_) {
    const std::string_view text = std::string_view(text_).substr(piece.start, piece.size);
    if (!piece.is_variable) {
      out += text;
      continue;
    }
    const std::size_t start = out.size();
    const bool found = values.append({piece.id, piece.capture, text}, out);
    if (!found && escape == Escape::log) {
      out += '-';
    } else if (escape != Escape::none) {
      escape_tail(start, escape, out);
    }
  }
}

bool Template::is_constant() const {
  return std::none_of(pieces_.begin(), pieces_.end(),
                      [](const Piece& piece) { return piece.is_variable; });
}

bool Template::uses(VariableId id) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [id](const Piece& piece) { return piece.is_variable && piece.id == id; });
}

bool Template::told_by_request() const {
  return std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    return !piece.is_variable || told_by(piece.id) == ToldBy::request;
  });
}

int Template::captures() const {
  int most = 0;
  for (const Piece& piece : pieces_) most = std::max(most, static_cast<int>(piece.capture));
  return most;
}

}  // namespace weir
