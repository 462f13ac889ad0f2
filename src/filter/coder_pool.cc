#include "filter/coder_pool.h"

#include <cassert>

namespace weir {

CoderLease& CoderLease::operator=(CoderLease&& other) noexcept {
  if (this != &other) {
    release();
    coder_ = std::exchange(other.coder_, nullptr);
  }
  return *this;
}

void CoderLease::release() {
  if (Coder* const coder = std::exchange(coder_, nullptr)) coder->pool.give_back(*coder);
}

std::span<char> CoderLease::output() const { return {coder_->output, CoderPool::output_bytes}; }

CoderPool::CoderPool(std::uint64_t bytes_max) : memory_(bytes_max) {
  memory_.on_short([](void* self) { return static_cast<CoderPool*>(self)->free_oldest(); }, this);
}

CoderPool::~CoderPool() {
  assert(out_ == 0);
  while (free_oldest()) {
  }
}

std::uint64_t CoderPool::bytes_of(const EncoderSpec& spec, std::optional<std::uint64_t> length) {
  return encoder_bytes_max(fitted(spec, length)) + CoderMemory::cost(output_bytes);
}

CoderLease CoderPool::encoder(const EncoderSpec& wanted, std::optional<std::uint64_t> length) {
  if (wanted.coding == ContentCoding::identity) return {};
  const EncoderSpec spec = fitted(wanted, length);
  const std::uint64_t bytes = encoder_bytes_max(spec) + CoderMemory::cost(output_bytes);
  Coder* const coder = take(spec, true, bytes);
  if (coder == nullptr) return {};
  if (!coder->encoder) coder->encoder = make_encoder(spec, memory_);
  return hand_out(coder, bytes, coder->encoder && coder->encoder->start(length));
}

CoderLease CoderPool::decoder(ContentCoding coding) {
  if (coding == ContentCoding::identity) return {};
  const std::uint64_t bytes = decoder_bytes_max(coding) + CoderMemory::cost(output_bytes);
  Coder* const coder = take({coding, 0, 0}, false, bytes);
  if (coder == nullptr) return {};
  if (!coder->decoder) coder->decoder = make_decoder(coding, memory_);
  return hand_out(coder, bytes, coder->decoder && coder->decoder->start());
}

// One that is idle and of this kind, or an empty one.
Coder* CoderPool::take(const EncoderSpec& spec, bool encodes, std::uint64_t bytes) {
  if (bytes > bytes_max() || promised_ > bytes_max() - bytes) return nullptr;
  for (Coder& coder : idle_) {
    if (coder.spec == spec && (coder.encoder != nullptr) == encodes) {
      coder.unlink();
      return &coder;
    }
  }
  auto coder = std::make_unique<Coder>(*this, memory_);
  coder->spec = spec;
  ++coders_made_;
  return coder.release();
}

CoderLease CoderPool::hand_out(Coder* coder, std::uint64_t bytes, bool ready) {
  if (coder->output == nullptr) coder->output = static_cast<char*>(memory_.take(output_bytes));
  if (!ready || coder->output == nullptr) {  // the machine has no memory
    delete coder;
    return {};
  }
  coder->promised = bytes;
  promised_ += bytes;
  ++out_;
  return CoderLease(coder);
}

void CoderPool::give_back(Coder& coder) {
  assert(out_ > 0 && promised_ >= coder.promised);
  --out_;
  promised_ -= std::exchange(coder.promised, 0);
  if (coder.encoder) coder.encoder->stop();
  if (coder.decoder) coder.decoder->stop();
  idle_.push_front(coder);
}

bool CoderPool::free_oldest() {
  if (idle_.empty()) return false;
  delete &idle_.back();
  return true;
}

}  // namespace weir
