// Cidr: a network of IP addresses ("10.0.0.0/8", "2001:db8::/32", a single address, "unix:").
//
// IPv4-mapped IPv6 addresses are looked at as IPv4, so that an IPv4 rule also holds on a socket
// that listens on [::] for both. Host bits that are set in the text are an error of the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/address.h"

namespace weir {

class Cidr {
 public:
  static Result<Cidr> parse(std::string_view text);
  static Cidr all() { return Cidr(); }  // every address, Unix sockets included

  bool contains(const Address& address) const;
  std::string to_string() const;
  bool operator==(const Cidr& other) const {
    return network_ == other.network_ && bits_ == other.bits_;
  }

 private:
  Address network_;  // Kind::none: all
  std::uint8_t bits_ = 0;
};

}  // namespace weir
