#include "os/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <string>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view unix_prefix = "unix:";

const sockaddr_in& v4(const sockaddr* address) {
  return *reinterpret_cast<const sockaddr_in*>(address);
}
const sockaddr_in6& v6(const sockaddr* address) {
  return *reinterpret_cast<const sockaddr_in6*>(address);
}

Error bad(std::string_view what) { return Error{Side::self, what}; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number || *number > 65535 || text.size() > 5) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Result<Address> parse_unix(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return bad("a Unix socket needs a path");
  if (path.find('\0') != path.npos) return bad("a NUL byte in the path of a Unix socket");
  if (path.size() >= sizeof address.sun_path) return bad("the path of the Unix socket is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  if (path.front() == '@') {  // abstract: the name is exactly `size` bytes long
    address.sun_path[0] = '\0';
    --size;
  }
  return Address::from(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
}

}  // namespace

Address Address::from(const sockaddr* address, socklen_t size) {
  Address out;
  if (size < sizeof(sa_family_t)) return out;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    out.kind_ = Kind::ipv4;
    size = sizeof(sockaddr_in);
    std::memcpy(&out.ip_, address, size);
  } else if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    out.kind_ = Kind::ipv6;
    size = sizeof(sockaddr_in6);
    std::memcpy(&out.ip_, address, size);
  } else if (address->sa_family == AF_UNIX && size <= sizeof(sockaddr_un)) {
    out.kind_ = Kind::unix_path;
    out.unix_ = std::make_unique<sockaddr_un>();
    std::memcpy(out.unix_.get(), address, size);
  } else {
    return out;
  }
  out.size_ = static_cast<std::uint8_t>(size);
  return out;
}

Address& Address::operator=(const Address& other) {
  if (this == &other) return *this;
  ip_ = other.ip_;
  size_ = other.size_;
  kind_ = other.kind_;
  unix_ = other.unix_ ? std::make_unique<sockaddr_un>(*other.unix_) : nullptr;
  return *this;
}

std::optional<Address> Address::local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return from(reinterpret_cast<sockaddr*>(&storage), size);
}

std::optional<Address> Address::remote_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return from(reinterpret_cast<sockaddr*>(&storage), size);
}

std::optional<Address> Address::parse_ip(std::string_view text, std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size()) return std::nullopt;
  if (text.find('\0') != text.npos) return std::nullopt;
  std::memcpy(copy.data(), text.data(), text.size());
  sockaddr_in four{};
  if (inet_pton(AF_INET, copy.data(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return from(reinterpret_cast<const sockaddr*>(&four), sizeof four);
  }
  sockaddr_in6 six{};
  if (inet_pton(AF_INET6, copy.data(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return from(reinterpret_cast<const sockaddr*>(&six), sizeof six);
  }
  return std::nullopt;
}

Result<Address> Address::parse(std::string_view text, std::uint16_t default_port) {
  if (text.starts_with(unix_prefix)) return parse_unix(text.substr(unix_prefix.size()));
  std::string_view ip = text;
  std::uint16_t port = default_port;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return bad("'[' without ']' in an address");
    ip = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (ip.find(':') == ip.npos) return bad("only an IPv6 address stands in brackets");
  } else if (const auto colon = text.find(':');
             colon != text.npos && text.find(':', colon + 1) == text.npos) {
    ip = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (!rest.empty()) {
    const auto number = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
    if (!number) return bad("a port is a number from 0 to 65535");
    port = *number;
  }
  const auto address = parse_ip(ip, port);
  if (!address) return bad("neither an IP address nor unix:PATH");
  return *address;
}

Address Address::any_ipv4(std::uint16_t port) { return *parse_ip("0.0.0.0", port); }
Address Address::any_ipv6(std::uint16_t port) { return *parse_ip("::", port); }

std::string_view Address::ip_bytes() const {
  if (kind_ == Kind::ipv4) return {reinterpret_cast<const char*>(&v4(data()).sin_addr), 4};
  if (kind_ == Kind::ipv6) return {reinterpret_cast<const char*>(&v6(data()).sin6_addr), 16};
  return {};
}

bool Address::is_loopback() const {
  if (kind_ == Kind::unix_path) return true;
  const Address plain = without_mapping();
  if (plain.kind_ == Kind::ipv4) return plain.ip_bytes()[0] == 127;
  return plain.kind_ == Kind::ipv6 && IN6_IS_ADDR_LOOPBACK(&v6(plain.data()).sin6_addr);
}

bool Address::is_wildcard() const {
  return is_ip() && ip_bytes().find_first_not_of('\0') == std::string_view::npos;
}

std::uint16_t Address::port() const {
  if (kind_ == Kind::ipv4) return ntohs(v4(data()).sin_port);
  if (kind_ == Kind::ipv6) return ntohs(v6(data()).sin6_port);
  return 0;
}

void Address::set_port(std::uint16_t port) {
  if (kind_ == Kind::ipv4) reinterpret_cast<sockaddr_in*>(&ip_)->sin_port = htons(port);
  if (kind_ == Kind::ipv6) ip_.sin6_port = htons(port);
}

std::string_view Address::path() const {
  if (!unix_) return {};
  const sockaddr_un& address = *unix_;
  const std::size_t head = offsetof(sockaddr_un, sun_path);
  if (size_ <= head) return {};  // an unnamed socket: the usual client
  const std::string_view bytes(address.sun_path, size_ - head);
  return bytes.front() == '\0' ? bytes : bytes.substr(0, bytes.find('\0'));
}

Address Address::without_mapping() const {
  if (kind_ != Kind::ipv6 || !IN6_IS_ADDR_V4MAPPED(&v6(data()).sin6_addr)) return *this;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = v6(data()).sin6_port;
  std::memcpy(&four.sin_addr, ip_bytes().data() + 12, 4);
  return from(reinterpret_cast<const sockaddr*>(&four), sizeof four);
}

std::string_view Address::format_ip(char* out, std::size_t size) const {
  if (!is_ip()) return kind_ == Kind::unix_path ? unix_prefix : std::string_view();
  if (kind_ == Kind::ipv4) {
    if (size < ipv4_text_max) return {};
    return {out, format_ipv4(ip_bytes(), out)};
  }
  if (inet_ntop(family(), ip_bytes().data(), out, static_cast<socklen_t>(size)) == nullptr) {
    return {};
  }
  return out;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text;
  return std::string(format_ip(text.data(), text.size()));
}

std::string Address::to_string() const {
  switch (kind_) {
    case Kind::none: return "none";
    case Kind::ipv4: return ip() + ":" + std::to_string(port());
    case Kind::ipv6: return "[" + ip() + "]:" + std::to_string(port());
    case Kind::unix_path: {
      std::string text = std::string(unix_prefix) + std::string(path());
      if (text.size() > unix_prefix.size() && text[unix_prefix.size()] == '\0') {
        text[unix_prefix.size()] = '@';
      }
      return text;
    }
  }
  return {};
}

bool Address::operator==(const Address& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case Kind::none: return true;
    case Kind::unix_path: return path() == other.path();
    case Kind::ipv6:
      if (v6(data()).sin6_scope_id != v6(other.data()).sin6_scope_id) return false;
      [[fallthrough]];
    case Kind::ipv4: return port() == other.port() && ip_bytes() == other.ip_bytes();
  }
  return false;
}

std::size_t Address::hash() const {
  const std::string_view bytes = is_ip() ? ip_bytes() : path();
  return std::hash<std::string_view>()(bytes) ^ (std::size_t{port()} << 1) ^
         (static_cast<std::size_t>(kind_) << 20);
}

}  // namespace weir
