#include "tools/load/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weir::load {
namespace {

using std::chrono::nanoseconds;

struct Paint {
  bool on;
  std::string bold(std::string_view text) const { return with("1", text); }
  std::string good(std::string_view text) const { return with("32", text); }
  std::string bad(std::string_view text) const { return with("31", text); }
  std::string dim(std::string_view text) const { return with("2", text); }

 private:
  std::string with(std::string_view code, std::string_view text) const {
    if (!on) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
};

std::string bytes_text(std::uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", size / 1024);
  if (bytes < 1024ULL * 1024 * 1024) return fmt::format("{:.1f} MiB", size / (1024 * 1024));
  return fmt::format("{:.2f} GiB", size / (1024.0 * 1024 * 1024));
}

std::string number_text(double number) {
  return fmt::format("{:.{}f}", number, number < 10 ? 2 : number < 1000 ? 1 : 0);
}

std::string plural(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string what_was_done(const Plan& plan) {
  const Options& options = plan.options;
  std::string how;
  if (options.open_loop) {
    how = fmt::format("{:g} requests/s", options.rps);
    if (options.connections != 0) how += " over " + plural(options.connections, "connection");
  } else {
    how = plural(options.connections, "connection") + ", each with its next request when answered";
  }
  if (!options.keepalive) how += ", a connection each";
  return fmt::format("{} {}\n{}", options.method, options.url, how);
}

void add_counts(const Plan& plan, const Outcome& outcome, const Paint& paint, std::string& out) {
  const Tally& tally = outcome.tally;
  const double seconds = std::chrono::duration<double>(outcome.elapsed).count();
  out += fmt::format("  requests     {} in {} s, {} answered a second\n", tally.requests,
                     number_text(seconds), number_text(achieved_rate(outcome)));
  const std::string failed =
      fmt::format("{} failed ({:.2f} %)", tally.failed(), failed_percent(tally));
  out += fmt::format("  outcome      {}, {}\n", paint.good(fmt::format("{} ok", tally.ok)),
                     tally.failed() == 0 ? failed : paint.bad(failed));
  for (std::size_t status = 0; status < tally.statuses.size(); ++status) {
    if (tally.statuses[status] == 0) continue;
    const bool expected = plan.options.expected.test(status);
    const std::string line = fmt::format("{:>10} with status {}", tally.statuses[status], status);
    out += fmt::format("  {}\n", expected ? line : paint.bad(line));
  }
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    const auto kind = static_cast<Failure>(i);
    if (tally.failures[i] == 0 || kind == Failure::status) continue;
    std::string line = fmt::format("{:>10} {}", tally.failures[i], failure_text(kind));
    const std::string_view detail(tally.details[i].data());
    if (!detail.empty() && detail != failure_text(kind)) line += fmt::format(": {}", detail);
    out += fmt::format("  {}\n", paint.bad(line));
  }
  out += fmt::format("  connections  {} opened", tally.connections);
  if (plan.options.target.tls) {
    out +=
        fmt::format(", {} full and {} resumed TLS handshakes", tally.tls_full, tally.tls_resumed);
  }
  out += fmt::format("\n  bytes        {} in, {} out\n", bytes_text(tally.bytes_in),
                     bytes_text(tally.bytes_out));
}

constexpr std::array<double, 6> percentiles{50, 75, 90, 95, 99, 99.9};

void add_latency(const Plan& plan, const Histogram& latency, const Paint& paint, std::string& out) {
  if (latency.count() == 0) return;
  out += paint.bold("latency");
  out += plan.options.open_loop ? " from the moment a request was meant to start\n"
                                : " from the start of a request\n";
  out += fmt::format("  mean {}   min {}   max {}\n", time_text(latency.mean()),
                     time_text(latency.min()), time_text(latency.max()));
  for (const double percent : percentiles) {
    out += fmt::format("  p{:<5g} {:>9}\n", percent, time_text(latency.percentile(percent)));
  }
}

// The next of 1, 2, 5, 10, 20, 50 ... microseconds.
nanoseconds next_bound(nanoseconds bound) {
  auto lead = bound.count();
  while (lead >= 10) lead /= 10;
  return lead == 2 ? bound / 2 * 5 : bound * 2;
}

// A row per step of 1, 2, 5, 10 ... that holds something.
void add_histogram(const Histogram& latency, const Paint& paint, std::string& out) {
  if (latency.count() == 0) return;
  constexpr double width = 40;
  struct Row {
    nanoseconds below;
    std::uint64_t count;
  };
  std::vector<Row> rows;
  std::uint64_t most = 0;
  nanoseconds from(0);
  for (nanoseconds below(1000); from <= latency.max(); below = next_bound(below)) {
    rows.push_back({below, latency.count_between(from, below)});
    most = std::max(most, rows.back().count);
    from = below;
  }
  const auto first = std::ranges::find_if(rows, [](const Row& row) { return row.count != 0; });
  while (rows.end() - first > 1 && rows.back().count == 0) rows.pop_back();
  out += paint.bold("histogram") + "\n";
  for (auto row = first; row != rows.end(); ++row) {
    const double share = static_cast<double>(row->count) / static_cast<double>(latency.count());
    auto length = static_cast<std::size_t>(
        std::ceil(width * static_cast<double>(row->count) / static_cast<double>(most)));
    out += fmt::format("  below {:>8} {:<40} {:>10} {:>6.2f} %\n", time_text(row->below),
                       std::string(length, '#'), row->count, share * 100);
  }
}

}  // namespace

std::string time_text(nanoseconds time) {
  const auto value = static_cast<double>(time.count());
  const auto with = [](double number, std::string_view unit) {
    const int decimals = number >= 99.95 || number == std::floor(number) ? 0
                         : number >= 9.995                               ? 1
                                                                         : 2;
    return fmt::format("{:.{}f} {}", number, decimals, unit);
  };
  if (time < std::chrono::microseconds(1000)) return with(std::round(value / 1e3), "us");
  if (time < std::chrono::seconds(1)) return with(value / 1e6, "ms");
  return with(value / 1e9, "s");
}

double achieved_rate(const Outcome& outcome) {
  const double seconds = std::chrono::duration<double>(outcome.elapsed).count();
  return seconds > 0 ? static_cast<double>(outcome.tally.in_window) / seconds : 0;
}

double failed_percent(const Tally& tally) {
  if (tally.requests == 0) return 0;
  return 100.0 * static_cast<double>(tally.failed()) / static_cast<double>(tally.requests);
}

bool within_limit(const Plan& plan, const Tally& tally) {
  return failed_percent(tally) <= plan.options.failed_percent_max;
}

std::vector<std::string> warnings(const Plan& plan, const Outcome& outcome) {
  std::vector<std::string> out;
  const Options& options = plan.options;
  const double seconds = std::chrono::duration<double>(outcome.elapsed).count();
  const double busy = seconds > 0 ? outcome.cpu.count() / seconds / options.workers : 0;
  if (busy > 0.9) {
    out.push_back(
        fmt::format("weir-load itself was busy {:.0f} % of the time: it, not the target, may be "
                    "what is measured "
                    "(more --workers help where there are cores)",
                    std::min(busy, 1.0) * 100));
  }
  if (!options.open_loop) return out;
  const nanoseconds lag = outcome.tally.lag.percentile(99);
  if (lag > std::chrono::milliseconds(1)) {
    out.push_back(fmt::format(
        "weir-load was late with its own requests: 1 % of them by {} or more; their latencies "
        "include that",
        time_text(lag)));
  }
  const double rate = achieved_rate(outcome);
  if (!outcome.interrupted && outcome.tally.requests >= 100 && rate < 0.98 * options.rps) {
    out.push_back(fmt::format("{} of {:g} requests/s were answered in time: the rate was not held",
                              number_text(rate), options.rps));
  }
  return out;
}

std::string report_text(const Plan& plan, const Outcome& outcome, bool colour) {
  const Paint paint{colour};
  std::string out = what_was_done(plan) + "\n";
  if (plan.options.target.tls && !plan.verified) {
    out += plan.development ? "the certificate is weir's own for development (ssl_certificate = "
                              "auto): not verified\n"
                            : "the certificate was not verified (-k)\n";
  }
  if (outcome.interrupted) out += "ended early\n";
  out += "\n";
  add_counts(plan, outcome, paint, out);
  out += "\n";
  add_latency(plan, outcome.tally.latency, paint, out);
  add_histogram(outcome.tally.latency, paint, out);
  for (const auto& warning : warnings(plan, outcome)) {
    out += fmt::format("\n{} {}\n", paint.bad("warning:"), warning);
  }
  return out;
}

}  // namespace weir::load
