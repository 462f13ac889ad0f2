#include "proxy/quiet.h"

#include "os/memory.h"
#include "proxy/attempt.h"
#include "proxy/h1_stream.h"

namespace weir {

Quiet::Quiet(WorkerContext& context) : context_(context), timer_(context.loop, &look, this) {
  timer_.arm(after);
}

void Quiet::look(void* self) {
  auto& it = *static_cast<Quiet*>(self);
  it.timer_.arm(after);
  const std::uint64_t requests = it.context_.counters.requests.get();
  if (requests != it.requests_) {
    it.requests_ = requests;
    it.given_back_ = false;
    return;
  }
  if (it.given_back_) return;
  it.given_back_ = true;
  it.context_.memories.release();
  Recycled<Attempt>::release();
  Recycled<H1Stream>::release();
  it.context_.buffers.trim();
  memory::give_back_free();
}

}  // namespace weir
