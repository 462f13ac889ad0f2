// ExchangeMemory: what an exchange needs room for, kept warm from one exchange to the next, so that
// a busy worker does not allocate: the arena of all text, and the field lists with their capacity.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "http/message.h"

namespace weir {

struct ExchangeMemory {
  Arena arena{8 * 1024, 512 * 1024};
  RequestHead request;     // as received; the arena has its text
  RequestHead to_origin;   // as a peer gets it
  ResponseHead from_peer;  // the answer as a peer sent it
  ResponseHead answer;     // as the client gets it
  std::string text;        // for templates
};

// At most `kept_max` are kept; more are made and freed as needed.
class ExchangeMemories {
 public:
  std::unique_ptr<ExchangeMemory> take() {
    if (kept_.empty()) return std::make_unique<ExchangeMemory>();
    auto memory = std::move(kept_.back());
    kept_.pop_back();
    return memory;
  }
  void give(std::unique_ptr<ExchangeMemory> memory) {
    if (memory == nullptr || kept_.size() >= kept_max) return;
    memory->arena.reset();
    memory->request.clear();
    memory->to_origin.clear();
    memory->answer.clear();
    memory->from_peer.clear();
    memory->text.clear();
    kept_.push_back(std::move(memory));
  }

 private:
  static constexpr std::size_t kept_max = 256;
  std::vector<std::unique_ptr<ExchangeMemory>> kept_;
};

// One exchange's memory; gives it back when it ends. Declare it before whatever refers to it.
class ExchangeRoom {
 public:
  explicit ExchangeRoom(ExchangeMemories& memories)
      : memories_(memories), memory_(memories.take()) {}
  ~ExchangeRoom() { memories_.give(std::move(memory_)); }
  ExchangeRoom& operator=(ExchangeRoom&&) = delete;
  ExchangeMemory* operator->() const { return memory_.get(); }
  ExchangeMemory& operator*() const { return *memory_; }

 private:
  ExchangeMemories& memories_;
  std::unique_ptr<ExchangeMemory> memory_;
};

}  // namespace weir
