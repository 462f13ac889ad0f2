// The small parsers of field values, and templates: lists, quoted strings, cookies, dates,
// addresses, Connection, log and JSON escapes.
#include <string>

#include "http/date.h"
#include "http/forwarded.h"
#include "http/hop_by_hop.h"
#include "http/syntax.h"
#include "http/template.h"
#include "http/uri.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

struct TrustAll final : TrustList {
  bool trusts(std::string_view) const override { return true; }
};

struct OneValue final : Values {
  explicit OneValue(std::string_view text) : text_(text) {}
  bool append(const VariableRef& variable, std::string& out) const override {
    out += text_;
    return variable.suffix.empty();
  }
  std::string_view text_;
};

void run_lists(std::string_view text) {
  std::size_t bytes = 0;
  ListItems items(text);
  for (auto item = items.next(); !item.empty(); item = items.next()) bytes += item.size();
  check(bytes <= text.size());
  std::string plain;
  if (is_sendable(text)) {
    std::string quoted, back;
    append_token_or_quoted(text, quoted);
    check(quoted == text || (unquote(quoted, back) && back == text));
  }
  unquote(text, plain);
}

void run_fields(std::string_view text) {
  RequestHead head;
  head.fields.add("Cookie", text);
  head.fields.add("X-Forwarded-For", text);
  head.fields.add("Connection", text);
  head.fields.add("Upgrade", text);
  cookie_value(head.fields, "a");
  query_argument(text, "a");
  const auto address = client_address(head.fields, "10.0.0.1", TrustAll{});
  check(address.find_first_not_of("0123456789abcdefABCDEF:.") == address.npos);
  const auto hop = take_hop_by_hop(head);
  if (hop && !hop->upgrade.empty()) check(hop->upgrade == text);
  const auto now = std::chrono::system_clock::time_point{};
  if (const auto date = parse_http_date(text, now); date) {
    const DateText written = format_http_date(*date);
    check(parse_http_date({written.data(), written.size()}, now) == date);
  }
}

void run_template(std::string_view text) {
  Template compiled;
  TemplateProblem problem;
  if (!Template::compile(text, compiled, problem)) {
    check(problem.position < text.size() && !problem.what.empty());
    compiled = Template::literal(text);
    Template again;
    check(Template::compile(compiled.source(), again, problem) && again == compiled);
  }
  std::string out;
  compiled.render(OneValue(text), out, Escape::log);
  out.clear();
  append_escaped(text, Escape::log, out);
  for (const char c : out) check(c >= 0x20 && c < 0x7f && c != '"');
  std::string json;
  append_escaped(text, Escape::json, json);
  for (const char c : json) check(static_cast<unsigned char>(c) >= 0x20);
  std::string twice;  // what JSON escaping lets through above ASCII is UTF-8: nothing more to do
  append_escaped(json, Escape::json, twice);
  check(twice.size() >= json.size());
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(field_values) {
  weir::fuzz::run_lists(input);
  weir::fuzz::run_fields(input);
  weir::fuzz::run_template(input);
}
