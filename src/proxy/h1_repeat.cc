// H1Session, second part: requests that come again byte for byte and are answered from a cache
// (HitMemory), without an exchange.
#include <utility>

#include "base/clock.h"
#include "proxy/caches.h"
#include "proxy/h1_session.h"
#include "proxy/h1_stream.h"
#include "proxy/router.h"
#include "proxy/wanted_copy.h"

namespace weir {

// What an exchange would have counted, and not more than it would have done. Where anything is out
// of the ordinary nothing has happened yet, and the request goes the long way.
bool H1Session::repeat_hit(std::string_view request) {
  HitMemory::Remembered* const known = context_.hits.find({listen_, transport_->is_tls(), request});
  if (known == nullptr) return false;
  const conf::ServerConf& server = *known->hit.server->conf;
  const bool persists = !context_.draining && requests_ + 1 < *server.keepalive_requests;
  if (!persists || !transport_->writable()) return false;
  const std::int64_t now_ms = clock::wall_ms();
  cache::Reader reader;
  if (!known->has_all() || !HitMemory::still_stands(*known, now_ms)) {
    reader = HitMemory::find_again(*known, now_ms);
    // A copy may have been made anew, smaller: then the head says another length.
    if (!reader || reader.body_bytes() != known->hit.body_bytes) return false;
  }
  ++known->asked;
  const RepeatableHit& hit = known->hit;
  const std::uint64_t total = known->head.size() + hit.body_bytes;
  const Io io = write_hit(*known, reader);
  if (io.state != Io::State::bytes) return false;
  ++requests_;
  shm::CounterRow& counters = context_.counters;
  counters.requests.add();
  counters.bytes_in.add(request.size());
  counters.bytes_out.add(io.bytes);
  counters.responses_2xx.add();
  counters.cache_repeated.add();
  if (known->file != nullptr) counters.cache_uncopied.add();
  if (!hit.copy.text.empty()) {
    counters.cache_copies_used.add();
    want_better_copy(*hit.location, hit.variant.text.empty() ? hit.key : hit.variant, hit.copy,
                     reader, hit.copy_coding);
  }
  cache::Served served;
  served.hits = 1;
  served.bytes_out = total;
  count_served(counters, *known->hit.location->cache, served);
  if (io.bytes < total) {
    keep_unsent(*known, std::move(reader), io.bytes);
  } else {
    idle();
  }
  return true;
}

// `body` may be empty where the answer is known with it. `again`, where the store has it not whole,
// or in too many pieces, or it is too large: then an exchange gives it.
Io H1Session::write_hit(HitMemory::Remembered& known, cache::Reader& body) {
  if (!known.whole.empty()) return transport_->write(known.whole);
  if (Socket* const socket = transport_->plain_socket(); socket != nullptr) {
    const AnswerFile* const file = context_.hits.file_of(known, body, clock::wall_ms());
    if (file != nullptr) return socket->write(file->from(0));
  }
  if (known.hit.body_bytes > HitMemory::stored_bytes_max) return Io::wait();
  const HitParts parts(known.head, body, 0);
  if (parts.bytes() != known.head.size() + known.hit.body_bytes) return Io::wait();
  HitMemory::keep_whole(known, parts.parts());
  return transport_->write(parts.parts());
}

void H1Session::keep_unsent(const HitMemory::Remembered& known, cache::Reader reader,
                            std::size_t sent) {
  enter(Phase::repeating);
  context_.sessions.became_busy(*this);
  timer_.cancel();
  const conf::MinRate& rate = *known.hit.server->conf->client_min_rate;
  UnsentHit& unsent =
      context_.unsent.try_emplace(this, context_.loop, rate, &late, this).first->second;
  unsent.head = reader ? known.head : std::string_view(known.whole);
  unsent.total = known.head.size() + known.hit.body_bytes;
  unsent.sent = sent;
  unsent.file = known.file;
  unsent.reader = std::move(reader);
  unsent.pace.set_timeout(*known.hit.location->conf->send_timeout);
  unsent.pace.moved(sent);
  unsent.pace.wait();
}

void H1Session::send_rest() {
  if (!transport_->writable()) return;
  UnsentHit& unsent = context_.unsent.find(this)->second;
  const Io io = unsent.write(*transport_);
  switch (io.state) {
    case Io::State::bytes: break;
    case Io::State::again: return;
    case Io::State::eof:
    case Io::State::error: context_.counters.requests_aborted.add(); return close(Close::reset);
  }
  context_.counters.bytes_out.add(io.bytes);
  unsent.sent += io.bytes;
  unsent.pace.moved(io.bytes);
  if (unsent.sent < unsent.total) return unsent.pace.wait();
  context_.unsent.erase(this);
  enter(Phase::waiting);
  idle();
  if (transport_->readable()) read();
}

void H1Session::late(void* self, Pace::Late) {
  auto& session = *static_cast<H1Session*>(self);
  session.context_.counters.slow_readers.add();
  session.context_.counters.requests_aborted.add();
  session.close(Close::reset);
}

}  // namespace weir
