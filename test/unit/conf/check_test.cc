#include <doctest/doctest.h>

#include "conf/load.h"
#include "support.h"

namespace weir::conf {
namespace {

struct Bad {
  std::string text;
  std::string said;  // a part of the only error
};

std::string only_error(const std::string& text) {
  const Loaded loaded = test::load_text(text);
  CAPTURE(loaded.report());
  CHECK(loaded.errors == 1);
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Severity::error) return diagnostic.message();
  }
  return {};
}

const std::string web = "[server web]\nlisten = 80\n";

}  // namespace

TEST_CASE("values: what each type refuses") {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"[main]\ndaemon = yes\n", "neither on nor off"},
           {"[main]\ndaemon =\n", "has no value"},
           {"[main]\ndaemon = on off\n", "one word too many"},
           {"[main]\nworker_processes = 0\n", "neither auto nor a count"},
           {"[main]\nworker_processes = 65\n", "above the most, 64"},
           {"[main]\nworker_processes = -1\n", "not a number"},
           {"[main]\nworker_processes = 4;\n", "does not end in ';'"},
           {"[main]\nworker_shutdown_timeout = 5\n", "write 5s or 5ms"},
           {"[main]\nworker_shutdown_timeout = 5x\n", "units are"},
           {"[main]\nworker_shutdown_timeout = 1s1m\n", "is not a time"},
           {"[main]\nworker_shutdown_timeout = 30d\n", "above the most, 1w"},
           {"[main]\nworker_stall_timeout = 1ms\n", "below the least, 1s"},
           {"[main]\nlog_ring_size = 1t\n", "is not a size"},
           {"[main]\nlog_ring_size = 99999999999g\n", "is not a size"},
           {"[main]\nerror_log = stderr loud\n", "one of: emerg, alert"},
           {"[main]\nerror_log = stderr wran\n", "did you mean \"warn\"?"},
           {"[main]\nerror_log = log/\n", "is a folder"},
           {"[main]\npid = \"a\\nb\"\n", "a control byte"},
           {"[main]\nworker_cpu_affinity = 01\n", "one of: off, auto"},
           {"[main]\nuser = weir # comment\n", "a comment owns its line"},
           {"[admin]\nlisten = 127.0.0.1:80 mode=0660\n", "mode= is for Unix sockets"},
           {"[admin]\nlisten = unix:x mode=0888\n", "octal"},
           {"[admin]\nlisten = 8081 ssl\n", "unknown word \"ssl\""},
           {"[server s]\nlisten = 0\n", "is not a port"},
           {"[server s]\nlisten = 65536\n", "is not a port"},
           {"[server s]\nlisten = localhost:80\n", "is not an address to listen on"},
           {"[server s]\nlisten = 80 defualt_server\n", "did you mean \"default_server\"?"},
           {"[server s]\nlisten = 80 ipv6only=on\n", "for IPv6"},
           {"[server s]\nlisten = 80 http2\n", "\"http2\" of listen is not built yet"},
           {"[server s]\nlisten = 80 reuseport\n", "every socket has reuseport"},
           {"[server s]\nlisten = unix:\n", "needs a path"},
           {"[server s]\nlisten = 80\nserver_name = a..b\n", "is not a name"},
           {"[server s]\nlisten = 80\nserver_name = a.*.b\n", "stands alone before"},
           {"[server s]\nlisten = 80\nserver_name = a:80\n", "a name has no port"},
           {"[server s]\nlisten = 80\nserver_name = www.*\n", "not built yet"},
           {"[server s]\nlisten = 80\nssl_protocols = TLSv1.1\n", "it is broken"},
           {"[server s]\nlisten = 80\nclient_min_rate = 1k over=0s\n", "between 1s and 1h"},
           {"[server s]\nlisten = 80\nclient_min_rate = fast\n", "not a rate"},
           {"[server s]\nlisten = 80\nset_real_ip_from = 10.0.0.1/8\n", "is not a network"},
           {"[server s]\nlisten = 80\nreal_ip_header = a:b\n", "is not a field name"},
           {"[server s]\nlisten = 80\nreturn = 99\n", "is not a status"},
           {"[server s]\nlisten = 80\nreturn = 301\n", "needs a URL"},
           {"[server s]\nlisten = 80\nreturn = 301 \"/a\\r\\nb\"\n", "line break"},
           {"[server s]\nlisten = 80\nreturn = 204 x\n", "has no body"},
           {"[server s]\nlisten = 80\nreturn = 200 $hots\n", "did you mean \"$host\"?"},
           {"[server s]\nlisten = 80\nadd_header = X-A \"a\\nb\"\n", "line break in a field value"},
           {"[server s]\nlisten = 80\nadd_header = X-A: b\n", "remove the ':'"},
           {"[server s]\nlisten = 80\nadd_header = Content-Length 3\n", "written by weir alone"},
           {"[server s]\nlisten = 80\nset_header = connection x\n", "written by weir alone"},
           {"[server s]\nlisten = 80\nadd_header = X-A\n", "needs 2 words"},
           {"[server s]\nlisten = 80\nrewrite = a(b c\n", "the regex is wrong"},
           {"[server s]\nlisten = 80\nrewrite = (a) $2\n", "has 1 groups"},
           {"[server s]\nlisten = 80\nrewrite = a b lsat\n", "did you mean \"last\"?"},
           {"[server s]\nlisten = 80\nauth = demo\n", "is not KIND:NAME"},
           {"[server s]\nlisten = 80\nauth = jwt:x\n", "not built yet"},
           {"[server s]\nlisten = 80\naccess_log = /var/log/a.log\n", "names [log] sections"},
           {"[server s]\nlisten = 80\nupstream = http://a\n", "not a URL"},
           {"[server s]\nlisten = 80\nproxy_pass = x\n", "write upstream = NAME"},
           {"[server s]\nlisten = 80\nkeepalive = 3\n", "keepalive"},
           {"[upstream u]\nserver = http://a:80\n", "not a URL"},
           {"[upstream u]\nserver = ::1:80\n", "without brackets"},
           {"[upstream u]\nserver = 1.2.3:80\n", "is not an address"},
           {"[upstream u]\nserver = 127.0.0.1:9-8\n", "is not a port"},
           {"[upstream u]\nserver = 127.0.0.1:1-2000\n", "upstream_peers_max is 1024"},
           {"[upstream u]\nserver = 127.0.0.1:1 weight=0\n", "\"0\" is not a number of 1 to 65535"},
           {"[upstream u]\nserver = 127.0.0.1:1 wieght=2\n", "did you mean \"weight\"?"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash\n", "hash needs a key"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = rr\n", "one of: round_robin"},
           {"[upstream u]\ndiscover = fiel path=a\n", "did you mean \"file\"?"},
           {"[upstream u]\ndiscover = zookeeper path=/a\n", "not built yet"},
           {"[upstream u]\ndiscover = file name=a\n", "needs path=FILE"},
           {"[upstream u]\ndiscover = file path=a srv\n", "options of discover = dns"},
           {"[upstream u]\ndiscover = dns port=1\n", "needs name=NAME"},
           {"[upstream u]\ndiscover = dns name=a\n", "needs port=PORT"},
           {"[upstream u]\ndiscover = dns name=a srv port=1\n", "SRV records say the ports"},
           {"[upstream u]\ndiscover = dns name=10.0.0.1 port=1\n", "is not a name"},
           {"[upstream u]\ndiscover = dns name=a port=1 resolver=ns1\n", "address of a resolver"},
           {"[upstream u]\ndiscover = dns name=a port=1 down\n", "down"},
           {"[upstream u]\ndiscover = dns name=a port=1 interval_min=2s interval_max=1s\n",
            "interval_min is more"},
           {"[upstream u]\ndiscover = file path=a\ndiscover = file path=a\n", "here twice"},
           {"[main]\nresolver = ns1\n", "address of a resolver"},
           {"[main]\nresolver = system 1.1.1.1\n", "only valid=TIME"},
           {"[main]\nresolver = 1.1.1.1,2.2.2.2\n", "stand apart"},
           {"[main]\nresolver = valid=1s\n", "no address"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash key=x\n", "same for all"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash key=$nothing\n",
            "unknown variable"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash key=$uri bounded_load=1\n",
            "is not a number of 1.01 to 100"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash key=$uri bounded_load=1.255\n",
            "is not a number of 1.01 to 100"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = hash key=$uri bounded_load=\n",
            "is not a number of 1.01 to 100"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = random\n", "write random two"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = random one\n", "write random two"},
           {"[upstream u]\nserver = 127.0.0.1:1\nbalance = first second\n", "\"second\""},
           {"[log l]\npath = a\nformat = combinde\n", "unknown format"},
           {"[log l]\npath = a\nformat = \"$tmie\"\n", "unknown variable"},
       }) {
    CAPTURE(bad.text);
    CAPTURE(bad.said);
    const std::string error = only_error(bad.text);
    CAPTURE(error);
    CHECK(error.find(bad.said) != std::string::npos);
  }
}

TEST_CASE("sections: what is refused") {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"[srever web]\nx = 1\n", "did you mean \"server\"?"},
           {"[frontend]\n", "kinds are main"},
           {"[server]\nlisten = 80\n", "needs one name"},
           {"[main x]\n", "has no name"},
           {"[server Web]\n", "is not a name"},
           {"[server a b]\n", "needs one name"},
           {"[]\n", "has no kind"},
           {"[main]\n[main]\n", "stands here again; it began at /etc/weir/weir.ini:1"},
           {"[main]\nuser = a\nuser = b\n", "it is set at /etc/weir/weir.ini:2"},
           {"[main]\nlisten = 80\n", "it belongs in [admin], [server]"},
           {"[jwt j]\n", "[jwt j] is not built yet"},
           {"[server s]\n", "has no listen"},
           {"[upstream u]\n", "has no server"},
           {"[log l]\n", "has no path"},
           {"[api_keys k]\n", "has no key"},
           {"[location l]\npath = /\n", "names no server"},
       }) {
    CAPTURE(bad.text);
    CAPTURE(bad.said);
    const std::string error = only_error(bad.text);
    CAPTURE(error);
    CHECK(error.find(bad.said) != std::string::npos);
  }
}

TEST_CASE("checks: what no line alone shows") {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"[server a]\nlisten = 80\nlisten = *:80\n", "listens on 0.0.0.0:80 twice"},
           {"[server a]\nlisten = 80 default_server\n[server b]\nlisten = 80 default_server\n",
            "has a default_server already"},
           {"[server a]\nlisten = 80\nserver_name = x.y\n[server b]\nlisten = 80\nserver_name = "
            "z X.Y\n",
            "the name x.y is taken on 0.0.0.0:80"},
           {"[server a]\nlisten = 80\n[server b]\nlisten = 80 ssl\nssl_certificate = auto\n",
            "with ssl here and without ssl elsewhere"},
           {"[server a]\nlisten = 80\n[server b]\nlisten = 80 backlog=9\n", "other options"},
           {"[server a]\nlisten = 443 ssl\n", "has no ssl_certificate"},
           {"[server a]\nlisten = 443 ssl\nssl_certificate = none.pem\n", "No such file"},
           {"[server a]\nlisten = 443 ssl\nssl_certificate = auto\nssl_certificate_key = "
            "tls/example.key\n",
            "the key has no ssl_certificate"},
           {"[server a]\nlisten = 443 ssl\nssl_certificate = tls/example.pem\nssl_certificate = "
            "tls/client.pem\nssl_certificate_key = tls/example.key\n",
            "has no ssl_certificate_key"},
           {"[admin]\nlisten = 80\n[server a]\nlisten = 80\n", "is listened on already"},
           {"[upstream u]\nserver = 127.0.0.1:1\nssl = on\nssl_verify = off\n",
            "add ssl_insecure_skip_verify = on"},
           {"[upstream u]\nserver = 127.0.0.1:1\nssl_certificate_key = tls/client.key\n",
            "without ssl_certificate"},
           {"[api_keys k]\nfile = none.keys\n", "No such file"},
           {"[api_keys k]\nfile = keys/partners.keys\nkey = acme "
            "sha256:aaaa456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
            "stands in [api_keys k] twice"},
           {"[api_keys k]\nfile = keys/partners.keys\nkey = other "
            "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
            "has the hash of another key"},
       }) {
    CAPTURE(bad.text);
    CAPTURE(bad.said);
    const std::string error = only_error(bad.text);
    CAPTURE(error);
    CHECK(error.find(bad.said) != std::string::npos);
  }
  for (const Bad& bad : std::initializer_list<Bad>{
           {"[location l]\nserver = wbe\npath = /\n", "did you mean \"web\"?"},
           {"[location l]\nserver = web\n", "has no path"},
           {"[location l]\nserver = web\npath = api\n", "does not begin with '/'"},
           {"[location l]\nserver = web\npath = ~ ^/a\n", "write path = regex RE"},
           {"[location l]\nserver = web\npath = regex ^/(a\n", "the regex is wrong"},
           {"[location l]\nserver = web\npath = /a\n[location m]\nserver = web\npath = /a\n",
            "[location l] has this path already"},
           {"[location l]\nserver = web\npath = /\nauth = api_keys:none\n",
            "there is no [api_keys ...] section"},
           {"[location l]\nserver = web\npath = /\naccess_log = none\n", "refers to log \"none\""},
           {"[defaults]\nupstream = none\n", "[defaults] refers to upstream \"none\""},
       }) {
    CAPTURE(bad.text);
    CAPTURE(bad.said);
    const std::string error = only_error(web + bad.text);
    CAPTURE(error);
    CHECK(error.find(bad.said) != std::string::npos);
  }
}

TEST_CASE("checks: what is allowed though it looks odd is a warning") {
  for (const char* text :
       {"[location l]\nserver = web\npath = /a?b\n", "[location l]\nserver = web\npath = /a//b\n",
        "[location l]\nserver = web\npath = /a/../b\n", "ssl_certificate = auto\n",
        "[upstream u]\nserver = 127.0.0.1:1\nssl_trusted_certificate = "
        "tls/internal-ca.pem\n"}) {
    CAPTURE(text);
    const Loaded loaded = test::load_text(web + text);
    CHECK(loaded.config);
    CHECK(loaded.diagnostics.size() == 1);
  }
}

TEST_CASE("checks: prefix, exact and regex of one text are three locations") {
  const Loaded loaded = test::load_text(
      web +
      "[location a]\nserver = web\npath = /a\n[location b]\nserver = web\npath = exact /a\n"
      "[location c]\nserver = web\npath = regex /a\n[location d]\nserver = web\npath = prefix "
      "/d\n");
  CHECK(loaded.report() == "");
}

}  // namespace weir::conf
