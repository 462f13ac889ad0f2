#include "upstream/load_report.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace weir;

namespace {

int percent(std::uint16_t share) { return (share * 100 + 32'767) / 65'535; }

struct Good {
  std::string text;
  int cpu, memory;
};

}  // namespace

TEST_CASE("X-Load: what is understood") {
  for (const Good& good : std::vector<Good>{{"cpu=0.42 mem=0.61", 42, 61},
                                            {"mem=0.61,cpu=0.42", 42, 61},
                                            {"cpu=0.42", 42, 0},
                                            {"  cpu=1   mem=0 ", 100, 0},
                                            {"cpu=7.5 mem=1e-1", 100, 10},
                                            {"disk=0.9 cpu=0.5", 50, 0}}) {
    CAPTURE(good.text);
    const auto load = parse_x_load(good.text);
    REQUIRE(load);
    CHECK(percent(load->cpu) == good.cpu);
    CHECK(percent(load->memory) == good.memory);
  }
}

TEST_CASE("X-Load: who says something malformed has said nothing") {
  for (const std::string& bad : std::vector<std::string>{"",
                                                         " ",
                                                         "cpu",
                                                         "cpu=",
                                                         "=0.4",
                                                         "cpu=-0.1",
                                                         "cpu=+0.1",
                                                         "cpu=.5",
                                                         "cpu=0.",
                                                         "cpu=00.5",
                                                         "cpu=nan",
                                                         "cpu=inf",
                                                         "cpu=0x1",
                                                         "cpu=0,5",
                                                         "cpu=0.4 cpu=0.5",
                                                         "cpu=0.4 mem",
                                                         "cpu=1e999",
                                                         "cpu=1e",
                                                         "cpu=0.5%",
                                                         "disk=1",
                                                         "cpu=\"0.5\"",
                                                         "cpu=" + std::string(41, '1'),
                                                         "cpu=0.5" + std::string(4096, ' ')}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_x_load(bad));
  }
}

TEST_CASE("ORCA: both text forms") {
  for (
      const Good& good : std::vector<Good>{
          {"TEXT cpu_utilization=0.3,mem_utilization=0.8", 30, 80},
          {"TEXT cpu_utilization:0.3, mem_utilization:0.8,rps_fractional=10.5", 30, 80},
          {"TEXT named_metrics.kv_cache=0.4,cpu_utilization=1.7", 100, 0},
          {R"(JSON {"cpu_utilization": 0.3, "mem_utilization": 0.8})", 30, 80},
          {R"(JSON {"rps_fractional":10.0,"named_metrics":{"cpu_utilization":9,"a":[1,{"b":"}"}]},)"
           R"("mem_utilization":5e-1})",
           0, 50},
          {R"(JSON { "x" : "a\"b", "cpu_utilization" : 1 } )", 100, 0}}) {
    CAPTURE(good.text);
    const auto load = parse_orca(good.text);
    REQUIRE(load);
    CHECK(percent(load->cpu) == good.cpu);
    CHECK(percent(load->memory) == good.memory);
  }
}

TEST_CASE("ORCA: who says something malformed has said nothing") {
  std::string deep = "JSON {\"a\":";
  for (int i = 0; i < 100; ++i) deep += "[";
  for (const std::string& bad :
       std::vector<std::string>{"",
                                "TEXT",
                                "TEXT ",
                                "cpu_utilization=0.3",
                                "BIN AAAA",
                                "text cpu_utilization=0.3",
                                "TEXT cpu_utilization",
                                "TEXT cpu_utilization=x",
                                "JSON ",
                                "JSON {}",
                                "JSON []",
                                "JSON {\"cpu_utilization\":0.3",
                                "JSON {\"cpu_utilization\":}",
                                "JSON {\"cpu_utilization\":\"0.3\"}",
                                "JSON {\"cpu_utilization\":{}}",
                                "JSON {\"cpu_utilization\":[0.3]}",
                                "JSON {\"cpu_utilization\":0.3}x",
                                "JSON {\"cpu_utilization\":0.3,}",
                                "JSON {\"cpu_utilization\":-1}",
                                "JSON {\"cpu_utilization\":0.3,\"cpu_utilization\":0.4}",
                                "JSON {\"a\":\"b}",
                                "JSON {\"a\":1 \"cpu_utilization\":1}",
                                "JSON {cpu_utilization:1}",
                                "JSON {\"a\\",
                                deep}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_orca(bad));
  }
}

TEST_CASE("agent-check: words in any order and case, what is not mentioned stays") {
  using Service = AgentReport::Service;
  using Admin = AgentReport::Admin;
  auto report = parse_agent_line("up 75% maxconn:30");
  REQUIRE(report);
  CHECK(report->service == Service::up);
  CHECK(report->admin == Admin::unsaid);
  CHECK(report->percent == 75);
  CHECK(report->max_conns == 30u);

  report = parse_agent_line("READY,100%");
  REQUIRE(report);
  CHECK(report->admin == Admin::ready);
  CHECK(report->percent == 100);
  CHECK_FALSE(report->max_conns);

  report = parse_agent_line("\tdrain\t0%");
  REQUIRE(report);
  CHECK(report->admin == Admin::drain);
  CHECK(report->percent == 0);

  report = parse_agent_line("maint");
  REQUIRE(report);
  CHECK(report->admin == Admin::maintenance);

  for (const char* word : {"down", "fail", "stopped"}) {
    CAPTURE(word);
    report = parse_agent_line(std::string(word) + " # no database, up 50% ready");
    REQUIRE(report);
    CHECK(report->service == Service::down);
    CHECK(report->admin == Admin::unsaid);
    CHECK_FALSE(report->percent);
    CHECK(report->why == std::string(word) + ": no database, up 50% ready");
  }
  report = parse_agent_line("5000%");
  REQUIRE(report);
  CHECK(report->percent == 254);
}

TEST_CASE("agent-check: a line with a word that is none says nothing at all") {
  for (const std::string& bad :
       std::vector<std::string>{"", " ", "#", "# up", "hello", "up hello", "75", "%", "-5%", "1e2%",
                                "99999999%", "maxconn:", "maxconn:x", "maxconn: 5", "up;down",
                                "HTTP/1.1 200 OK", "up " + std::string(1024, 'a')}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_agent_line(bad));
  }
}
