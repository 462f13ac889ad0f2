// Address: where a socket is bound or connects to: IPv4, IPv6 (with a port) or a Unix path.
//
// A value of 40 bytes, for every connection has one: what a Unix path needs more lies on the heap.
// Text forms are exact, never resolved: "192.0.2.1:80", "[2001:db8::1]:80",
// "unix:/run/x.sock", "unix:@abstract", and without a port "192.0.2.1", "2001:db8::1".
// Names are for conf/ (the validator) and the housekeeper, never for a worker.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class Address {
 public:
  enum class Kind : unsigned char { none, ipv4, ipv6, unix_path };

  Address() = default;  // Kind::none, equal only to its like
  Address(const Address& other) { *this = other; }
  Address(Address&&) noexcept = default;
  Address& operator=(const Address& other);
  Address& operator=(Address&&) noexcept = default;
  ~Address() = default;
  static Address from(const sockaddr* address, socklen_t size);
  static std::optional<Address> local_of(int fd);   // getsockname
  static std::optional<Address> remote_of(int fd);  // getpeername

  // Any of the text forms above. `default_port` where the text has none; without one, a text
  // without a port gives port 0.
  static Result<Address> parse(std::string_view text, std::uint16_t default_port = 0);
  // An IP without port or brackets; nullopt for anything else (leading zeros and zones included).
  static std::optional<Address> parse_ip(std::string_view text, std::uint16_t port = 0);
  static Address any_ipv4(std::uint16_t port);
  static Address any_ipv6(std::uint16_t port);

  Kind kind() const { return kind_; }
  bool is_ip() const { return kind_ == Kind::ipv4 || kind_ == Kind::ipv6; }
  bool is_unix() const { return kind_ == Kind::unix_path; }
  bool is_loopback() const;  // 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, and any Unix socket
  bool is_wildcard() const;  // 0.0.0.0 or ::
  int family() const { return data()->sa_family; }
  std::uint16_t port() const;  // 0 where there is none
  void set_port(std::uint16_t port);
  std::string_view path() const;    // of a Unix socket; '@name' for an abstract one
  Address without_mapping() const;  // ::ffff:192.0.2.1 as 192.0.2.1; anything else unchanged

  // The bytes of an IP in network order: 4 or 16; empty for a Unix socket.
  std::string_view ip_bytes() const;

  std::string to_string() const;  // parse()'s form, with port
  std::string ip() const;         // without port or brackets; "unix:" for a Unix socket (as nginx)
  // ip() into a buffer of at least 46 bytes: for log lines, without allocation.
  std::string_view format_ip(char* out, std::size_t size) const;

  const sockaddr* data() const {
    return unix_ ? reinterpret_cast<const sockaddr*>(unix_.get())
                 : reinterpret_cast<const sockaddr*>(&ip_);
  }
  socklen_t size() const { return size_; }

  bool operator==(const Address& other) const;
  bool operator!=(const Address& other) const { return !(*this == other); }
  std::size_t hash() const;

 private:
  sockaddr_in6 ip_{};  // or the shorter sockaddr_in at its beginning
  std::uint8_t size_ = 0;
  Kind kind_ = Kind::none;
  std::unique_ptr<sockaddr_un> unix_;  // instead
  static_assert(sizeof(sockaddr_un) <= 255);
};

}  // namespace weir

template <>
struct std::hash<weir::Address> {
  std::size_t operator()(const weir::Address& address) const noexcept { return address.hash(); }
};
