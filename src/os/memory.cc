#include "os/memory.h"

#include <fcntl.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "os/fd.h"

namespace weir::memory {
namespace {

std::string read_file(const std::string& path) {
  std::string text;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return text;
  std::array<char, 4096> part;
  for (ssize_t got = 0; (got = ::read(fd.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  return parse_decimal(trim(read_file(path), " \n"));
}

// The two hierarchies of control groups: how /proc/self/cgroup names them, where they are, and the
// names of their files. No limit is "max" in the second, a huge number in the first.
struct Hierarchy {
  std::string_view line, folder, limit, used;
};
constexpr Hierarchy hierarchies[] = {
    {"\n0::", "/sys/fs/cgroup", "/memory.max", "/memory.current"},
    {":memory:", "/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes"},
};

// What one group leaves: its limit less what it uses and can't give back.
std::optional<std::uint64_t> left_in_group(const std::string& folder, const Hierarchy& names) {
  const auto limit = number_in(folder + std::string(names.limit));
  const auto used = number_in(folder + std::string(names.used));
  if (!limit || !used) return std::nullopt;
  const std::string stat = read_file(folder + "/memory.stat");
  const std::uint64_t cache =
      number_of(stat, "inactive_file").value_or(0) + number_of(stat, "active_file").value_or(0);
  const std::uint64_t kept = *used - std::min(*used, cache);
  return *limit - std::min(*limit, kept);
}

}  // namespace

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.empty() || (line.front() != ':' && line.front() != ' ')) continue;
    line = trim(line.substr(1));
    return parse_decimal(line.substr(0, line.find(' ')));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> available() {
  const auto kilobytes = number_of(read_file("/proc/meminfo"), "MemAvailable");
  if (!kilobytes) return std::nullopt;
  std::uint64_t least = *kilobytes * 1024;

  const std::string groups = '\n' + read_file("/proc/self/cgroup");
  for (const Hierarchy& names : hierarchies) {
    const auto at = groups.find(names.line);
    if (at == groups.npos) continue;
    std::string path = groups.substr(at + names.line.size());
    path.erase(std::min(path.find('\n'), path.size()));
    for (; !path.empty(); path.erase(path.rfind('/'))) {  // a group and all above it
      const auto left = left_in_group(std::string(names.folder) + path, names);
      if (left) least = std::min(least, *left);
      if (path.front() != '/') break;
    }
  }
  return least;
}

std::uint64_t resident() {
  const std::string status = read_file("/proc/self/status");
  return number_of(status, "VmRSS").value_or(0) * 1024;
}

void give_back_free() { ::malloc_trim(0); }

}  // namespace weir::memory
