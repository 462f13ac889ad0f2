// MemoryTransport: a Transport without a socket, for tests. The test plays the other side: it puts
// bytes in, looks at what was sent, limits the room, ends or breaks the stream, and says when the
// owner is called (deliver()), so that every order of events can be tested.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/transport.h"

namespace weir::test {

class MemoryTransport final : public Transport {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  explicit MemoryTransport(const Address& peer = Address()) : Transport(peer) {}
  MemoryTransport(Side side, const Address& peer) : Transport(peer), side_(side) {}
  ~MemoryTransport() override {
    if (destroyed_ != nullptr) *destroyed_ = true;
  }

  // --- the other side ---
  void receive(std::string_view bytes) {
    incoming_ += bytes;
    edges_.readable = readable_ = true;
  }
  void receive_end(bool clean = true) {  // FIN; for TLS without close_notify: not clean
    ended_ = true;
    clean_ = clean;
    edges_.readable = edges_.closed = readable_ = closed_ = true;
  }
  void receive_reset(std::string_view what = "connection reset by peer") {
    lost_ = Error{side_, what};
    edges_.readable = edges_.writable = readable_ = writable_ = true;
  }
  // How many more bytes write() takes before it says `again`.
  void set_room(std::size_t bytes) {
    room_ = bytes;
    if (bytes > 0 && !writable_) edges_.writable = writable_ = true;
  }
  void set_read_max(std::size_t bytes) { read_max_ = bytes; }  // the most one read() returns
  void set_established(bool value) {
    established_ = value;
    if (value) edges_.writable = writable_ = true;
  }
  void set_tls(const TlsInfo& info) { tls_ = info; }
  void watch_destruction(bool& destroyed) { destroyed_ = &destroyed; }

  // Calls the owner, if there is news or it asked to be called again. The owner may destroy this.
  // False: nothing to tell.
  bool deliver() {
    const Ready news = edges_;
    const bool call = asked_ || news.readable || news.writable || news.closed;
    edges_ = {};
    asked_ = false;
    if (call) tell(news);
    return call;
  }
  void receive_and_deliver(std::string_view bytes) {
    receive(bytes);
    deliver();
  }

  const std::string& sent() const { return sent_; }
  std::string take_sent() { return std::exchange(sent_, {}); }
  std::size_t writes() const { return writes_; }  // calls that took bytes
  std::size_t flushes() const { return flushes_; }
  std::size_t unread() const { return incoming_.size(); }
  bool write_ended() const { return write_ended_; }  // shutdown_write() was called
  bool reset_asked() const { return reset_; }
  bool started() const { return started_; }
  bool asked_again() const { return asked_; }
  bool idle_memory_released() const { return released_; }

  // --- Transport ---
  Result<Ok> start() override {
    started_ = true;
    return Ok{};
  }
  Io read(std::span<char> into, Want want = Want::any) override {
    static_cast<void>(want);
    if (!established_ || !readable_) return Io::wait();
    if (!incoming_.empty()) {
      const std::size_t count = std::min({into.size(), incoming_.size(), read_max_});
      std::copy_n(incoming_.begin(), count, into.begin());
      incoming_.erase(0, count);
      readable_ = !incoming_.empty() || ended_ || lost_.has_value();
      return Io::moved(count);
    }
    if (lost_) return Io::failed(*lost_);
    if (ended_) return Io::end();
    readable_ = false;
    return Io::wait();
  }
  Io write(std::span<const iovec> from) override {
    if (lost_) return Io::failed(*lost_);
    assert(!write_ended_);
    if (!established_ || !writable_) return Io::wait();
    std::size_t count = 0;
    for (const iovec& part : from) {
      const std::size_t taken = std::min(part.iov_len, room_);
      sent_.append(static_cast<const char*>(part.iov_base), taken);
      if (room_ != unlimited) room_ -= taken;
      count += taken;
      if (taken < part.iov_len) {
        writable_ = false;
        break;
      }
    }
    if (count == 0 && !writable_) return Io::wait();
    if (count > 0) ++writes_;
    return Io::moved(count);
  }
  using Transport::write;
  void flush() override { ++flushes_; }
  void shutdown_write() override { write_ended_ = true; }
  void reset_on_close() override { reset_ = true; }
  void again() override { asked_ = true; }
  bool readable() const override { return readable_; }
  bool writable() const override { return writable_; }
  bool closed() const override { return closed_; }
  bool established() const override { return established_; }
  bool eof_is_clean() const override { return clean_; }
  void release_idle_memory() override { released_ = true; }
  const TlsInfo* tls() const override { return tls_ ? &*tls_ : nullptr; }
  bool is_tls() const override { return tls_.has_value(); }
  int fd() const override { return -1; }

 private:
  Side side_ = Side::client;
  std::string incoming_, sent_;
  std::size_t room_ = unlimited, read_max_ = unlimited, writes_ = 0, flushes_ = 0;
  std::optional<Error> lost_;
  std::optional<TlsInfo> tls_;
  Ready edges_;
  bool* destroyed_ = nullptr;
  bool readable_ = false, writable_ = true, closed_ = false, established_ = true;
  bool ended_ = false, clean_ = true, write_ended_ = false, reset_ = false;
  bool started_ = false, asked_ = false, released_ = false;
};

}  // namespace weir::test
