#include "shm/zone.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace weir::shm {
namespace {

constexpr std::array<char, 8> zone_magic = {'W', 'E', 'I', 'R', 'Z', 'O', 'N', 'E'};

Error failed(std::string_view what) { return Error{Side::self, what}; }

std::array<char, 16> padded(std::string_view name) {
  std::array<char, 16> out{};
  assert(name.size() < out.size());
  std::copy(name.begin(), name.end(), out.begin());
  return out;
}

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The kernel gives it as a UUID in text. All zeroes where /proc is not mounted.
Id128 read_boot_id() {
  Id128 id{};
  const Fd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : 0;
  std::size_t digits = 0;
  for (ssize_t i = 0; i < size && digits < 2 * id.size(); ++i) {
    const int value = hex_value(text[i]);
    if (value < 0) continue;
    auto& byte = id[digits / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++digits;
  }
  return id;
}

const Id128& boot_id() {
  static const Id128 id = read_boot_id();
  return id;
}

}  // namespace

Id128 random_id() {
  Id128 id{};
  // At most 256 bytes never come short once the pool is ready, and the first call waits for that.
  while (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    assert(errno == EINTR);
  }
  return id;
}

Result<Ok> validate(const ZoneHeader& header, const Kind& kind, std::size_t size) {
  if (header.magic != zone_magic) return failed("not a zone: wrong magic");
  if (header.header_bytes != header_bytes) return failed("zone header of another size");
  if (header.name != padded(kind.name)) return failed("a zone of another name");
  if (header.layout_version != kind.layout_version) return failed("zone of another layout version");
  if (header.layout_hash != kind.layout_hash) return failed("zone of another layout");
  if (header.zone_bytes != size || size <= header_bytes) return failed("zone of a wrong size");
  if (header.boot_id != boot_id()) return failed("zone of an earlier boot of this machine");
  if (header.created_ns <= 0 || header.created_ns > monotonic_ns()) {
    return failed("zone with an impossible time of creation");
  }
  if (header.instance == Id128{}) return failed("zone of no instance");
  return Ok{};
}

Result<Zone> Zone::create(const Kind& kind, std::size_t body_bytes, std::size_t backed,
                          const Id128& instance, Access for_children) {
  assert(backed <= body_bytes && body_bytes > 0);
  const std::size_t size = header_bytes + body_bytes;
  const std::array<char, 16> name = padded(kind.name);
  auto fd = memfd::create(name.data(), size);
  if (!fd) return fd.error();
  if (auto done = memfd::back(fd->get(), 0, header_bytes + backed); !done) return done.error();

  Zone zone;
  auto writable = Mapping::of(fd->get(), size, Access::read_write);
  if (!writable) return writable.error();
  *at<ZoneHeader>(*writable, 0) = ZoneHeader{.magic = zone_magic,
                                             .layout_version = kind.layout_version,
                                             .header_bytes = header_bytes,
                                             .name = name,
                                             .layout_hash = kind.layout_hash,
                                             .zone_bytes = size,
                                             .boot_id = boot_id(),
                                             .instance = instance,
                                             .created_ns = monotonic_ns(),
                                             .hash_secret = random_id()};
  if (auto done = memfd::seal(fd->get(), for_children); !done) return done.error();
  if (for_children == Access::read_write) {
    zone.mapping_ = std::move(*writable);
  } else {
    if (auto done = writable->keep_from_children(); !done) return done.error();
    zone.private_mapping_ = std::move(*writable);
    auto readable = Mapping::of(fd->get(), size, Access::read_only);
    if (!readable) return readable.error();
    zone.mapping_ = std::move(*readable);
  }
  zone.fd_ = std::move(*fd);
  return zone;
}

Result<Zone> Zone::attach(Fd fd, const Kind& kind, Access access) {
  if (!memfd::is_sealed(fd.get())) return failed("not a zone: its size is not sealed");
  const auto size = memfd::size(fd.get());
  if (!size) return size.error();
  if (*size <= header_bytes) return failed("not a zone: too small");
  auto mapping = Mapping::of(fd.get(), *size, access);
  if (!mapping) return mapping.error();
  if (auto valid = validate(*at<ZoneHeader>(*mapping, 0), kind, *size); !valid) {
    return valid.error();
  }
  Zone zone;
  zone.fd_ = std::move(fd);
  zone.mapping_ = std::move(*mapping);
  return zone;
}

Result<Ok> Zone::back(std::size_t body_offset, std::size_t size) const {
  assert(body_offset + size <= body().size());
  return memfd::back(fd(), header_bytes + body_offset, size);
}

}  // namespace weir::shm
