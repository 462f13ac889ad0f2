#include "tools/load/target.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/handle.h"
#include "base/text.h"
#include "os/fd.h"

namespace weir::load {
namespace {

constexpr int connect_milliseconds_max = 3000;

Error bad(std::string_view why) { return {Side::client, why}; }

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    const char low = to_lower(c);
    return (low >= 'a' && low <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

Result<Ok> set_path(std::string_view text, Target& out) {
  if (text.find('#') != text.npos) return bad("a fragment is never sent: leave out # and the rest");
  if (text.starts_with('?')) {
    out.path = fmt::format("/{}", text);
  } else if (!text.empty()) {
    out.path = text;
  }
  return Ok{};
}

Result<Ok> set_authority(std::string_view text, Target& out) {
  if (text.find('@') != text.npos) return bad("no user in a URL: send it as a header (-H)");
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return bad("no ] behind the IPv6 address");
    host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return bad("only a port may stand behind ]");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
    const auto address = Address::parse_ip(host);
    if (!address || address->kind() != Address::Kind::ipv6) return bad("not an IPv6 address in []");
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    has_port = colon != text.npos;
    if (has_port) port = text.substr(colon + 1);
    if (!is_host_name(host)) return bad("no such form of a host name");
  }
  out.host = host;
  out.port = out.tls ? 443 : 80;
  if (has_port) {
    const auto number = parse_decimal(port);
    if (!number || *number == 0 || *number > 65535) return bad("a port is 1 to 65535");
    out.port = static_cast<std::uint16_t>(*number);
  }
  out.authority = text;
  return Ok{};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

}  // namespace

bool takes_connections(const Address& address) {
  const Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (::connect(fd.get(), address.data(), address.size()) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (::poll(&waiting, 1, connect_milliseconds_max) != 1) return false;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) == 0 &&
         error_number == 0;
}

Result<Target> parse_url(std::string_view url) {
  Target out;
  const auto scheme_end = url.find("://");
  if (scheme_end == url.npos) return bad("a URL begins with http:// or https://");
  const std::string scheme = lower(url.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return bad("a URL begins with http:// or https://");
  if (!is_visible(url)) return bad("blanks, control and non-ASCII bytes are to be %-encoded");
  out.tls = scheme == "https";
  const auto rest = url.substr(scheme_end + 3);
  if (rest.starts_with("unix:")) {
    const auto name = rest.substr(5);
    const auto colon = name.find(':');
    out.socket_path = name.substr(0, colon);
    if (out.socket_path.empty() || !Address::parse(rest.substr(0, 5 + out.socket_path.size()))) {
      return bad("wants the path of a socket, as in http://unix:/run/app.sock:/path");
    }
    out.authority = "localhost";
    const auto path = colon == name.npos ? std::string_view{} : name.substr(colon + 1);
    if (!path.empty() && path.front() != '/')
      return bad("the path behind the socket begins with /");
    if (const auto done = set_path(path, out); !done) return done.error();
    return out;
  }
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  if (const auto done = set_authority(rest.substr(0, end), out); !done) return done.error();
  if (const auto done = set_path(rest.substr(end), out); !done) return done.error();
  return out;
}

Address resolve(const Target& target, std::string& error) {
  if (!target.socket_path.empty()) return *Address::parse("unix:" + target.socket_path);
  if (const auto ip = Address::parse_ip(target.host, target.port)) return *ip;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(target.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  if (code != 0) {
    error = fmt::format("{}: {}", target.host, gai_strerror(code));
    return {};
  }
  std::vector<Address> addresses;
  for (const addrinfo* it = found; it != nullptr; it = it->ai_next) {
    auto address = Address::from(it->ai_addr, it->ai_addrlen);
    address.set_port(target.port);
    if (address.is_ip()) addresses.push_back(address);
  }
  if (addresses.empty()) {
    error = fmt::format("{}: no address", target.host);
    return {};
  }
  if (addresses.size() == 1) return addresses.front();
  const auto first = std::ranges::find_if(addresses, takes_connections);
  return first == addresses.end() ? addresses.front() : *first;
}

}  // namespace weir::load
