// Transport: a byte stream to a client or a peer, plain or TLS; who uses it can't tell.
//
// Edges are kept: the owner is told once that something may be possible and goes on until `again`.
// An owner that stops earlier calls again(). Handshakes happen inside: until established() reads
// and writes say `again`; the owner is called when that changes, and its timer limits how long.
//
// Writes may be held back until the end of the turn (TLS puts several records into one system
// call): flush() sends at once. What write() took is the transport's to deliver; pending() says
// whether some of it has not reached the kernel. To end cleanly: shutdown_write(), and destroy when
// !pending(), or hand it to net/linger.h. The destructor tries once to send what is pending and
// closes.
//
// Calls to the owner are the last thing a transport does in a callback, so the owner may destroy
// it there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/socket.h"
#include "os/address.h"

namespace weir {

class Transport;

class TransportOwner {
 public:
  // Something may be possible now: reading, writing, noticing an end or an error (the next read or
  // write says which). `ready` holds the new edges; the transport's own flags are the whole truth.
  virtual void on_ready(Transport& transport, Ready ready) = 0;

 protected:
  ~TransportOwner() = default;
};

// What TLS agreed on. The views live as long as the transport.
struct TlsInfo {
  std::string_view protocol;     // "TLSv1.3"
  std::string_view cipher;       // "TLS_AES_256_GCM_SHA384"
  std::string_view curve;        // "X25519"; empty when unknown
  std::string_view alpn;         // "http/1.1", "h2"; empty: none agreed
  std::string_view server_name;  // SNI as sent; empty: none
  bool reused = false;           // resumed from a session
  bool early_data = false;
  // Server side: which server's certificate answered (index into Config.servers); -1: client side.
  int server_index = -1;
  // Client side: the peer's certificate was verified.
  bool verified = false;
};

class Transport {
 public:
  explicit Transport(const Address& peer) : peer_(peer) {}
  virtual ~Transport() = default;
  Transport& operator=(Transport&&) = delete;

  // Begins to watch. The owner is not called before the next turn (or not before the first edge).
  virtual Result<Ok> start() = 0;
  // May be changed at any time (a pool, then an attempt); nullptr: edges are kept, nobody is told.
  void set_owner(TransportOwner* owner) { owner_ = owner; }

  virtual Io read(std::span<char> into, Want want = Want::any) = 0;
  virtual Io write(std::span<const iovec> from) = 0;
  Io write(std::string_view bytes);
  virtual void flush() {}
  virtual bool pending() const { return false; }
  // The end of what we send (TLS: close_notify), after what is pending. No write() after it.
  virtual void shutdown_write() = 0;
  // The destructor will reset the connection: the peer must not take what it got for complete.
  virtual void reset_on_close() = 0;
  virtual void again() = 0;  // on_ready in the next turn

  virtual bool readable() const = 0;  // a read is worth trying
  virtual bool writable() const = 0;  // a write is worth trying
  virtual bool closed() const = 0;    // the peer's end was announced; unread data may precede it
  virtual bool established() const { return true; }  // handshake done
  // False: the stream ended without the protocol's own end (no close_notify), so that a message
  // that is delimited by the end of the stream may be truncated.
  virtual bool eof_is_clean() const { return true; }
  virtual void release_idle_memory() {}  // between exchanges: nothing is needed until the next edge

  virtual const TlsInfo* tls() const { return nullptr; }  // nullptr: plain, or not established
  virtual bool is_tls() const { return false; }
  virtual bool resumed() const { return false; }  // TLS, from a session
  virtual int fd() const = 0;
  // The stream is the socket's own: what is written there comes out as it is. nullptr: it is not.
  virtual Socket* plain_socket() { return nullptr; }
  const Address& peer() const { return peer_; }
  const Address& local() const;  // asked of the kernel once, when first wanted

 protected:
  TransportOwner* owner() const { return owner_; }
  void tell(Ready ready) {  // last statement of a callback
    if (owner_ != nullptr) owner_->on_ready(*this, ready);
  }

 private:
  TransportOwner* owner_ = nullptr;
  Address peer_;
  mutable std::unique_ptr<Address> local_;
};

}  // namespace weir
