// Channel: what the master and a child say to each other: fixed-size messages over a socket pair,
// with descriptors where a message carries some.
//
//   master -> child                                child -> master
//   go           serve; the generation is in force  ready    it could serve
//   drain        retire; `value`: ms for idle ones  failed   it can't; `text` says why
//   keep         drain, but accept here for `value` drained  nothing is left; it exits
//   drop_idle, drop_tunnels                         yielded  the housekeeper writes no more
//   stop         leave within `value` ms
//   adopt        poll a sibling's shard (fd)        release  stop polling it
//   error_log    the file for crashes (fd)
//   log_file     logger: stream `index` (fd)        log_done logger: let go of stream `index`
//   yield        housekeeper: stop writing
//   order        housekeeper: order `value`         ordered  of order `value`: `text`
//   purge_text   housekeeper: a part of the text of
//                the next purge
//   purge        housekeeper: order `value`
//
// The end of the channel means that the other side is gone. Neither side ever waits for the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace weir::process {

struct Message {
  enum class Kind : std::uint32_t {
    go = 1,
    drain,
    keep,
    drop_idle,
    drop_tunnels,
    stop,
    adopt,
    release,
    error_log,
    log_file,
    log_done,
    yield,
    ready,
    failed,
    drained,
    yielded,
    order,
    ordered,
    purge_text,
    purge,
  };
  Kind kind{};
  std::uint32_t index = 0;  // listener or stream
  std::uint32_t shard = 0;
  std::uint32_t reserved = 0;
  std::int64_t value = 0;
  char text[232] = {};  // ends in a NUL

  void set_text(std::string_view words);
};
static_assert(sizeof(Message) == 256);

class Channel {
 public:
  Channel() = default;
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}
  static Result<std::pair<Channel, Channel>> make();

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }

  // False: the other side is gone or has not read for so long that its queue is full.
  bool send(const Message& message, const std::vector<int>& fds = {}) const;
  bool send(Message::Kind kind, std::int64_t value = 0) const;

  struct Received {
    Message message;
    std::vector<Fd> fds;
  };
  // nullopt: nothing more for now; `closed` then says whether there never will be.
  std::optional<Received> receive(bool& closed) const;
  // Gives `take(message, fds)` each that is there. True: there never will be another.
  template <class Take>
  bool receive_each(const Take& take) const {
    for (;;) {
      bool closed = false;
      auto received = receive(closed);
      if (!received) return closed;
      take(received->message, received->fds);
    }
  }

 private:
  Fd fd_;
};

}  // namespace weir::process
