// H1Session, second part: requests that come again byte for byte and are answered from a cache
// (HitMemory), without an exchange.
#include <array>
#include <utility>

#include "base/clock.h"
#include "proxy/h1_session.h"
#include "proxy/h1_stream.h"
#include "proxy/router.h"

namespace weir {

// What an exchange would have counted, and not more than it would have done. Where anything is out
// of the ordinary nothing has happened yet, and the request goes the long way.
bool H1Session::repeat_hit(std::string_view request) {
  const HitMemory::Remembered* const known =
      context_.hits.find({listen_, transport_->is_tls(), request});
  if (known == nullptr) return false;
  const conf::ServerConf& server = *known->hit.server->conf;
  const bool persists = !context_.draining && requests_ + 1 < *server.keepalive_requests;
  if (!persists || !transport_->writable()) return false;
  cache::Reader reader = find_again(known->hit, clock::wall_ms());
  if (!reader) return false;
  const std::string_view body = reader.read(0);
  if (body.size() != reader.body_bytes()) return false;  // damaged, or in pieces

  const std::array<iovec, 2> parts = {{{const_cast<char*>(known->head.data()), known->head.size()},
                                       {const_cast<char*>(body.data()), body.size()}}};
  const Io io = transport_->write({parts.data(), body.empty() ? 1U : 2U});
  if (io.state != Io::State::bytes) return false;
  ++requests_;
  const std::size_t total = known->head.size() + body.size();
  shm::CounterRow& counters = context_.counters;
  counters.requests.add();
  counters.bytes_in.add(request.size());
  counters.bytes_out.add(io.bytes);
  counters.responses_2xx.add();
  counters.cache_hits.add();
  counters.cache_repeated.add();
  counters.cache_bytes_out.add(total);
  if (io.bytes < total) {
    keep_unsent(*known, body, io.bytes);
  } else {
    idle();
  }
  return true;
}

// A few KiB at most: a copy is cheaper than to hold what is stored for a client that doesn't read.
void H1Session::keep_unsent(const HitMemory::Remembered& known, std::string_view body,
                            std::size_t sent) {
  enter(Phase::repeating);
  context_.sessions.became_busy(*this);
  Unsent& unsent = context_.unsent[this];
  unsent.bytes.reserve(known.head.size() + body.size());
  unsent.bytes.append(known.head).append(body);
  unsent.sent = sent;
  timer_.arm(*known.hit.location->conf->send_timeout);
}

void H1Session::send_rest() {
  if (!transport_->writable()) return;
  Unsent& unsent = context_.unsent[this];
  const std::string_view rest = std::string_view(unsent.bytes).substr(unsent.sent);
  const Io io = transport_->write(rest);
  switch (io.state) {
    case Io::State::bytes: break;
    case Io::State::again: return;
    case Io::State::eof:
    case Io::State::error: context_.counters.requests_aborted.add(); return close(Close::reset);
  }
  context_.counters.bytes_out.add(io.bytes);
  unsent.sent += io.bytes;
  if (unsent.sent < unsent.bytes.size()) {
    // As long as at the beginning: what is left is little.
    return timer_.arm(*server().base.send_timeout);
  }
  context_.unsent.erase(this);
  enter(Phase::waiting);
  idle();
  if (transport_->readable()) read();
}

}  // namespace weir
