#include "conf/manual.h"

#include <doctest/doctest.h>

#include <sstream>

#include "conf/diff.h"
#include "conf/directive.h"
#include "support.h"

namespace weir::conf {
namespace {

const char* const rich =
    "[main]\nuser = weir\nerror_log = \"a b.log\" debug\n"
    "[admin]\nlisten = unix:run/a.sock mode=0600\n"
    "[log access]\npath = a.log\nformat = \"$remote_addr \\\"$request\\\"\"\nescape = json\n"
    "[upstream u]\nserver = 127.0.0.1:8000-8009\nserver = unix:@x\nssl = on\n"
    "ssl_name = origin.example.com\n"
    "[defaults]\nadd_header = A \"1 ; 2\"\nset_real_ip_from = 10.0.0.0/8 unix:\n"
    "[server web]\nlisten = 443 ssl backlog=9\nlisten = [::]:443 ssl ipv6only=off\n"
    "server_name = .example.com *.a.b\nssl_certificate = tls/example.pem\n"
    "ssl_certificate_key = tls/example.key\nclient_min_rate = off\nadd_header = B 2\n"
    "upstream = u\naccess_log = access\nrewrite = ^/a(.*)$ /b$1 last\nmax_headers = 7\n"
    "[location x]\nserver = web\npath = regex ^/(x|y)$\nreturn = 200 \"ok\\n\"\nadd_header = off\n"
    "set_header = X-Real \"\"\nremove_header = Server\nproxy_read_timeout = 90s\n";

}  // namespace

TEST_CASE("dump: reads as the same configuration") {
  const Loaded loaded = test::load_text(rich);
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const std::string text = dump(*loaded.config);
  CAPTURE(text);
  const Loaded again = test::load_text(text);
  CAPTURE(again.report());
  REQUIRE(again.config);
  const auto changes = diff(*loaded.config, *again.config);
  // Inherited fields are written out, behind the `off` that is not.
  for (const std::string& change : changes) CHECK(change.find("add_header") == 0);
}

TEST_CASE("dump: says where values come from and masks keys") {
  const Loaded loaded = test::load_text(
      "[api_keys k]\nkey = demo sha256:" + std::string(64, 'a') +
      "\n[defaults]\nsend_timeout = 9s\n[server web]\nlisten = 80\nkeepalive_timeout = 1s\n");
  REQUIRE(loaded.config);
  const std::string text = dump(*loaded.config);
  CHECK(text.find("# /etc/weir/weir.ini:7\nkeepalive_timeout = 1s\n") != text.npos);
  CHECK(text.find("# inherited: /etc/weir/weir.ini:4\nsend_timeout = 9s\n") != text.npos);
  CHECK(text.find("# built-in default\n") != text.npos);
  CHECK(text.find("key = demo sha256:********") != text.npos);
  CHECK(text.find("aaaa") == text.npos);
}

TEST_CASE("sample: loads as it is and knows every directive that is built") {
  const std::string text = sample();
  const Loaded loaded = test::load_text(text);
  CHECK(loaded.report() == "");
  CHECK(loaded.config);
  for (const Directive* directive : all_directives()) {
    CAPTURE(directive->name);
    const std::string line = "\n#" + std::string(directive->name) + " = ";
    if (directive->built) CHECK(text.find(line) != text.npos);
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) CHECK(line.size() <= 100);
  }
}

TEST_CASE("sample: what is commented out is right when it is not") {
  std::istringstream lines(sample());
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') && !line.starts_with("# ") && line != "#") line.erase(0, 1);
    // Examples of what has no default name things that are not there.
    for (const char* name : {"include", "user", "server = web", "return = 301"}) {
      if (line.starts_with(name) && line.find("= off") == line.npos) line.insert(0, "#");
    }
    text += line + '\n';
  }
  const Loaded loaded = test::load_text(text);
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    CAPTURE(diagnostic.message());
    if (diagnostic.severity == Severity::warning) continue;
    // A location without its server, since that line was left out above.
    CHECK(diagnostic.text.find("names no server") != diagnostic.text.npos);
  }
}

TEST_CASE("explain: every directive of a name, or what was meant") {
  const auto both = explain("listen");
  REQUIRE(both);
  CHECK(both->find("[admin]") != both->npos);
  CHECK(both->find("[server]") != both->npos);
  const auto timeout = explain("proxy_read_timeout");
  REQUIRE(timeout);
  CHECK(timeout->find("proxy_read_timeout = TIME (10ms to 1d)") != timeout->npos);
  CHECK(timeout->find("Default:  proxy_read_timeout = 60s") != timeout->npos);
  CHECK(explain("limit")->find("Not built yet") != std::string::npos);
  CHECK_FALSE(explain("listne"));
  CHECK(closest_directive("listne") == "did you mean \"listen\"?");
  CHECK(closest_directive("proxy_pass").find("upstream = NAME") != std::string::npos);
}

TEST_CASE("manual page and completion: name every directive that is built") {
  const std::string page = manual_page(), completion = bash_completion();
  for (const Directive* directive : all_directives()) {
    CAPTURE(directive->name);
    CHECK(page.find(directive->name) != page.npos);
    if (directive->built) CHECK(completion.find(directive->name) != completion.npos);
  }
  CHECK(page.starts_with(".Dd "));
  CHECK(page.find("$remote_addr") != page.npos);
}

}  // namespace weir::conf
