// TlsTransport: a Transport that speaks TLS, either side, over SSL_read and SSL_write.
//
// The library never touches the socket: its output is collected here and sent in as few system
// calls as possible, at flush(), at the end of the turn, or when 64 KiB have come together. A
// server's session ticket waits for the first answer. What is offered to the library always fits,
// so that a write is never half done.
//
//   created -> shaking hands -> established -> ended (shutdown_write)
//                    '----------------'--> lost: reads and writes report the error
//
// shutdown_write() sends close_notify, not a FIN: that is the end of a TLS stream. The destructor
// never sends one by itself, for a message that was broken off must not look complete.
//
// A server's SSL object is made when the first byte comes; block and record buffers are given back
// whenever they are empty. A missing close_notify is eof_is_clean() == false, not an error: the
// owner knows how its message is delimited.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "net/transport.h"
#include "tls/handles.h"
#include "tls/server_context.h"

namespace weir::tls {

class UpstreamContext;

class TlsTransport final : public Transport {
 public:
  // Server side. The context and the pool outlive the transport.
  TlsTransport(Loop& loop, Fd fd, const Address& peer, const ListenContext& context,
               BufferPool& pool);
  // Client side, from UpstreamContext::connect().
  TlsTransport(std::unique_ptr<Socket> socket, const Address& peer, SslConnection ssl,
               UpstreamContext& context, std::string session_key, BufferPool& pool);
  ~TlsTransport() override;

  Result<Ok> start() override;
  Io read(std::span<char> into, Want want = Want::any) override;
  Io write(std::span<const iovec> from) override;
  using Transport::write;
  void flush() override;
  bool pending() const override { return !out_.empty(); }
  void shutdown_write() override;
  void reset_on_close() override;
  void again() override;

  bool readable() const override { return established_ ? !drained_ || lost_ : false; }
  bool writable() const override { return (established_ && !blocked_) || lost_; }
  bool closed() const override { return socket_->closed(); }
  bool established() const override { return established_; }
  bool eof_is_clean() const override { return close_notify_; }
  void release_idle_memory() override;
  const TlsInfo* tls() const override;
  bool is_tls() const override { return true; }
  bool resumed() const override;
  int fd() const override { return socket_->fd(); }

 private:
  friend class UpstreamContext;
  friend struct TransportBio;
  friend int choose_server(SSL*, int*, void*);
  friend int keep_new_session(SSL*, SSL_SESSION*);

  static void edge(void* self, Ready ready);
  bool create_server_ssl();
  bool attach(SSL* ssl);
  void drive_handshake();
  void handshake_done();
  Io fail(Error why);
  Io failed() const { return Io::failed(error_); }
  Io fail_by_library();
  bool make_room(std::size_t wanted);
  std::size_t write_record(std::string_view plain);
  Io read_some(std::span<char> into, std::size_t& total);
  void send_out();
  static void flush_at_end_of_turn(void* self);
  void schedule_flush() { flush_later_.schedule(); }

  // The library's input and output.
  int take_output(const char* bytes, std::size_t size);
  int give_input(char* into, std::size_t size);

  std::unique_ptr<Socket> socket_;
  SslConnection ssl_;
  const ListenContext* listen_ = nullptr;  // server side
  UpstreamContext* upstream_ = nullptr;    // client side
  std::string session_key_;                // client side: of upstream_'s sessions
  std::string server_name_;                // server side: as sent
  Buffer out_;
  Deferred flush_later_;
  Error error_{Side::self, {}};
  mutable std::unique_ptr<TlsInfo> info_;
  int server_index_ = -1;
  std::size_t input_left_ = 0;  // what the read that is going on may still take from the socket
  Want want_ = Want::any;       // of the read that is going on
  bool established_ = false;
  bool drained_ = true;        // the library wants more input than there is
  bool blocked_ = false;       // a write was refused: the owner waits for an edge
  bool hold_output_ = false;   // only a ticket is in out_: it can wait for the first answer
  bool socket_ended_ = false;  // the peer's FIN was read
  bool close_notify_ = false;  // the peer's close_notify was read
  bool write_ended_ = false;
  bool reset_ = false;
  bool lost_ = false;
  bool asked_ = false;  // again() is outstanding
};

}  // namespace weir::tls
