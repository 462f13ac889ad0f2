// For fault scenarios: a request that does harm to its worker when its head says so. Nothing of it
// is in a build without WEIR_TEST_HOOKS.
#pragma once

#ifdef WEIR_TEST_HOOKS
#include <csignal>
#include <cstdlib>

#include "http/message.h"

namespace weir {

// X-Weir-Test: crash (SIGSEGV), spin (never returns to the loop), exit (status 3).
inline void test_fault(const Fields& fields) {
  const Field* const field = fields.find("X-Weir-Test");
  if (field == nullptr) return;
  if (field->value == "crash") std::raise(SIGSEGV);
  if (field->value == "exit") std::_Exit(3);
  for (volatile bool on = true; field->value == "spin" && on;) {
  }
}

}  // namespace weir
#define WEIR_TEST_FAULT(fields) ::weir::test_fault(fields)
#else
#define WEIR_TEST_FAULT(fields) static_cast<void>(0)
#endif
