#include "proxy/tunnel.h"

#include <algorithm>
#include <bit>

#include "proxy/errors.h"

namespace weir {
namespace {

constexpr std::size_t bytes_per_turn = std::size_t{512} * 1024;

}  // namespace

Tunnel::Tunnel(Loop& loop, BufferPool& pool, ClientStream& client, std::unique_ptr<Transport> peer,
               const Limits& limits)
    : client_(client),
      peer_(std::move(peer)),
      buffer_(pool),
      waiter_(&buffer_free, this),
      timer_(loop, &idle, this),
      limits_(limits) {
  peer_->set_owner(this);
}

bool Tunnel::start(std::string_view early) {
  if (!early.empty()) {
    const std::size_t size = std::bit_ceil(std::max(early.size(), BufferPool::block_bytes_min));
    if (size > BufferPool::block_bytes_max || !buffer_.acquire(size)) return false;
    buffer_.append(early);
  }
  client_.set_source(this);
  set_source(&client_);
  client_.send_body_to(this);
  moved();
  relay();
  client_.resume();
  return true;
}

void Tunnel::on_ready(Transport&, Ready) {
  if (!client_ended_ && peer_->writable()) client_.resume();
  relay();
}

void Tunnel::resume() { relay(); }

std::size_t Tunnel::write(std::string_view bytes, bool last) {
  std::size_t taken = 0;
  if (!bytes.empty()) {
    if (!peer_->writable()) return 0;
    const Io io = peer_->write(bytes);
    if (io.state == Io::State::error || io.state == Io::State::eof) {
      end(io.error);
      return 0;
    }
    if (io.state == Io::State::bytes) taken = io.bytes;
    sent_ += taken;
    if (taken > 0) moved();
  }
  if (last && taken == bytes.size()) {
    client_ended_ = true;
    peer_->shutdown_write();
  }
  return taken;
}

void Tunnel::relay() {
  std::size_t budget = bytes_per_turn;
  while (!done_) {
    if (!buffer_.empty() || peer_ended_) {
      const std::size_t taken = client_.write(buffer_.readable(), peer_ended_);
      buffer_.consume(taken);
      if (taken > 0) moved();
      if (!buffer_.empty()) return;
      done_ = peer_ended_;
      if (done_) break;
    }
    if (budget == 0) return peer_->again();
    if (!peer_->readable()) break;
    if (!buffer_.acquire()) return buffer_.pool().wait(waiter_);
    buffer_.clear();
    if (filled_) buffer_.grow_for_body(limits_.buffer_max);
    const std::size_t room = buffer_.writable().size();
    const Io io = peer_->read(buffer_.writable());
    if (io.state == Io::State::again) break;
    if (io.state == Io::State::error) return end(io.error);
    if (io.state == Io::State::eof) {
      peer_ended_ = true;
      continue;
    }
    buffer_.produce(io.bytes);
    received_ += io.bytes;
    filled_ = io.bytes == room;
    budget -= std::min(budget, io.bytes);
  }
  buffer_.release();
  if (done_) timer_.arm(limits_.idle);
}

void Tunnel::abort(Error why) { end(why); }

void Tunnel::end(Error why) {
  timer_.cancel();
  done_ = true;
  client_.send_body_to(nullptr);
  client_.abort(why);
}

void Tunnel::idle(void* self) { static_cast<Tunnel*>(self)->end(trouble(Trouble::tunnel_timeout)); }

void Tunnel::buffer_free(void* self) { static_cast<Tunnel*>(self)->relay(); }

}  // namespace weir
