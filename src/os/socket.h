// Sockets: how the master makes listening sockets, and the few options others set.
//
// Binding and listening are two steps on purpose: a bound socket gets no connection and can be
// thrown away; listen() is what joins a SO_REUSEPORT group and puts a socket into service.
// On failure errno is that of the call which Error::what names.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/address.h"
#include "os/fd.h"

namespace weir {

struct BindOptions {
  bool reuse_port = true;
  bool ipv6_only = true;
  int receive_buffer =
      0;  // bytes; 0: the kernel's choice. Set before listen(), accepted inherit it
};

// A TCP socket bound to an address, not yet listening.
Result<Fd> bind_tcp(const Address& address, const BindOptions& options);

// A Unix socket at a path: bound to a temporary name beside it; publish_unix() listens and renames
// it over the path, so that a client finds the old socket or the new one, never none.
struct UnixListener {
  Fd fd;
  std::string path, temporary;
};
Result<UnixListener> bind_unix(std::string_view path, mode_t mode);
Result<Ok> publish_unix(UnixListener& listener, int backlog);
void discard_unix(UnixListener& listener);  // before publishing: removes the temporary name

// Connections that will be accepted from here end when nothing is heard of the client for so long:
// sent bytes not acknowledged, probes of a silent connection not answered. 0: the kernel's own
// rules. For TCP sockets.
Result<Ok> give_up_after(int listening, std::chrono::milliseconds time);

Result<Ok> listen_on(int fd, int backlog);  // again on a listening socket: changes the backlog
int somaxconn();                            // the kernel's bound on a backlog

// A new connection goes to a random one of the first `count` sockets of the group (in order of
// listen()). nullopt: back to the kernel's hash. Needs no privilege.
Result<Ok> steer_at_random(int fd, std::optional<unsigned> count);

// A connected Unix stream socket (a tool's side of a control connection). With a `limit` no call on
// it takes longer, nor does the connecting.
Result<Fd> connect_unix(std::string_view path, std::chrono::milliseconds limit = {});

// Who sits at the other end of a Unix socket.
struct PeerCredentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};
std::optional<PeerCredentials> peer_credentials(int fd);

// A pair of connected SOCK_SEQPACKET sockets, close-on-exec and non-blocking.
Result<std::pair<Fd, Fd>> packet_pair();

inline constexpr std::size_t packet_fds_max = 64;
// One datagram with descriptors (SCM_RIGHTS), so many at most. send: true when it went out whole;
// errno else.
bool send_packet(int fd, std::string_view bytes, const std::vector<int>& fds = {});
struct Packet {
  enum class State : unsigned char { got, again, closed };
  State state = State::closed;
  std::size_t size = 0;
  std::vector<Fd> fds;
};
// Reads at most `capacity` bytes; a longer or mutilated packet counts as closed.
Packet receive_packet(int fd, char* out, std::size_t capacity);

Result<Ok> set_nonblocking(int fd, bool on);

}  // namespace weir
