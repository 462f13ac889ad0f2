#include "tools/load/options.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

#include "tools/load/plan.h"

using namespace weir;
using load::Options;
using load::Parsed;
using namespace std::chrono_literals;

namespace {

Parsed parse(std::initializer_list<const char*> arguments) {
  std::vector<char*> argv{const_cast<char*>("weir-load")};
  for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
  argv.push_back(nullptr);
  return load::parse_options(static_cast<int>(argv.size() - 1), argv.data());
}

Options good(std::initializer_list<const char*> arguments) {
  Parsed parsed = parse(arguments);
  CAPTURE(parsed.error);
  REQUIRE(parsed.error.empty());
  return std::move(parsed.options);
}

std::string request(const Options& options) {
  std::string error;
  std::string text = load::write_request(options, error);
  CHECK(error.empty());
  return text;
}

}  // namespace

TEST_CASE("weir-load alone: the quick start's request, ten a second for a minute") {
  const Options options = good({});
  CHECK(options.open_loop);
  CHECK(options.rps == 10);
  CHECK(options.duration == 60s);
  CHECK(options.quick_start);
  CHECK(options.target.tls);
  CHECK(options.target.port == 8443);
  CHECK_FALSE(options.insecure);
  CHECK(
      request(options) ==
      "POST /test HTTP/1.1\r\nHost: localhost:8443\r\nUser-Agent: weir-load/0.1.0\r\nAccept: "
      "*/*\r\n"
      "X-API-Key: test-api-key-123\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n"
      "{\"hello\": \"world\"}");
}

TEST_CASE("weir-load --rps 100 --duration 10 is the same at that rate") {
  const Options options = good({"--rps", "100", "--duration", "10"});
  CHECK(options.rps == 100);
  CHECK(options.duration == 10s);
  CHECK(request(options) == request(good({})));
}

TEST_CASE("load options: the quick start's request can be changed in parts") {
  const Options other = good({"-H", "x-api-key: wrong", "-d", "[]"});
  CHECK(request(other).find("x-api-key: wrong\r\n") != std::string::npos);
  CHECK(request(other).find("test-api-key") == std::string::npos);
  CHECK(request(other).ends_with("\r\n\r\n[]"));
  const std::string get = request(good({"-X", "GET"}));
  CHECK(get.starts_with("GET /test HTTP/1.1\r\n"));
  CHECK(get.find("X-API-Key: test-api-key-123\r\n") != std::string::npos);
  CHECK(get.find("Content-") == std::string::npos);
}

TEST_CASE("load options: a URL brings nothing of the quick start") {
  const Options options = good({"http://127.0.0.1:8080/a?b"});
  CHECK_FALSE(options.quick_start);
  CHECK(request(options) ==
        "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: weir-load/0.1.0\r\n"
        "Accept: */*\r\n\r\n");
  CHECK(request(good({"-d", "x", "--no-keepalive", "http://a/"})) ==
        "POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: weir-load/0.1.0\r\nAccept: */*\r\n"
        "Content-Length: 1\r\nConnection: close\r\n\r\nx");
  CHECK(request(good({"-X", "PUT", "-H", "Host: b", "-H", "User-Agent: me", "http://a/"})) ==
        "PUT / HTTP/1.1\r\nHost: b\r\nUser-Agent: me\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("load options: which loop it is") {
  CHECK_FALSE(good({"-c", "10", "http://a/"}).open_loop);
  CHECK(good({"-c", "10", "--rps", "5", "http://a/"}).open_loop);
  CHECK(good({"--max-connections", "10", "http://a/"}).open_loop);
  CHECK(good({"-c", "10", "http://a/"}).duration == 60s);
  CHECK(good({"-n", "10", "http://a/"}).duration == 0s);
  CHECK(good({"-n", "10", "--duration", "3", "http://a/"}).duration == 3s);
}

TEST_CASE("load options: times have units, seconds without one") {
  CHECK(good({"--duration", "1.5"}).duration == 1500ms);
  CHECK(good({"--duration", "1.5s"}).duration == 1500ms);
  CHECK(good({"--duration", "500ms"}).duration == 500ms);
  CHECK(good({"--duration", "2m"}).duration == 2min);
  CHECK(good({"--duration", "24h"}).duration == 24h);
  CHECK(good({"--timeout", "1"}).timeout == 1s);
}

TEST_CASE("load options: silly arguments are refused, with the option's name") {
  struct Case {
    std::vector<const char*> arguments;
    const char* said;
  };
  for (const Case& it : std::vector<Case>{
           {{"--rps", "0"}, "--rps 0: wants requests per second"},
           {{"--rps", "-1"}, "--rps -1"},
           {{"--rps", "1e3"}, "--rps 1e3"},
           {{"--rps", "nan"}, "--rps nan"},
           {{"--rps", "99999999"}, "0.001 to 10000000"},
           {{"--duration", "0"}, "no time at all"},
           {{"--duration", "25h"}, "too long"},
           {{"--duration", "5x"}, "wants a time"},
           {{"--duration", ""}, "wants a time"},
           {{"--duration", "1.2.3"}, "wants a time"},
           {{"-c", "0"}, "--connections 0: wants 1 to 100000"},
           {{"-c", "100001"}, "wants 1 to 100000"},
           {{"-n", "0"}, "--requests 0"},
           {{"--workers", "0"}, "--workers 0"},
           {{"--workers", "3", "-c", "2"}, "more --workers than connections"},
           {{"--timeout", "0"}, "--timeout 0"},
           {{"-X", "GE T"}, "is no method"},
           {{"-X", "CONNECT"}, "tunnel"},
           {{"-H", "no colon"}, "wants \"Name: value\""},
           {{"-H", "a b: c"}, "wants \"Name: value\""},
           {{"-H", "a: b\r\nc: d"}, "wants \"Name: value\""},
           {{"-H", "connection: close"}, "weir-load's own"},
           {{"-H", "Content-Length: 5"}, "weir-load's own"},
           {{"-d", "@/no/such/file"}, "No such file"},
           {{"--expect", "20"}, "wants statuses"},
           {{"--expect", "101"}, "wants statuses"},
           {{"--expect", "1xx"}, "wants statuses"},
           {{"--expect", "500-200"}, "wants statuses"},
           {{"--expect", ""}, "wants statuses"},
           {{"--max-failed", "101"}, "0 to 100 percent"},
           {{"--max-failed", "-1"}, "0 to 100 percent"},
           {{"--no-such"}, "unknown option --no-such"},
           {{"--rps"}, "no value behind --rps"},
           {{"http://a/", "http://b/"}, "http://b/ is the second"},
           {{"a"}, "begins with http:// or https://"},
           {{"-k", "http://a/"}, "-k is for https"},
           {{"--tls-resume", "http://a/"}, "for https"},
           {{"-k", "--cacert", "x", "https://a/"}, "exclude each other"},
           {{"-c", "5", "--max-connections", "6", "https://a/"}, "--max-connections"},
           {{"-c", "5", "--rps", "1", "--max-connections", "6"}, "exclude each other"}}) {
    std::vector<char*> argv{const_cast<char*>("weir-load")};
    for (const char* argument : it.arguments) argv.push_back(const_cast<char*>(argument));
    argv.push_back(nullptr);
    const Parsed parsed = load::parse_options(static_cast<int>(argv.size() - 1), argv.data());
    CAPTURE(it.said);
    CAPTURE(parsed.error);
    CHECK(parsed.error.find(it.said) != std::string::npos);
  }
}

TEST_CASE("load options: which statuses are successes") {
  const auto set = *load::parse_statuses("2xx,304,500-503");
  for (const std::size_t status : {200U, 204U, 299U, 304U, 500U, 503U}) CHECK(set.test(status));
  for (const std::size_t status : {199U, 300U, 303U, 305U, 499U, 504U})
    CHECK_FALSE(set.test(status));
  const Options options = good({"http://a/"});
  CHECK(options.expected.test(204));
  CHECK_FALSE(options.expected.test(301));
}

TEST_CASE("load options: help and version need nothing else to be right") {
  CHECK(good({"--help", "nonsense"}).action == Options::Action::help);
  CHECK(good({"--version"}).action == Options::Action::version);
  CHECK(load::usage().find("--rps RATE") != std::string::npos);
}
