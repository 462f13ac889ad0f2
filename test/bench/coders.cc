// What coding a body costs: microseconds per 100 KB and bytes out, for each coding and level, of
// the files it is given. The time is this thread's own, the best of many rounds, since the machine
// is not alone; in slices and output rooms as the filter has them.
//
//   bench-coders [--windows] FILE...
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "filter/coder_pool.h"
#include "filter/coder_turns.h"

using namespace weir;

namespace {

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Cost {
  double us = 1e18;
  std::size_t bytes = 0;
};

std::size_t code(CoderLease& lease, std::string_view text) {
  std::size_t bytes = 0;
  for (bool done = false; !done;) {
    const std::string_view now = text.substr(0, CoderTurns::slice_bytes);
    const bool ends = now.size() == text.size();
    const auto step = lease.encoder().run(now, lease.output(),
                                          ends ? Encoder::Upto::end : Encoder::Upto::whenever);
    text.remove_prefix(step.taken);
    bytes += step.made;
    done = ends && step.done;
  }
  return bytes;
}

Cost measure(CoderPool& pool, const EncoderSpec& spec, std::string_view text, bool known) {
  Cost cost;
  double spent = 0;
  for (int round = 0; round < 200 && (round < 5 || spent < 150'000); ++round) {
    const double began = cpu_us();
    CoderLease lease =
        pool.encoder(spec, known ? std::optional<std::uint64_t>(text.size()) : std::nullopt);
    cost.bytes = code(lease, text);
    lease.release();
    const double us = cpu_us() - began;
    cost.us = std::min(cost.us, us);
    spent += us;
  }
  cost.us *= 102'400.0 / static_cast<double>(std::max<std::size_t>(text.size(), 1));
  return cost;
}

void table(CoderPool& pool, const std::string& name, const std::string& text, bool windows) {
  fmt::print("\n{} ({} bytes)\n{:<8} {:>5} {:>8} {:>10} {:>9} {:>7}  {}\n", name, text.size(),
             "coding", "level", "window", "us/100KB", "bytes", "ratio", "length");
  std::vector<EncoderSpec> specs;
  for (const int level : {0, 1, 2, 4, 5, 6, 9})
    specs.push_back({ContentCoding::gzip, level, 32768});
  const std::vector<std::uint64_t> sizes =
      windows ? std::vector<std::uint64_t>{64, 128, 256, 512} : std::vector<std::uint64_t>{256};
  for (const int level : {0, 1, 2, 3, 4, 5, 6})
    for (const auto size : sizes) specs.push_back({ContentCoding::br, level, size << 10});
  for (const int level : {1, 3, 6})
    for (const auto size : sizes) specs.push_back({ContentCoding::zstd, level, size << 10});
  for (const EncoderSpec& spec : specs) {
    for (const bool known : {false, true}) {
      const Cost cost = measure(pool, spec, text, known);
      fmt::print("{:<8} {:>5} {:>7}k {:>10.0f} {:>9} {:>7.2f}  {}\n", coding_name(spec.coding),
                 spec.level, spec.window >> 10, cost.us, cost.bytes,
                 static_cast<double>(text.size()) / static_cast<double>(cost.bytes),
                 known ? "known" : "unknown");
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  CoderPool pool(std::uint64_t{1} << 28);
  bool windows = false;
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--windows") {
      windows = true;
      continue;
    }
    std::ifstream file(arguments[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) {
      fmt::print(stderr, "{}: nothing to read\n", arguments[i]);
      return 2;
    }
    table(pool, arguments[i], text, windows);
  }
}
