#include "tls/tls_transport.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <climits>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "http/date.h"
#include "tls/transport_bio.h"
#include "tls/upstream_context.h"

namespace weir::tls {
namespace {

constexpr std::size_t out_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t plain_bytes_max = SSL3_RT_MAX_PLAIN_LENGTH;
// What a record costs beyond its plaintext (header, nonce, tag, padding), and room for a message
// that the library may have to send before it (KeyUpdate).
constexpr std::size_t overhead_bytes = 256;
// Of input that brings the owner nothing (empty records, key updates) in one call: then others have
// their turn.
constexpr std::size_t input_bytes_max = std::size_t{128} * 1024;
constexpr std::size_t record_bytes_worth = 1024;  // no smaller records than this for lack of room

// To a client that speaks HTTP to a TLS port: a mistake that a person has to understand.
// Date stands in the middle (RFC 9110 6.6.1).
constexpr std::string_view plain_http_answer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n"
    "Connection: close\r\nDate: ";
constexpr std::string_view plain_http_body =
    "\r\n\r\nThis port speaks HTTPS, and got a plain request.\r\n";

std::size_t total(std::span<const iovec> parts) {
  std::size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

// The bytes of `parts` from `skip` on that go into one record: where they lie, if they lie
// together, else a copy in `scratch`, so that a small head and its body are one record.
std::string_view next_plain(std::span<const iovec> parts, std::size_t skip,
                            std::span<char, plain_bytes_max> scratch) {
  std::size_t used = 0;
  for (const iovec& part : parts) {
    if (skip >= part.iov_len) {
      skip -= part.iov_len;
      continue;
    }
    const char* bytes = static_cast<const char*>(part.iov_base) + skip;
    const std::size_t size = part.iov_len - skip;
    skip = 0;
    const bool last = &part == &parts.back();
    if (used == 0 && (last || size >= plain_bytes_max))
      return {bytes, std::min(size, plain_bytes_max)};
    const std::size_t count = std::min(size, scratch.size() - used);
    std::memcpy(scratch.data() + used, bytes, count);
    used += count;
    if (used == scratch.size()) break;
  }
  return {scratch.data(), used};
}

}  // namespace

TlsTransport::TlsTransport(Loop& loop, Fd fd, const Address& peer, const ListenContext& context,
                           BufferPool& pool)
    : Transport(peer),
      socket_(std::make_unique<Socket>(loop, std::move(fd), Side::client)),
      listen_(&context),
      out_(pool),
      flush_later_(loop, &TlsTransport::flush_at_end_of_turn, this) {}

TlsTransport::TlsTransport(std::unique_ptr<Socket> socket, const Address& peer, SslConnection ssl,
                           UpstreamContext& context, std::string session_key, BufferPool& pool)
    : Transport(peer),
      socket_(std::move(socket)),
      ssl_(std::move(ssl)),
      upstream_(&context),
      session_key_(std::move(session_key)),
      out_(pool),
      flush_later_(socket_->loop(), &TlsTransport::flush_at_end_of_turn, this) {
  socket_->set_callback(&TlsTransport::edge, this);
}

TlsTransport::~TlsTransport() {
  if (!reset_ && !lost_ && !hold_output_) send_out();
  // The library spoils the session of a connection that ends without its own shutdown.
  if (ssl_ && established_ && !lost_)
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ERR_clear_error();
}

Result<Ok> TlsTransport::start() {
  if (auto started = socket_->start(&TlsTransport::edge, this); !started) return started;
  if (upstream_ == nullptr) return Ok{};
  if (!attach(ssl_.get())) return Error{Side::self, "out of memory"};
  drive_handshake();
  if (lost_) again();
  return Ok{};
}

bool TlsTransport::attach(SSL* ssl) {
  BIO* bio = TransportBio::make(*this);
  if (bio == nullptr) return false;
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, this);
  return true;
}

bool TlsTransport::create_server_ssl() {
  ssl_.reset(SSL_new(listen_->fallback().context->handle()));
  if (!ssl_ || !attach(ssl_.get())) return false;
  server_index_ = listen_->fallback().server_index;
  SSL_set_accept_state(ssl_.get());
  return true;
}

int TlsTransport::take_output(const char* bytes, std::size_t size) {
  std::size_t taken = 0;
  while (!lost_) {
    if (!out_.acquire_reserve()) {
      fail({Side::self, "out of memory"});
      break;
    }
    taken += out_.append({bytes + taken, size - taken});
    if (taken == size) break;
    if (out_.capacity() < out_bytes_max && out_.grow()) continue;
    send_out();
    if (out_.full()) break;
  }
  return lost_ ? -1 : static_cast<int>(taken);
}

int TlsTransport::give_input(char* into, std::size_t size) {
  if (lost_ || socket_ended_ || input_left_ == 0) return lost_ ? -1 : 0;
  const Io io = socket_->read({into, size}, want_);
  switch (io.state) {
    case Io::State::bytes:
      input_left_ -= std::min(input_left_, io.bytes);
      return static_cast<int>(io.bytes);
    case Io::State::again: return 0;
    case Io::State::eof: socket_ended_ = true; return 0;  // whether that is well, the reader says
    case Io::State::error: fail(io.error); return -1;
  }
  return -1;
}

Io TlsTransport::fail(Error why) {
  if (!lost_) error_ = why;
  lost_ = true;
  return failed();
}

// After the library has given up. Its alert is on its way to the peer.
Io TlsTransport::fail_by_library() {
  if (lost_) return failed();  // the socket was first
  if (!established_ && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
    out_.clear();  // the client would not understand the alert
    if (out_.acquire_reserve()) {
      const DateText date = format_http_date(clock::wall());
      out_.append(plain_http_answer);
      out_.append({date.data(), date.size()});
      out_.append(plain_http_body);
    }
  }
  send_out();
  if (!established_ && upstream_ != nullptr) upstream_->forget_session(session_key_);
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (!established_ && upstream_ != nullptr && verdict != X509_V_OK) {
    ERR_clear_error();
    return fail({socket_->side(), X509_verify_cert_error_string(verdict)});
  }
  return fail({socket_->side(), take_reason("TLS failure")});
}

void TlsTransport::drive_handshake() {
  ERR_clear_error();
  // A reset can hide behind a short read (net/socket.h), and the edge that told of both was this
  // one: what a peer sends next is waited for by looking again, and so is the rest of a record.
  want_ = upstream_ != nullptr ? Want::more : Want::any;
  input_left_ = input_bytes_max;
  int result = SSL_do_handshake(ssl_.get());
  if (result != 1 && want_ == Want::any && SSL_has_pending(ssl_.get()) == 1 &&
      SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) {
    want_ = Want::more;
    result = SSL_do_handshake(ssl_.get());
  }
  if (result == 1) return handshake_done();
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      send_out();  // the peer waits for this flight
      if (input_left_ == 0) return again();
      drained_ = true;
      if (socket_ended_) fail({socket_->side(), "connection closed during the TLS handshake"});
      return;
    case SSL_ERROR_WANT_WRITE: return;  // the socket is full: an edge comes
    default: fail_by_library();
  }
}

void TlsTransport::handshake_done() {
  established_ = true;
  blocked_ = false;
  // In TLS 1.3 what a server has left to send is a ticket, for which nobody waits.
  hold_output_ = upstream_ == nullptr && SSL_version(ssl_.get()) == TLS1_3_VERSION;
  if (!hold_output_ && !out_.empty()) schedule_flush();
}

void TlsTransport::edge(void* self, Ready ready) {
  auto& it = *static_cast<TlsTransport*>(self);
  bool news = std::exchange(it.asked_, false) || ready.readable || ready.closed;
  if (ready.readable || ready.closed) it.drained_ = false;
  if (!it.lost_ && !it.established_) {
    if (!it.ssl_ && !ready.readable && !ready.closed) return;  // the client has not said a word
    if (!it.ssl_ && !it.create_server_ssl()) it.fail({Side::self, "out of memory"});
    if (!it.lost_) it.drive_handshake();
    if (!it.established_ && !it.lost_) return;
    news = true;
    ready.writable = true;
    ready.readable = it.readable();
  } else if (ready.writable && !it.lost_) {
    const bool was_pending = it.pending();
    if (was_pending && !it.hold_output_) it.send_out();
    if (it.blocked_ && it.out_.size() <= out_bytes_max / 2) {
      it.blocked_ = false;
      news = true;
    }
    news = news || it.lost_ || (was_pending && !it.pending());
  }
  if (news) it.tell(ready);
}

Io TlsTransport::read_some(std::span<char> into, std::size_t& total) {
  while (total < into.size()) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &count);
    if (result == 1) {
      total += count;
      // Asking the library once more to hear that there is nothing costs as much as a record.
      const bool drained = want_ == Want::any && !socket_->readable() && !socket_->closed();
      if (!drained || SSL_has_pending(ssl_.get()) == 1) continue;
      drained_ = true;
      return Io::moved(total);
    }
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        if (socket_ended_) return Io::end();
        if (input_left_ == 0) {
          again();
          return Io::wait();
        }
        drained_ = true;
        return Io::wait();
      case SSL_ERROR_WANT_WRITE:  // an answer of the library's own waits for room
        drained_ = true;
        return Io::wait();
      case SSL_ERROR_ZERO_RETURN: close_notify_ = true; return Io::end();
      default: return fail_by_library();
    }
  }
  return Io::moved(total);
}

Io TlsTransport::read(std::span<char> into, Want want) {
  assert(!into.empty());
  if (lost_) return failed();
  if (!established_ || (drained_ && want == Want::any)) return Io::wait();
  want_ = want;
  input_left_ = into.size() + input_bytes_max;
  std::size_t total = 0;
  const Io io = read_some(into, total);
  if (!out_.empty() && !hold_output_) schedule_flush();  // KeyUpdate, an alert
  return total > 0 ? Io::moved(total) : io;              // what ended the reading is said again
}

// Room for a record of `wanted` bytes, or for one that is worth it; false: there is none, and the
// socket takes no more.
bool TlsTransport::make_room(std::size_t wanted) {
  wanted = std::min(wanted, plain_bytes_max) + overhead_bytes;
  const std::size_t least = std::min(wanted, record_bytes_worth + overhead_bytes);
  for (bool sent = false; !lost_; sent = true) {
    if (!out_.acquire_reserve()) {
      fail({Side::self, "out of memory"});
      return false;
    }
    while (out_.room() < wanted && out_.capacity() < out_bytes_max && out_.grow()) {
    }
    if (out_.room() >= wanted || (sent && out_.room() >= least)) return true;
    if (sent) return false;
    send_out();  // once; it gives the block back when it has emptied it
  }
  return false;
}

// How much of `plain` became a record; 0: no room, or lost.
std::size_t TlsTransport::write_record(std::string_view plain) {
  if (!make_room(plain.size())) return 0;
  const std::size_t size = std::min(plain.size(), out_.room() - overhead_bytes);
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), plain.data(), size, &count);
  if (result == 1) return count;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_WANT_READ: return 0;
    default: fail_by_library(); return 0;
  }
}

Io TlsTransport::write(std::span<const iovec> from) {
  if (lost_) return failed();
  assert(!write_ended_);
  if (!established_) {
    blocked_ = true;
    return Io::wait();
  }
  const std::size_t offered = total(from);
  std::size_t taken = 0;
  char scratch[plain_bytes_max];
  hold_output_ = false;
  while (taken < offered) {
    const std::size_t count =
        write_record(next_plain(from, taken, std::span<char, plain_bytes_max>(scratch)));
    if (count == 0) break;
    taken += count;
  }
  if (!out_.empty()) schedule_flush();
  if (taken == 0 && lost_) return failed();
  if (lost_) again();  // what was taken is gone, and its giver waits for room: it learns in time
  blocked_ = taken < offered;
  return taken > 0 || offered == 0 ? Io::moved(taken) : Io::wait();
}

void TlsTransport::send_out() {
  while (!out_.empty() && !lost_) {
    const std::string_view bytes = out_.readable();
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    const Io io = socket_->write(std::span(&part, 1));
    if (io.state == Io::State::again) return;
    if (io.state == Io::State::error) {
      fail(io.error);
      break;
    }
    out_.consume(io.bytes);
  }
  out_.release();  // empty, or nobody will ever read it
  hold_output_ = false;
}

void TlsTransport::flush() {
  flush_later_.cancel();
  send_out();
}

void TlsTransport::flush_at_end_of_turn(void* self) {
  auto& it = *static_cast<TlsTransport*>(self);
  if (it.hold_output_ || it.lost_) return;
  it.send_out();
  if (it.lost_) it.again();  // the owner learns of it in the next turn
}

void TlsTransport::shutdown_write() {
  if (write_ended_ || lost_) return;
  write_ended_ = true;
  if (established_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // close_notify into out_, with what is there
    ERR_clear_error();
  }
  hold_output_ = false;
  flush();
}

void TlsTransport::reset_on_close() {
  reset_ = true;
  socket_->reset_on_close();
}

void TlsTransport::again() {
  asked_ = true;
  socket_->again();
}

void TlsTransport::release_idle_memory() {
  if (hold_output_) flush();
}

bool TlsTransport::resumed() const { return established_ && SSL_session_reused(ssl_.get()) == 1; }

const TlsInfo* TlsTransport::tls() const {
  if (!established_) return nullptr;
  if (info_) return info_.get();
  info_ = std::make_unique<TlsInfo>();
  SSL* const ssl = ssl_.get();
  info_->protocol = SSL_get_version(ssl);
  info_->cipher = SSL_get_cipher_name(ssl);
  const char* curve = SSL_group_to_name(ssl, static_cast<int>(SSL_get_negotiated_group(ssl)));
  info_->curve = curve == nullptr ? "" : curve;
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size > 0) info_->alpn = {reinterpret_cast<const char*>(protocol), size};
  info_->server_name = server_name_;
  info_->reused = resumed();
  info_->server_index = upstream_ == nullptr ? server_index_ : -1;
  info_->verified = upstream_ != nullptr && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
                    SSL_get_verify_result(ssl) == X509_V_OK;
  return info_.get();
}

}  // namespace weir::tls
