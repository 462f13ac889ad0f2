// Kernel: what weir takes for one: sockets, readiness, time and chance, in memory and under the
// test's control. The real event loop, sockets, dialer and listener run on it.
//
// The linker puts it in place (`--wrap`, see WRAPPED in the Makefile): a call on a descriptor that
// was made here, or any of the clocks of weir while a Kernel lives, comes to it; all others go on
// to the real one. Real descriptors (the eventfd of a cache) are watched here, too, as nobody else
// waits for events. It imitates Linux where weir depends on it: edges that repeat all that is
// possible, a short write that promises an edge, data that can be read in front of a reset, an
// error that is reported once, a reset instead of an end where data was left unread.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/address.h"

struct event;

namespace weir::fuzz {

// One connection. The other end of it is played by the test.
struct Wire {
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  enum class State : unsigned char { fresh, connecting, open };

  Address peer;
  State state = State::open;
  bool to_origin = false;

  // From the other end to weir.
  std::string input;                       // all of it
  std::size_t arrived = 0, read = 0;       // of input: readable, and read
  bool ended = false, ended_seen = false;  // no more will be sent; the kernel has been told so
  bool gone = false;                       // nobody reads there any more
  bool reset = false;                      // by the other end
  int error = 0;                           // not reported yet

  // From weir to the other end.
  std::string output;
  std::size_t room = unlimited;  // what the send buffer still takes
  bool starved = false;          // a write was refused or cut: an edge is owed
  bool write_ended = false, closed = false, cut = false;  // cut: closed by a reset

  // For each write that took something: where it began in output, how much had been read, and when
  // it was, in steps of the test.
  struct Mark {
    std::size_t output, read;
    unsigned step;
    std::chrono::nanoseconds time;
  };
  std::vector<Mark> marks;
  // For what the other end sent: up to where, and when.
  struct Sent {
    std::size_t end;
    unsigned step;
  };
  std::vector<Sent> sent;
  // And for what weir read.
  struct Read {
    std::size_t end;
    std::chrono::nanoseconds time;
  };
  std::vector<Read> reads;
  const unsigned* step = nullptr;              // the kernel's
  unsigned sent_at(std::size_t end) const;     // when the byte in front of it was sent
  unsigned written_at(std::size_t end) const;  // of output, the same

  event* watch = nullptr;
  bool edge = false;
  bool hard_close = false;  // SO_LINGER 0

  void send(std::string_view bytes);
  void end() { ended = true; }  // the other end sends no more
  void leave() { ended = gone = true; }
  void break_off(int error_number);  // a reset, or a connection attempt that fails
  void take(std::size_t bytes);      // the other end has read something
  void connected();
  bool live() const { return !closed && !ended && !reset && state == State::open; }
  short readiness() const;  // as epoll tells it
};

enum class Dial : unsigned char {
  soon,
  at_once,
  never,
  refused,
  refused_at_once,
  no_port,
  no_files
};

class Kernel {
 public:
  static constexpr std::size_t receive_buffer = 128 * 1024;
  static constexpr int listening = 1 << 20;  // the one listening socket

  Kernel();
  ~Kernel();
  Kernel& operator=(Kernel&&) = delete;
  static Kernel* now();  // nullptr: the real one

  // What the test does.
  Wire& connect(const Address& from);  // a client; waits to be accepted
  void pass(std::chrono::milliseconds time) { time_ += time; }
  // So long passes each time that somebody asks for it: work takes its time.
  void set_clock_cost(std::chrono::microseconds cost) { clock_cost_ = cost; }
  void set_dial(Dial dial) { dial_ = dial; }
  void fail_next_accept(int error_number) { accept_error_ = error_number; }
  void next_step() { ++step_; }
  unsigned step() const { return step_; }
  void reverse() { reversed_ = !reversed_; }  // the order in which events are told

  // What it sees. `clients` in the order they were accepted: weir's serial numbers.
  const std::vector<Wire*>& clients() const { return clients_; }
  const std::vector<Wire*>& origins() const { return origins_; }
  std::size_t open() const { return descriptors_.size(); }
  std::uint64_t moved() const;     // changes when anything happens
  std::size_t bytes_held() const;  // by the test's half of it

  // What weir asks for.
  std::chrono::nanoseconds read_clock() { return time_ += clock_cost_; }
  static std::chrono::system_clock::time_point wall_at(std::chrono::steady_clock::time_point time);
  int socket();
  int connect(int fd, const sockaddr* address, socklen_t size);
  int accept(sockaddr* address, socklen_t* size);
  ssize_t receive(int fd, void* into, std::size_t size);
  ssize_t send(int fd, const iovec* parts, std::size_t count);
  int shutdown(int fd);
  int set_option(int fd, int level, int name, const void* value);
  int take_error(int fd);
  int close(int fd);
  int watch(event* event, int fd);
  int unwatch(event* event, int fd);
  void dispatch();

 private:
  Wire& make();
  struct Found {
    int fd;
    event* watch;
    short what;
  };
  Wire& wire(int fd);
  event*& watch_of(int fd);
  void arrive();
  std::vector<Found> look();

  std::vector<std::unique_ptr<Wire>> wires_;
  std::map<int, Wire*> descriptors_;
  std::deque<Wire*> queue_;  // to be accepted
  std::vector<Wire*> clients_, origins_;
  event* listener_ = nullptr;
  std::map<int, event*> real_;  // for reading, level-triggered; nullptr: no more
  int next_fd_ = listening + 1;
  int accept_error_ = 0;
  unsigned step_ = 0;
  Dial dial_ = Dial::soon;
  bool reversed_ = false;
  static constexpr std::chrono::nanoseconds start{std::chrono::hours(1000)};
  std::chrono::nanoseconds time_ = start, clock_cost_{0};
};

}  // namespace weir::fuzz
