#include "base/json.h"
#include "base/version.h"
#include "tools/load/report.h"

namespace weir::load {
namespace {

double microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

Json latency_json(const Histogram& times) {
  Json json;
  json["count"] = times.count();
  json["mean"] = microseconds(times.mean());
  json["min"] = microseconds(times.min());
  json["p50"] = microseconds(times.percentile(50));
  json["p75"] = microseconds(times.percentile(75));
  json["p90"] = microseconds(times.percentile(90));
  json["p95"] = microseconds(times.percentile(95));
  json["p99"] = microseconds(times.percentile(99));
  json["p99.9"] = microseconds(times.percentile(99.9));
  json["max"] = microseconds(times.max());
  return json;
}

}  // namespace

std::string report_json(const Plan& plan, const Outcome& outcome) {
  const Options& options = plan.options;
  const Tally& tally = outcome.tally;
  Json json;
  json["weir_load"] = version;
  json["url"] = options.url;
  json["method"] = options.method;
  json["address"] = plan.address.to_string();
  json["loop"] = options.open_loop ? "open" : "closed";
  json["rps_wanted"] = options.open_loop ? Json(options.rps) : Json(nullptr);
  json["workers"] = options.workers;
  json["keepalive"] = options.keepalive;
  json["verified"] = options.target.tls ? Json(plan.verified) : Json(nullptr);
  json["interrupted"] = outcome.interrupted;
  json["duration"] = std::chrono::duration<double>(outcome.elapsed).count();
  json["requests"] = tally.requests;
  json["ok"] = tally.ok;
  json["failed"] = tally.failed();
  json["failed_percent"] = failed_percent(tally);
  json["rps"] = achieved_rate(outcome);
  json["latency_us"] = latency_json(tally.latency);
  json["statuses"] = Json::object();
  for (std::size_t status = 0; status < tally.statuses.size(); ++status) {
    if (tally.statuses[status] != 0) {
      json["statuses"][std::to_string(status)] = tally.statuses[status];
    }
  }
  json["errors"] = Json::object();
  json["error_details"] = Json::object();
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    if (tally.failures[i] == 0) continue;
    const std::string name(failure_name(static_cast<Failure>(i)));
    json["errors"][name] = tally.failures[i];
    if (tally.details[i][0] != '\0') json["error_details"][name] = tally.details[i].data();
  }
  json["bytes_in"] = tally.bytes_in;
  json["bytes_out"] = tally.bytes_out;
  json["connections"] = tally.connections;
  json["tls_handshakes"] = tally.tls_full + tally.tls_resumed;
  json["tls_resumed"] = tally.tls_resumed;
  if (options.open_loop) json["lag_us"] = latency_json(tally.lag);
  json["generator_cpu_seconds"] = outcome.cpu.count();
  json["warnings"] = warnings(plan, outcome);
  return dump_json(json, 2) + "\n";
}

}  // namespace weir::load
