#include "conf/directive.h"

#include <doctest/doctest.h>

#include <set>

#include "base/text.h"
#include "support.h"

namespace weir::conf {
namespace {

// A configuration in which the line stands in its section, with what such a section needs.
std::string with_line(Kind kind, const std::string& line) {
  switch (kind) {
    case Kind::main: return "[main]\n" + line;
    case Kind::admin: return "[admin]\n" + line;
    case Kind::log: return "[log access]\npath = a.log\n" + line;
    case Kind::api_keys:
      return "[api_keys partners]\nkey = a sha256:" + std::string(64, '0') + "\n" + line;
    case Kind::cache: return "[cache pages]\n" + line;
    case Kind::upstream: return "[upstream x]\nserver = 127.0.0.1:1\n" + line;
    case Kind::defaults: return "[defaults]\n" + line;
    case Kind::server: return "[server web]\nlisten = 8080\n" + line;
    case Kind::location: return "[location l]\nserver = web\npath = /\n" + line;
    default: return {};
  }
}

std::string rest_of(Kind kind) {
  std::string out;
  if (kind != Kind::server) out += "[server web]\nlisten = 80\n";
  out += "[upstream api]\nserver = 127.0.0.1:1\n";
  if (kind != Kind::log) out += "[log access]\npath = a.log\n";
  if (kind != Kind::cache) out += "[cache pages]\n";
  if (kind != Kind::api_keys) {
    out += "[api_keys partners]\nkey = a sha256:" + std::string(64, '0') + "\n";
  }
  return out;
}

void remove_line(std::string& text, std::string_view line) {
  const auto at = text.find(line);
  if (at != text.npos) text.erase(at, line.size());
}

}  // namespace

TEST_CASE("directives: every row is documented, and every default passes its own parser") {
  for (const Directive* directive : all_directives()) {
    CAPTURE(directive->name);
    CHECK(directive->doc.ends_with('.'));
    CHECK(directive->kinds != 0);
    CHECK(is_digit(directive->built ? directive->since.front() : '0'));
    if (!directive->built) continue;
    CHECK_FALSE(directive->syntax.empty());
    CHECK_FALSE(directive->example.empty());
    CHECK(directive->since == "0.1");
  }
  // load() asserts that each default is accepted; an empty main file reaches them all.
  CHECK(
      test::load_text("[log a]\npath = x\n[upstream u]\nserver = 127.0.0.1\n[cache c]\n").errors ==
      0);
}

TEST_CASE("directives: every example is accepted in every section it may stand in") {
  for (const Directive* directive : all_directives()) {
    if (!directive->built) continue;
    for (std::size_t at = 0; at < kind_count; ++at) {
      const auto kind = static_cast<Kind>(at);
      if ((directive->kinds & in(kind)) == 0 || !kind_row(kind).built) continue;
      const std::string line =
          std::string(directive->name) + " = " + std::string(directive->example) + '\n';
      std::string text = with_line(kind, line);
      if (!directive->repeatable) {  // it stands once, in place of the usual one
        for (const char* usual : {"path = a.log\n", "server = web\n", "path = /\n"}) {
          const bool same = std::string_view(usual).starts_with(std::string(directive->name) + " ");
          if (same && line != usual)
            remove_line(text, usual);
          else if (same)
            remove_line(text, line);
        }
      }
      if (directive->name == "ssl_certificate_key") {
        const std::string pem = kind == Kind::upstream ? "tls/client.pem" : "tls/example.pem";
        text += "ssl_certificate = " + pem + '\n';
      }
      if (directive->name == "ssl_certificate" && kind == Kind::server)
        text += "listen = 443 ssl\n";
      remove_line(text, "listen = 8080\n");
      if (text.find("[server web]\n") == 0 && directive->name != "listen")
        text += "listen = 8080\n";
      if (directive->name == "listen" && kind == Kind::server) text += "ssl_certificate = auto\n";
      text += rest_of(kind);
      CAPTURE(text);
      const Loaded loaded = test::load_text(text);
      CAPTURE(loaded.report());
      CHECK(loaded.errors == 0);
    }
  }
}

TEST_CASE("directives: a change of any value is a line of the reload report's table") {
  for (const Directive* directive : all_directives()) {
    if (!directive->built || directive->name == "include") continue;
    CAPTURE(directive->name);
    CHECK((directive->set != nullptr));
    CHECK((directive->print != nullptr));
    CHECK((directive->same != nullptr));
    CHECK((directive->inherit != nullptr));
    CHECK(directive->target != Target::none);
  }
}

TEST_CASE("directives: names are nginx's in form, and once in a section") {
  std::set<std::pair<std::size_t, std::string_view>> seen;
  for (const Directive* directive : all_directives()) {
    CAPTURE(directive->name);
    CHECK(directive->name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
          directive->name.npos);
    for (std::size_t at = 0; at < kind_count; ++at) {
      if ((directive->kinds & in(static_cast<Kind>(at))) == 0) continue;
      CHECK(seen.emplace(at, directive->name).second);
    }
  }
}

}  // namespace weir::conf
