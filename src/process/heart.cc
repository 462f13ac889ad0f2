#include "process/heart.h"

#include "base/clock.h"

namespace weir::process {

Heart::Heart(Loop& loop, shm::SlotOwner& owner)
    : loop_(loop),
      owner_(owner),
      // Being woken is all there is to it: the hook beats.
      timer_(
          loop, [](void* self) { static_cast<Heart*>(self)->timer_.arm(interval); }, this) {}

void Heart::start() {
  Loop::Hooks hooks;
  hooks.woke = [](void* self) {
    auto& heart = *static_cast<Heart*>(self);
    heart.owner_.beat(heart.now_ns());
  };
  hooks.owner = this;
  loop_.set_hooks(hooks);
  clock::refresh();
  owner_.beat(now_ns());
  timer_.arm(interval);
}

std::int64_t Heart::now_ns() const { return clock::now().time_since_epoch().count(); }

}  // namespace weir::process
