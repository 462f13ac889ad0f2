#include "net/linger.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "base/clock.h"

namespace weir {

class Lingerers::Lingerer final : public ListHook<>, public TransportOwner {
 public:
  Lingerer(Lingerers& all, std::unique_ptr<Transport> transport, const Limits& limits)
      : all_(all),
        transport_(std::move(transport)),
        limits_(limits),
        bytes_left_(std::max<std::size_t>(limits.bytes, 1)),
        ends_(clock::now() + limits.time),
        timer_(
            all.loop_, [](void* self) { static_cast<Lingerer*>(self)->done(); }, this) {
    transport_->set_owner(this);
    transport_->shutdown_write();
    transport_->again();  // look in the next turn: there may be no edge any more
    arm();
  }

  void on_ready(Transport&, Ready) override {
    std::array<char, 16384> buffer;
    const std::span<char> waste(buffer);
    if (transport_->pending()) transport_->flush();
    for (int reads = 0; reads < reads_per_turn_max; ++reads) {
      const Io io = transport_->read(waste.first(std::min(waste.size(), bytes_left_)), Want::more);
      if (io.state == Io::State::again) {
        if (reads > 0) arm();
        return;
      }
      if (io.state == Io::State::bytes) all_.discarded_ += io.bytes;
      const bool over = io.state != Io::State::bytes || io.bytes >= bytes_left_;
      if (over && !(io.state == Io::State::eof && transport_->pending())) return done();
      if (over) return;  // a half-closed peer: it still reads what is pending
      bytes_left_ -= io.bytes;
    }
    arm();
    transport_->again();
  }

  void stop() {  // no call to us any more, whatever comes before the end of the turn
    unlink();
    timer_.cancel();
    transport_->set_owner(nullptr);
  }

 private:
  static constexpr int reads_per_turn_max = 16;

  void arm() {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(ends_ - clock::now());
    timer_.arm(std::min(left, limits_.idle));
  }
  void done() { all_.remove(*this); }

  Lingerers& all_;
  std::unique_ptr<Transport> transport_;
  Limits limits_;
  std::size_t bytes_left_;
  std::chrono::steady_clock::time_point ends_;
  Timer timer_;
};

Lingerers::~Lingerers() {
  empty_ = nullptr;
  close_all();
}

void Lingerers::add(std::unique_ptr<Transport> transport, const Limits& limits) {
  assert(transport);
  auto lingerer = std::make_unique<Lingerer>(*this, std::move(transport), limits);
  all_.push_back(*lingerer.release());  // owned by the list: remove() and close_all() delete
  ++count_;
}

void Lingerers::remove(Lingerer& lingerer) {
  std::unique_ptr<Lingerer> owned(&lingerer);
  lingerer.stop();
  loop_.destroy_later(std::move(owned));
  if (--count_ == 0 && empty_ != nullptr) empty_(owner_);
}

void Lingerers::close_all() {
  while (!all_.empty()) {
    const std::unique_ptr<Lingerer> owned(&all_.front());
    owned->unlink();
  }
  if (std::exchange(count_, 0) != 0 && empty_ != nullptr) empty_(owner_);
}

}  // namespace weir
