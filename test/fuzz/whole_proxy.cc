// The whole proxy in one process: clients, origins and time are moved by the input, which is a
// program (script.h; what its letters do is in world.cc). Afterwards everything must end by itself,
// and what went over the wires is judged (judge.h).
#include "test/fuzz/fuzz.h"
#include "test/fuzz/proxy/world.h"

FUZZ_TARGET(whole_proxy) {
  if (input.size() > 16384) return;
  static weir::fuzz::Ground ground;
  weir::fuzz::World world(ground);
  world.run(input);
  world.run_out();
  world.judge();
}
