#include "conf/load.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "conf/value.h"
#include "support.h"

namespace weir::conf {
namespace {

std::string data(const std::string& name) {
  std::ifstream in(name);
  REQUIRE(in);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::size_t not_built(const Loaded& loaded) {
  return static_cast<std::size_t>(std::count_if(
      loaded.diagnostics.begin(), loaded.diagnostics.end(), [](const Diagnostic& diagnostic) {
        return diagnostic.text.find("is not built yet") != std::string::npos;
      }));
}

}  // namespace

// When a part of the language is built, these numbers go down; at 0 the contract is met.
TEST_CASE("load: what the two contracts still lack") {
  const Loaded quickstart = test::load_text(data("test/unit/conf/data/quickstart.ini"));
  CAPTURE(quickstart.report());
  CHECK(not_built(quickstart) == 0);
  CHECK(quickstart.errors == not_built(quickstart));

  const Loaded weir = test::load_text(data("test/unit/conf/data/weir.ini"));
  CAPTURE(weir.report());
  CHECK(not_built(weir) == 25);
  CHECK(weir.errors == not_built(weir));
}

TEST_CASE("load: the shipped quick start is the contract") {
  const std::string text = data("conf/quickstart.ini");
  CHECK(text == data("test/unit/conf/data/quickstart.ini"));
  const Loaded loaded = test::load_text(text);
  CHECK(loaded.report() == "");
  REQUIRE(loaded.config);

  const Config& config = *loaded.config;
  REQUIRE(config.upstreams.size() == 1);
  CHECK(config.upstreams[0].peers.size() == 10);
  CHECK(config.upstreams[0].peers[9].address.to_string() == "127.0.0.1:8009");
  CHECK_FALSE(config.upstreams[0].verifies());
  CHECK(config.main.pid->path == "/srv/weir/run/weir.pid");
  REQUIRE(config.servers.size() == 1);
  const ServerConf& web = config.servers[0];
  CHECK(web.base.client_max_body_size->bytes == 0);
  CHECK(web.base.upstream->target == config.upstreams.data());
  CHECK(web.base.auth->at(0).api_keys == config.api_keys.data());
  CHECK(web.base.compress->codings ==
        std::vector{ContentCoding::br, ContentCoding::gzip, ContentCoding::deflate});
  CHECK(web.certificates.at(0).automatic);
  CHECK(web.listens.at(1).ssl);
  CHECK(config.place(web.base.upstream.where) == "/etc/weir/weir.ini:44");
}

TEST_CASE("load: five errors come in one run, each with its line and a caret") {
  const Loaded loaded = test::load_text(
      "[main]\n"
      "worker_proceses = 4\n"
      "[upstream api]\n"
      "server = 10.0.0.1:99999\n"
      "[server web]\n"
      "listen: 80\n"
      "listen = 8080\n"
      "keepalive_timeout = 75\n"
      "[location api]\n"
      "server = web\n"
      "path = /api/\n"
      "upstream = apo\n");
  CHECK(loaded.config == nullptr);
  CHECK(loaded.report() ==
        "weir: /etc/weir/weir.ini:2: unknown key \"worker_proceses\" in [main]; did you mean "
        "\"worker_processes\"?\n"
        "    worker_proceses = 4\n"
        "    ^\n"
        "weir: /etc/weir/weir.ini:4: \"99999\" is not a port or a range of ports; write 8080 or "
        "8000-8009\n"
        "    server = 10.0.0.1:99999\n"
        "             ^\n"
        "weir: /etc/weir/weir.ini:6: ':' does not separate, only '='; write listen = 80\n"
        "    listen: 80\n"
        "          ^\n"
        "weir: /etc/weir/weir.ini:8: \"75\" is not a time; write 75s or 75ms\n"
        "    keepalive_timeout = 75\n"
        "                        ^\n"
        "weir: /etc/weir/weir.ini:12: [location api] refers to upstream \"apo\"; did you mean "
        "\"api\"?\n"
        "    upstream = apo\n"
        "weir: 5 errors, configuration not loaded\n");
}

TEST_CASE("load: a server starts as a copy of [defaults], a location as a copy of its server") {
  const Loaded loaded = test::load_text(
      "[location a]\npath = /a\nserver = web\nadd_header = C 3\nproxy_read_timeout = 1s\n"
      "[location b]\npath = /b\nserver = web\nadd_header = off\nadd_header = D 4\nauth = off\n"
      "[server web]\nlisten = 80\nadd_header = B 2\nkeepalive_timeout = 5s\n"
      "auth = api_keys:k\nrewrite = ^/x /y\n"
      "[defaults]\nadd_header = A 1\nkeepalive_timeout = 7s\nsend_timeout = 9s\n"
      "set_real_ip_from = 10.0.0.0/8\nset_real_ip_from = 192.168.0.0/16\n"
      "[server other]\nlisten = 81\nset_real_ip_from = unix:\n"
      "[api_keys k]\nfile = keys/partners.keys\n");
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  const ServerConf& web = loaded.config->servers[0];
  const ServerConf& other = loaded.config->servers[1];
  CHECK(*web.keepalive_timeout == std::chrono::seconds(5));
  CHECK(web.keepalive_timeout.explicit_);
  CHECK(*other.keepalive_timeout == std::chrono::seconds(7));
  CHECK_FALSE(other.keepalive_timeout.explicit_);
  CHECK(other.keepalive_timeout.where.line == 20);
  CHECK(web.set_real_ip_from->size() == 2);
  CHECK(other.set_real_ip_from->size() == 1);
  REQUIRE(web.locations.size() == 2);
  const LocationConf &a = web.locations[0], &b = web.locations[1];
  CHECK(*a.send_timeout == std::chrono::seconds(9));
  CHECK(*a.proxy_read_timeout == std::chrono::seconds(1));
  CHECK(*b.proxy_read_timeout == std::chrono::seconds(60));
  const auto names = [](const LocationConf& place) {
    std::string out;
    for (const HeaderEdit& edit : place.add_headers) out += edit.name;
    return out;
  };
  CHECK(names(web.base) == "AB");
  CHECK(names(a) == "ABC");
  CHECK(names(b) == "D");
  CHECK(a.auth->size() == 1);
  CHECK(b.auth->empty());
  CHECK(web.base.rewrites.size() == 1);
  CHECK(a.rewrites.empty());  // a server's run before its locations are searched
  CHECK(loaded.config->api_keys[0].keys.at(0).name == "acme");
  CHECK(loaded.config->api_keys[0].keys.at(0).sha256[31] == 0xef);
}

TEST_CASE("load: forwarded_headers by name, all, off, and again") {
  const auto wanted = [](const std::string& value) {
    const Loaded loaded =
        test::load_text("[server web]\nlisten = 80\nforwarded_headers = " + value);
    CAPTURE(loaded.report());
    return loaded.config ? print_value(*loaded.config->servers[0].base.forwarded_headers)
                         : loaded.report();
  };
  CHECK(wanted("all") == "all");
  CHECK(wanted("off") == "off");
  CHECK(wanted("via x-forwarded-for") == "X-Forwarded-For Via");
  CHECK(wanted("X-Real-IP Via X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto "
               "Forwarded X-Request-Id") == "all");
  CHECK(wanted("Via via").find("\"via\" stands here twice") != std::string::npos);
  CHECK(wanted("X-Forward-For").find("did you mean \"X-Forwarded-For\"?") != std::string::npos);
  CHECK(wanted("Via off").find("forwarded_headers") != std::string::npos);
}

TEST_CASE("load: included files come in place, in order, and know their own folder") {
  auto source = test::source_with(
      "[main]\ninclude = conf.d/*.ini\ndaemon = off\n[server z]\n"
      "listen = 80\n");
  source->files["/etc/weir/conf.d/b.ini"] = "[server b]\nlisten = 80\n";
  source->files["/etc/weir/conf.d/a.ini"] =
      "\xef\xbb\xbf[server a]\r\nlisten = 443 ssl\r\nssl_certificate = a.pem\r\n";
  source->files["/etc/weir/conf.d/a.pem"] = "x";
  source->files["/etc/weir/conf.d/README"] = "not one";
  Inputs inputs(std::move(source));
  const LoadOptions options{"/etc/weir/weir.ini", "/", ""};
  const Loaded loaded = load(inputs, options);
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  CHECK(loaded.config->servers[0].name == "a");
  CHECK(loaded.config->servers[1].name == "b");
  CHECK(loaded.config->servers[2].name == "z");
  CHECK(loaded.config->servers[0].certificates[0].key.path == "/etc/weir/conf.d/a.pem");
  CHECK_FALSE(*loaded.config->main.daemon);
  CHECK(loaded.config->place(loaded.config->servers[1].where) == "/etc/weir/conf.d/b.ini:1");

  auto snapshot = Inputs::parse(inputs.serialise());
  REQUIRE(snapshot);
  CHECK(load(*snapshot, options).report() == "");
}

TEST_CASE("load: files that include themselves or are not there are errors") {
  auto source = test::source_with("[main]\ninclude = a.ini\ninclude = none.ini\ninclude = x/*\n");
  source->files["/etc/weir/a.ini"] = "[main]\ninclude = weir.ini\n";
  Inputs inputs(std::move(source));
  const Loaded loaded = load(inputs, {"/etc/weir/weir.ini", "/", ""});
  REQUIRE(loaded.errors == 2);  // [main] again, so that its include does not count; and none.ini
  CHECK(loaded.diagnostics[0].text == "/etc/weir/none.ini: No such file or directory");

  Inputs none(std::make_unique<test::MemorySource>());
  CHECK(load(none, {"/x.ini", "/", ""}).report() ==
        "weir: /x.ini: can't be read: No such file or directory\n"
        "weir: 1 error, configuration not loaded\n");
}

TEST_CASE("load: -g stands in for lines of [main]") {
  const Loaded loaded =
      test::load_text("[main]\ndaemon = on\npid = a\n[server s]\nlisten = 80\n",
                      "daemon=off; error_log = \"a;b.log\" debug;worker_processes=3");
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  CHECK_FALSE(*loaded.config->main.daemon);
  CHECK(loaded.config->main.pid->path == "/srv/weir/a");
  CHECK(loaded.config->main.error_log->file.path == "/srv/weir/a;b.log");
  CHECK(loaded.config->main.worker_processes->count == 3);
  CHECK(loaded.config->place(loaded.config->main.daemon.where) == "-g:1");
  for (const char* overrides : {"daemon", "demon=off", "daemon=maybe", "include=x", "daemon=on\n",
                                "pid=a; pid=b", "listen=80"}) {
    CAPTURE(overrides);
    CHECK(test::load_text("[server s]\nlisten = 80\n", overrides).errors == 1);
  }
}

TEST_CASE("load: names become peers, dead ones a warning") {
  const Loaded loaded = test::load_text(
      "[upstream u]\nserver = origin.example.com:8000-8001\nserver = dead.example.com\n"
      "server = unix:run/o.sock\nserver = [::1]:81\nserver = [::1]:81\n[server s]\nlisten = 80\n");
  REQUIRE(loaded.config);
  CHECK(loaded.has_warnings());
  CHECK(loaded.diagnostics.size() == 2);
  const UpstreamConf& upstream = loaded.config->upstreams[0];
  std::string peers;
  for (const PeerConf& peer : upstream.peers) peers += peer.address.to_string() + ' ';
  CHECK(peers ==
        "192.0.2.1:8000 192.0.2.1:8001 [2001:db8::1]:8000 [2001:db8::1]:8001 "
        "unix:/srv/weir/run/o.sock [::1]:81 ");
  CHECK(upstream.peers[0].host == "origin.example.com");
}

TEST_CASE("load: keys are never shown, whatever is wrong with them") {
  const Loaded loaded = test::load_text(
      "[api_keys k]\nkey = demo my-secret-key\nkey = \"my-secret-key\nkey = my-secret-key\n");
  CHECK(loaded.errors == 3);
  CHECK(loaded.report().find("my-secret-key") == std::string::npos);
}

TEST_CASE("load: a million mistakes cost a short report") {
  std::string text = "[main]\n";
  for (int line = 0; line < 100'000; ++line) text += "x = 1\n";
  const Loaded loaded = test::load_text(text);
  CHECK(loaded.errors == 100'000);
  CHECK(loaded.diagnostics.size() < 300);
  CHECK(loaded.report().ends_with("weir: 100000 errors, configuration not loaded\n"));
}

}  // namespace weir::conf
