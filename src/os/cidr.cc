#include "os/cidr.h"

#include <cstring>

#include "base/text.h"

namespace weir {
namespace {

// Are the first `bits` bits of two addresses of one family the same?
bool same_prefix(std::string_view a, std::string_view b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xffU << (8 - bits % 8) & 0xffU;
  return ((static_cast<unsigned char>(a[whole]) ^ static_cast<unsigned char>(b[whole])) & mask) ==
         0;
}

bool has_host_bits(std::string_view bytes, unsigned bits) {
  for (unsigned bit = bits; bit < bytes.size() * 8; ++bit) {
    if ((static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8) & 1U) != 0) return true;
  }
  return false;
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
  Cidr out;
  if (text == "unix:") {
    sockaddr unnamed{};
    unnamed.sa_family = AF_UNIX;
    out.network_ = Address::from(&unnamed, sizeof(sa_family_t));
    return out;
  }
  const auto slash = text.find('/');
  const auto address = Address::parse_ip(text.substr(0, slash));
  if (!address) return Error{Side::self, "not an IP address or network"};
  out.network_ = *address;
  const std::size_t width = address->ip_bytes().size() * 8;
  out.bits_ = static_cast<std::uint8_t>(width);
  if (slash == text.npos) return out;
  const std::string_view digits = text.substr(slash + 1);
  const auto bits = parse_decimal(digits);
  if (!bits || *bits > width || digits.size() > 3) {
    return Error{Side::self, "the length of a network is 0 to 32, of an IPv6 one 0 to 128"};
  }
  out.bits_ = static_cast<std::uint8_t>(*bits);
  if (has_host_bits(address->ip_bytes(), out.bits_)) {
    return Error{Side::self, "the address has bits set beyond the length of the network"};
  }
  return out;
}

bool Cidr::contains(const Address& address) const {
  if (network_.kind() == Address::Kind::none) return true;
  if (network_.is_unix()) return address.is_unix();
  const Address plain =
      network_.kind() == Address::Kind::ipv4 ? address.without_mapping() : address;
  return plain.kind() == network_.kind() &&
         same_prefix(plain.ip_bytes(), network_.ip_bytes(), bits_);
}

std::string Cidr::to_string() const {
  if (network_.kind() == Address::Kind::none) return "all";
  if (network_.is_unix()) return "unix:";
  const bool whole = bits_ == network_.ip_bytes().size() * 8;
  return whole ? network_.ip() : network_.ip() + "/" + std::to_string(bits_);
}

}  // namespace weir
