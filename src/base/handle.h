// Handle: a unique_ptr whose deleter is a type, so that owning a C object costs one pointer.
#pragma once

#include <memory>

namespace weir {

template <auto Free>
struct FreeBy {
  void operator()(auto* object) const noexcept { Free(object); }
};

template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeBy<Free>>;

}  // namespace weir
