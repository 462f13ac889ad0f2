// ExchangeMemory: what an exchange needs room for, kept warm from one exchange to the next, so that
// a busy worker does not allocate: the arena of all text, and the field lists with their capacity.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "http/message.h"

namespace weir {

struct ExchangeMemory {
  static constexpr std::size_t chunk_bytes = std::size_t{8} * 1024;
  static constexpr std::size_t text_bytes_kept = std::size_t{4} * 1024;
  explicit ExchangeMemory(Budget& heads) : arena(chunk_bytes, 512 * 1024, &heads) {}
  Arena arena;
  RequestHead request;     // as received; the arena has its text
  RequestHead to_origin;   // as a peer gets it
  ResponseHead from_peer;  // the answer as a peer sent it
  ResponseHead answer;     // as the client gets it
  std::string text;        // for templates

  // What was rendered into text, in the arena. A long one's capacity is not kept.
  std::string_view take_text() {
    const std::string_view copy = arena.copy(text);
    if (text.capacity() > text_bytes_kept) text = {};
    return copy;
  }
};

// At most `kept_max` are kept; more are made and freed as needed.
class ExchangeMemories {
 public:
  static constexpr std::size_t kept_max = 256;
  explicit ExchangeMemories(Budget& heads) : heads_(heads) {}
  ExchangeMemories& operator=(ExchangeMemories&&) = delete;
  std::unique_ptr<ExchangeMemory> take() {
    if (kept_.empty()) return std::make_unique<ExchangeMemory>(heads_);
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
  std::size_t kept() const { return kept_.size(); }
  void release() {  // frees what is kept
    kept_.clear();
    kept_.shrink_to_fit();
  }

 private:
  Budget& heads_;
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
