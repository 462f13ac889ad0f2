#include "os/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "os/memory.h"

namespace weir {
namespace {
Error failed(std::string_view what) { return Error{Side::self, what}; }
}  // namespace

Result<Mapping> Mapping::of(int fd, std::size_t size, Access access) {
  const int rights = access == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* at = ::mmap(nullptr, size, rights, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return failed("mmap of a memfd failed");
  Mapping mapping(std::span<std::byte>(static_cast<std::byte*>(at), size));
  if (::madvise(at, size, MADV_DONTDUMP) != 0) return failed("madvise(MADV_DONTDUMP) failed");
  return mapping;
}

Result<Ok> Mapping::keep_from_children() {
  if (::madvise(bytes_.data(), bytes_.size(), MADV_DONTFORK) != 0) {
    return failed("madvise(MADV_DONTFORK) failed");
  }
  return Ok{};
}

void Mapping::reset() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  bytes_ = {};
}

namespace memfd {

Result<Fd> create(const char* name, std::size_t size) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return failed("memfd_create failed");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return failed("ftruncate of a memfd failed");
  }
  return fd;
}

Result<Ok> back(int fd, std::size_t offset, std::size_t size) {
  // What is left must also run the processes that use the memory.
  constexpr std::uint64_t reserve = 8U << 20;
  const auto available = memory::available();
  if (available && *available < size + reserve) {
    return failed("not enough memory to back a memfd");
  }
  int error = 0;
  do {  // a signal interrupts it half way; what was reserved stays
    error = ::posix_fallocate(fd, static_cast<off_t>(offset), static_cast<off_t>(size));
  } while (error == EINTR);
  if (error != 0) return failed("not enough memory to back a memfd");
  return Ok{};
}

Result<Ok> seal(int fd, Access later_mappings) {
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (later_mappings == Access::read_only) seals |= F_SEAL_FUTURE_WRITE;
  if (::fcntl(fd, F_ADD_SEALS, seals) != 0) return failed("sealing a memfd failed");
  return Ok{};
}

Result<Ok> freeze(int fd) {
  constexpr int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (::fcntl(fd, F_ADD_SEALS, seals) != 0) return failed("sealing a memfd failed");
  return Ok{};
}

bool is_sealed(int fd) {
  constexpr int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & wanted) == wanted;
}

Result<std::size_t> size(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return failed("fstat of a memfd failed");
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace memfd
}  // namespace weir
