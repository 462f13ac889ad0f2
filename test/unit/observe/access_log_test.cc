#include "observe/access_log.h"

#include <doctest/doctest.h>

#include <map>

#include "base/json.h"
#include "observe/error_context.h"

namespace weir::observe {
namespace {

class Request final : public Values {
 public:
  std::map<VariableId, std::string> values = {
      {VariableId::remote_addr, "192.0.2.7"},
      {VariableId::time_local, "23/Nov/2026:21:40:01 +0000"},
      {VariableId::time_iso8601, "2026-11-23T21:40:01+00:00"},
      {VariableId::request, "GET /a?b=c HTTP/1.1"},
      {VariableId::request_id, "0123456789abcdef0123456789abcdef"},
      {VariableId::request_method, "GET"},
      {VariableId::request_uri, "/a?b=c"},
      {VariableId::server_protocol, "HTTP/1.1"},
      {VariableId::host, "example.com"},
      {VariableId::http_host, "example.com:8443"},
      {VariableId::status, "200"},
      {VariableId::body_bytes_sent, "1234"},
      {VariableId::request_time, "0.015"},
      {VariableId::location, "api"},
  };
  std::map<std::string, std::string, std::less<>> fields = {{"user-agent", "curl/7.88.1"}};

  bool append(const VariableRef& variable, std::string& out) const override {
    if (variable.id == VariableId::http_) {
      const auto field = fields.find(variable.suffix);
      if (field == fields.end()) return false;
      out += field->second;
      return true;
    }
    const auto found = values.find(variable.id);
    if (found == values.end()) return false;
    out += found->second;
    return true;
  }
};

conf::LogConf log_conf(conf::LogFormat::Kind kind, const std::string& text = {},
                       conf::LogEscape escape = conf::LogEscape::standard) {
  conf::LogConf conf;
  TemplateProblem problem;
  REQUIRE(Template::compile(text, conf.format.value.custom, problem));
  conf.format.value.kind = kind;
  conf.escape.value = escape;
  return conf;
}
using Kind = conf::LogFormat::Kind;

std::string rendered(const conf::LogConf& conf, const Values& values) {
  std::string line = "left from the last request";
  AccessFormat(conf).render(values, line);
  return line;
}

}  // namespace

TEST_CASE("access log: combined is nginx's line") {
  Request request;
  CHECK(rendered(log_conf(Kind::combined), request) ==
        "192.0.2.7 - - [23/Nov/2026:21:40:01 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 \"-\" "
        "\"curl/7.88.1\"\n");
  request.values[VariableId::remote_user] = "ann";
  request.fields["referer"] = "https://example.org/\"\\\x01\n\xc3\xa9";
  CHECK(rendered(log_conf(Kind::combined), request) ==
        "192.0.2.7 - ann [23/Nov/2026:21:40:01 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 "
        "\"https://example.org/\\x22\\x5C\\x01\\x0A\\xC3\\xA9\" \"curl/7.88.1\"\n");
}

TEST_CASE("access log: json has the same keys for every request, null where nothing is known") {
  Request request;
  CHECK(rendered(log_conf(Kind::json), request) ==
        "{\"time\":\"2026-11-23T21:40:01+00:00\",\"request_id\":"
        "\"0123456789abcdef0123456789abcdef\",\"client\":\"192.0.2.7\",\"method\":\"GET\","
        "\"host\":\"example.com\",\"uri\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"status\":200,"
        "\"bytes\":1234,\"duration\":0.015,\"route\":\"api\",\"upstream\":null,"
        "\"upstream_status\":null,\"upstream_duration\":null,\"attempts\":0,\"cache\":null,"
        "\"tls\":null}\n");
  request.values[VariableId::upstream_addr] = "10.0.0.1:80, 10.0.0.2:80";
  CHECK(parse_json(rendered(log_conf(Kind::json), request))["attempts"] == 2);
  const Request nothing = [] {
    Request it;
    it.values.clear();
    return it;
  }();
  const auto empty = parse_json(rendered(log_conf(Kind::json), nothing));
  CHECK(empty.size() == 17);
  CHECK(empty["status"].is_null());
}

TEST_CASE("access log: json stays json whatever a client sends, and however much") {
  for (const char* value : {"\"", "\\", "\x01\x1f\x7f", "\xff\xfe", "\xc3", "</script>", "\r\n"}) {
    for (const std::size_t times : {1U, 100U, 5000U}) {
      CAPTURE(value);
      CAPTURE(times);
      Request request;
      std::string text;
      for (std::size_t i = 0; i < times; ++i) text += value;
      for (auto& [id, it] : request.values) it = text;
      const std::string line = rendered(log_conf(Kind::json), request);
      CHECK(line.size() <= shm::line_bytes_max);
      CHECK(line.find('\n') == line.size() - 1);
      CHECK(!parse_json(line).is_discarded());
    }
  }
}

TEST_CASE("access log: only what is a number in JSON stands as a number") {
  Request request;
  for (const char* value : {"", ".", "1.", ".5", "-1", "+1", "01", "1e3", "0x1", "1.2.3", "abc"}) {
    CAPTURE(value);
    request.values[VariableId::request_time] = value;
    CHECK(parse_json(rendered(log_conf(Kind::json), request))["duration"].is_null());
  }
  for (const char* value : {"0", "7", "0.000", "12.5"}) {
    CAPTURE(value);
    request.values[VariableId::request_time] = value;
    CHECK(parse_json(rendered(log_conf(Kind::json), request))["duration"].is_number());
  }
}

TEST_CASE("access log: a custom format is escaped as it says, and is one line in any case") {
  Request request;
  request.fields["x"] = "a\"\n\rb";
  const auto with = [&](conf::LogEscape escape) {
    return rendered(log_conf(Kind::custom, "<$http_x> $status $remote_user", escape), request);
  };
  CHECK(with(conf::LogEscape::standard) == "<a\\x22\\x0A\\x0Db> 200 -\n");
  CHECK(with(conf::LogEscape::json) == "<a\\\"\\n\\rb> 200 \n");
  CHECK(with(conf::LogEscape::none) == "<a\" \rb> 200 \n");
}

TEST_CASE("access log: a line that is too long is cut and says so") {
  Request request;
  for (std::size_t size = shm::line_bytes_max - 3; size < shm::line_bytes_max + 3; ++size) {
    request.fields["x"] = std::string(size, 'a');
    const std::string line = rendered(log_conf(Kind::custom, "$http_x"), request);
    CHECK(line.size() <= shm::line_bytes_max);
    CHECK(line.back() == '\n');
    CHECK(line.ends_with("...\n") == (size >= shm::line_bytes_max));
  }
}

TEST_CASE("access log: lines go to the stream of their log, and the logger is woken at half") {
  auto zones = shm::Zones::create({.ring_bytes = shm::ring_bytes_min});
  REQUIRE(zones);
  const shm::SlotId slot = *(*zones)->claim(shm::Role::worker, 1, 1);
  conf::Config config;
  config.logs.push_back(log_conf(Kind::combined));
  config.logs.back().stream = 3;
  config.logs.push_back(log_conf(Kind::custom, "$status"));
  config.logs.back().stream = 9;
  AccessLogs logs(config, **zones, slot);
  const Request request;
  CHECK(logs.write(0, request));
  CHECK(logs.write(1, request));
  shm::RingReader reader((*zones)->rings.ring(slot.index));
  auto walk = reader.walk();
  shm::RingReader::Record record;
  REQUIRE(walk.next(record));
  CHECK(record.stream == 3);
  REQUIRE(walk.next(record));
  CHECK(record.stream == 9);
  CHECK(record.line == "200\n");

  std::uint64_t wakes = 0;
  CHECK(::read((*zones)->logger_wake_fd(), &wakes, sizeof wakes) == -1);
  while (logs.write(0, request)) {
  }
  CHECK((*zones)->log_losses().dropped == 1);
  CHECK(::read((*zones)->logger_wake_fd(), &wakes, sizeof wakes) == sizeof wakes);
  CHECK(wakes == 1);
}

TEST_CASE("error context: what is known of the request follows the message") {
  Request request;
  std::string message = "connect() failed";
  request.values[VariableId::server_name] = "example.com";
  request.values[VariableId::upstream_addr] = "10.0.0.1:80";
  request.values[VariableId::request] = "GET /\" HTTP/1.1";
  append_context(request, message);
  CHECK(message ==
        "connect() failed, client: 192.0.2.7, server: example.com, request: \"GET /\\x22 "
        "HTTP/1.1\", upstream: \"10.0.0.1:80\", host: \"example.com:8443\"");
  request.values.clear();
  message = "accept() failed";
  append_context(request, message);
  CHECK(message == "accept() failed");
}

}  // namespace weir::observe
