#include <doctest/doctest.h>

#include "conf/load.h"
#include "conf/value.h"
#include "support.h"

namespace weir::conf {
namespace {

const std::string head = "[upstream a]\nserver = 127.0.0.1:8000\n";
const std::string tail = "\n[server web]\nlisten = 80\n";

std::string only_error(const std::string& lines) {
  const Loaded loaded = test::load_text(head + lines + tail);
  CAPTURE(loaded.report());
  CHECK(loaded.errors == 1);
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Severity::error) return diagnostic.message();
  }
  return {};
}

HealthCheckConf check_of(const std::string& value) {
  const Loaded loaded = test::load_text(head + "health_check = " + value + tail);
  CAPTURE(loaded.report());
  REQUIRE(loaded.config);
  return *loaded.config->upstreams[0].health_check;
}

}  // namespace

TEST_CASE("health_check: without a line nobody probes") {
  const Loaded loaded = test::load_text(head + tail);
  REQUIRE(loaded.config);
  CHECK(loaded.config->upstreams[0].health_check->kind == HealthCheckConf::Kind::off);
}

TEST_CASE("health_check: all of its options") {
  const HealthCheckConf conf = check_of(
      "uri=/healthz?x=1 method=POST host=a.example:81 header=\"X-A: b c\" header=X-B: "
      "status=200-299,404 body=\"all well\" body_regex=\"^a.*\\\\d$\" body_max=1k "
      "interval=2s timeout=500ms slow_interval=30s fails=4 passes=1 jitter=0 port=81 "
      "agent_port=82");
  CHECK(conf.kind == HealthCheckConf::Kind::http);
  CHECK(conf.uri == "/healthz?x=1");
  CHECK(conf.method == "POST");
  CHECK(conf.host == "a.example:81");
  CHECK(conf.headers == std::vector<std::string>{"X-A: b c", "X-B: "});
  CHECK(conf.status == std::vector<StatusRange>{{200, 299}, {404, 404}});
  CHECK(conf.body == "all well");
  CHECK(conf.body_regex == "^a.*\\d$");
  CHECK(conf.body_max.bytes == 1024);
  CHECK(conf.interval == Duration(2000));
  CHECK(conf.timeout == Duration(500));
  CHECK(conf.slow_interval == Duration(30'000));
  CHECK(conf.fails == 4);
  CHECK(conf.passes == 1);
  CHECK(conf.jitter == 0);
  CHECK(conf.port == 81);
  CHECK(conf.agent_port == 82);
  // What is printed reads as the same.
  CHECK(check_of(print_value(conf)) == conf);
}

TEST_CASE("health_check: its kinds, as first word or as type=") {
  CHECK(check_of("off").kind == HealthCheckConf::Kind::off);
  CHECK(check_of("tcp interval=1s").kind == HealthCheckConf::Kind::tcp);
  CHECK(check_of("type=tcp interval=1s").kind == HealthCheckConf::Kind::tcp);
  CHECK(check_of("http").kind == HealthCheckConf::Kind::http);
  CHECK(check_of("fails=1").kind == HealthCheckConf::Kind::http);
  for (const char* value : {"off", "tcp", "http fails=1"}) {
    CHECK(print_value(check_of(value)) == value);
  }
}

TEST_CASE("health_check: what is refused, with its place") {
  struct Bad {
    std::string value, said;
  };
  for (const Bad& bad : std::initializer_list<Bad>{
           {"udp", "one of: off, http, tcp, tls"},
           {"type=udp", "is not a kind of health check"},
           {"tls", "does not speak TLS"},
           {"uri=healthz", "is not a path"},
           {"\"uri=/a b\"", "is not a path"},
           {"method=CONNECT", "is not a method of a probe"},
           {"\"method=G T\"", "is not a method of a probe"},
           {"host=a/b", "is not a host"},
           {"header=X-A", "is not a field"},
           {"header=\"X A: b\"", "is not a field"},
           {"header=\"Host: b\"", "write host=NAME"},
           {"header=\"Content-Length: 5\"", "is weir's own to say"},
           {"header=\"Connection: close\"", "is weir's own to say"},
           {"status=99", "is not a status"},
           {"status=200-", "is not a status"},
           {"status=300-200", "is not a status"},
           {"status=200,,300", "is not a status"},
           {"body_regex=(", "the regex is wrong at its byte 2"},
           {"body_regex=(*UTF)a", "the regex is wrong"},
           {"method=HEAD body=a", "the answer to HEAD has no body"},
           {"interval=10ms", "is not a time of 100ms"},
           {"fails=0", "is not a number of 1"},
           {"passes=0", "is not a number of 1"},
           {"jitter=51", "is not a number of 0 to 50"},
           {"port=0", "is not a number of 1"},
           {"body_max=2m", "is not a size of 1 to 1m"},
           {"tcp uri=/", "uri is for http"},
           {"off fails=1", "fails is of no use with off"},
           {"fails=1 fails=2", "stands here twice"},
           {"interwal=1s", "did you mean"},
       }) {
    CAPTURE(bad.value);
    const std::string said = only_error("health_check = " + bad.value);
    CAPTURE(said);
    CHECK(said.find(bad.said) != std::string::npos);
    CHECK(said.find("weir.ini:3") != std::string::npos);
  }
}

TEST_CASE("fail_on: by name, and again") {
  const auto bits = [](const std::string& line) {
    const Loaded loaded = test::load_text(head + line + tail);
    CAPTURE(loaded.report());
    REQUIRE(loaded.config);
    return *loaded.config->upstreams[0].fail_on;
  };
  using On = RetryConf;
  CHECK(bits("").bits == (On::error | On::timeout | On::invalid));
  CHECK(bits("fail_on = http_500").bits == On::http_500);
  CHECK(bits("fail_on = timeout,http_5xx,http_404").bits ==
        (On::timeout | On::http_5xx | On::http_404));
  CHECK(print_value(bits("fail_on = timeout,http_5xx,http_404")) == "timeout,http_5xx,http_404");
  CHECK(print_value(bits("fail_on = http_503,error")) == "error,http_503");
  CHECK(only_error("fail_on = eror").find("did you mean \"error\"?") != std::string::npos);
  CHECK(only_error("fail_on = error,").find("fail_on") != std::string::npos);
}

}  // namespace weir::conf
