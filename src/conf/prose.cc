#include "conf/prose.h"

#include "base/text.h"

namespace weir::conf {

std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t end = text.find(". ");
    if (end != text.npos) ++end;
    out.emplace_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t width, std::string_view indent) {
  std::string out, line;
  for (const std::string_view word : words(text)) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      out.append(indent).append(line).append("\n");
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) out.append(indent).append(line).append("\n");
  return out;
}

std::string sections_of(const Directive& directive) {
  std::string out;
  for (std::size_t at = 0; at < kind_count; ++at) {
    const auto kind = static_cast<Kind>(at);
    if ((directive.kinds & in(kind)) == 0) continue;
    out.append(out.empty() ? "[" : ", [").append(kind_row(kind).name).append("]");
  }
  return out;
}

std::string change_of(const Directive& directive) {
  switch (directive.reload) {
    case Reload::live: return "reload";
    case Reload::new_workers: return "reload, for new workers";
    case Reload::restart: return "restart";
  }
  return {};
}

}  // namespace weir::conf
