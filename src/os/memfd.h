// Memory shared by descriptor: sealed memfds and their mappings.
//
// A sealed memfd can neither shrink nor grow, so no process that holds it can take pages away from
// the others (SIGBUS), and all memory that a mapping may touch is reserved first with back(): a
// lack of memory is an error at that moment and never a fault later. Whoever holds the descriptor
// may map it again; an Fd and its Mappings are independent of each other.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"
#include "os/fd.h"

namespace weir {

enum class Access : unsigned char { read_only, read_write };

// A shared mapping of a descriptor's first bytes, left out of core dumps, unmapped by its owner.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping() { reset(); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }

  static Result<Mapping> of(int fd, std::size_t size, Access access);

  std::span<std::byte> bytes() const { return bytes_; }
  explicit operator bool() const { return !bytes_.empty(); }
  Result<Ok> keep_from_children();  // a child that is forked from here on does not have it
  void reset();

 private:
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

namespace memfd {

// `size` bytes of which none is backed yet; close-on-exec; `name` shows in /proc/PID/maps.
Result<Fd> create(const char* name, std::size_t size);

// Reserves memory for a part, so that touching it can't fail. Backing it twice does no harm. An
// error when the machine or the control group has not that much available (the kernel itself would
// not refuse: it kills processes until there is).
Result<Ok> back(int fd, std::size_t offset, std::size_t size);

// No change of size, and no further seal, from here on. With Access::read_only whoever maps it
// later can't write, not even after mprotect (mappings that exist keep their rights).
Result<Ok> seal(int fd, Access later_mappings);

// No change at all from here on, by whomever: neither of size nor of bytes. There must be no
// writable mapping of it.
Result<Ok> freeze(int fd);

// True when the size is sealed: what somebody else hands over is not mapped otherwise.
bool is_sealed(int fd);

Result<std::size_t> size(int fd);

}  // namespace memfd
}  // namespace weir
