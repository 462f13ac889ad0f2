#include "http/template.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;

namespace {

// Says what it was asked for; has no value for $remote_user; $args and $uri are awkward.
struct Echo final : Values {
  bool append(const VariableRef& variable, std::string& out) const override {
    switch (variable.id) {
      case VariableId::remote_user: return false;
      case VariableId::args: out += "a\"b\\c\n\x7f"; return true;
      case VariableId::uri: out += "\xc3\xa9\xff"; return true;
      case VariableId::capture: out += "(" + std::to_string(variable.capture) + ")"; return true;
      case VariableId::host: out += "h"; return true;
      default: out += "<" + std::string(variable.suffix) + ">"; return true;
    }
  }
};

std::string render(std::string_view text, Escape escape = Escape::none) {
  Template compiled;
  TemplateProblem problem;
  if (!Template::compile(text, compiled, problem)) return "error: " + std::string(problem.what);
  std::string out = "[";
  compiled.render(Echo{}, out, escape);
  return out + "]";
}

}  // namespace

TEST_CASE("template: names, braces, captures, prefixes and the sign itself") {
  const std::vector<std::pair<std::string, std::string>> good = {
      {"", "[]"},
      {"plain", "[plain]"},
      {"$host", "[h]"},
      {"http://$host:${host}x/$host", "[http://h:hx/h]"},
      {"$host$host", "[hh]"},
      {"$1-$2$10${3}0", "[(1)-(2)(1)0(3)0]"},
      {"$arg_Foo_bar.x", "[<Foo_bar>.x]"},
      {"$http_X_Real_ip", "[<x-real-ip>]"},
      {"$sent_http_A_b $upstream_http_c", "[<a-b> <c>]"},
      {"$cookie_Sid", "[<Sid>]"},
      {"$http_host", "[<>]"},
      {"a$$b$$$host$$host", "[a$b$h$host]"},
      {"$remote_user", "[]"},
      {"{}${host}}", "[{}h}]"},
  };
  for (const auto& each : good) {
    CAPTURE(each.first);
    CHECK(render(each.first) == each.second);
  }
}

TEST_CASE("template: what is not one, and where") {
  const std::vector<std::tuple<std::string, std::size_t, std::string>> bad = {
      {"a $ b", 2, ""},       {"ab$", 2, ""},
      {"$-", 0, ""},          {"${}", 0, ""},
      {"x${host", 1, ""},     {"${ho st}", 0, ""},
      {"$hosts", 0, "hosts"}, {"a$0", 1, "0"},
      {"$arg_", 0, "arg_"},   {"$host ${Host}", 6, "Host"},
      {"${10}", 0, "10"},
  };
  for (const auto& [text, position, name] : bad) {
    const std::string& shown = text;
    CAPTURE(shown);
    Template compiled;
    TemplateProblem problem;
    CHECK_FALSE(Template::compile(text, compiled, problem));
    CHECK(problem.position == position);
    CHECK(problem.name == name);
    CHECK_FALSE(problem.what.empty());
  }
}

TEST_CASE("template: log and json escapes touch values only") {
  CHECK(render("\"$args\"", Escape::log) == "[\"a\\x22b\\x5Cc\\x0A\\x7F\"]");
  CHECK(render("$uri", Escape::log) == "[\\xC3\\xA9\\xFF]");
  CHECK(render("$remote_user $host", Escape::log) == "[- h]");
  CHECK(render("\"$args\"", Escape::json) == "[\"a\\\"b\\\\c\\n\x7f\"]");
  CHECK(render("$uri", Escape::json) == "[\xc3\xa9\\u00ff]");
  CHECK(render("$remote_user", Escape::json) == "[]");
}

TEST_CASE("json escape: bytes that are not UTF-8 never reach the document") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x01\b\f\r\t", "\\u0001\\b\\f\\r\\t"},
      {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\xc0\x80", "\\u00c0\\u0080"},  // overlong
      {"\xe0\x80\x80", "\\u00e0\\u0080\\u0080"},
      {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},  // a surrogate
      {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"},
      {"\xe2\x82", "\\u00e2\\u0082"},  // cut short
      {"\x80", "\\u0080"},
  };
  for (const auto& [text, expected] : cases) {
    std::string out;
    append_escaped(text, Escape::json, out);
    CHECK(out == expected);
  }
}

TEST_CASE("template: says what it is made of, and its source compiles to itself") {
  Template compiled;
  TemplateProblem problem;
  REQUIRE(Template::compile("$host/$2$1", compiled, problem));
  CHECK_FALSE(compiled.is_constant());
  CHECK(compiled.uses(VariableId::host));
  CHECK_FALSE(compiled.uses(VariableId::args));
  CHECK(compiled.captures() == 2);
  const Template constant = Template::literal("costs 5$, $host");
  CHECK(constant.is_constant());
  std::string out;
  constant.render(Echo{}, out);
  CHECK(out == "costs 5$, $host");
  Template again;
  REQUIRE(Template::compile(constant.source(), again, problem));
  CHECK(again == constant);
  out.clear();
  again.render(Echo{}, out);
  CHECK(out == "costs 5$, $host");
}

TEST_CASE("template: told by the request: all of its variables are") {
  const auto told = [](std::string_view text) {
    Template compiled;
    TemplateProblem problem;
    REQUIRE(Template::compile(text, compiled, problem));
    return compiled.told_by_request();
  };
  CHECK(told(""));
  CHECK(told("just text"));
  CHECK(told("$scheme$host$request_uri $arg_a $http_user_agent $cookie_b $1"));
  CHECK_FALSE(told("$host$remote_addr"));
  CHECK_FALSE(told("$request_id"));
  CHECK_FALSE(told("$time_iso8601"));
  CHECK_FALSE(told("$connection_requests"));
}

TEST_CASE("variables: the table is sorted, documented and found by name") {
  std::string_view before;
  for (const Variable& row : variables()) {
    CAPTURE(row.name);
    CHECK(row.name > before);
    CHECK(row.doc.ends_with('.'));
    const bool prefix = row.name.ends_with('_');
    const auto found = find_variable(prefix ? std::string(row.name) + "x" : std::string(row.name));
    REQUIRE(found);
    CHECK(found->id == row.id);
    before = row.name;
  }
  CHECK_FALSE(find_variable("nonsense"));
  CHECK_FALSE(find_variable(""));
  CHECK_FALSE(find_variable("Host"));
  CHECK(nearest_variable("hots") == "host");
  CHECK(nearest_variable("remote_adr") == "remote_addr");
  CHECK(nearest_variable("Request_URI") == "request_uri");
  CHECK(nearest_variable("completely_different_thing").empty());
}
