// UnsentHit: the rest of a repeated hit (HitMemory) that the kernel had no room for at once. The
// body stays where it is stored, pinned by its Reader, or head and body in a file of their own; how
// long and how slowly the client may take it is measured as for every answer (Pace).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cache/store.h"
#include "http/body.h"
#include "net/transport.h"
#include "proxy/answer_files.h"
#include "proxy/pace.h"

namespace weir {

// What is left of a head and the body behind it after `sent` bytes, for one write. Without a reader
// the head is all.
class HitParts {
 public:
  HitParts(std::string_view head, cache::Reader& reader, std::uint64_t sent) {
    if (sent < head.size()) add(head.substr(static_cast<std::size_t>(sent)));
    std::uint64_t at = sent > head.size() ? sent - head.size() : 0;
    while (reader && count_ < parts_.size()) {
      const std::string_view piece = reader.read(at);
      if (piece.empty()) break;
      add(piece);
      at += piece.size();
    }
  }
  std::span<const iovec> parts() const { return {parts_.data(), count_}; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void add(std::string_view part) {
    parts_[count_++] = {const_cast<char*>(part.data()), part.size()};
    bytes_ += part.size();
  }
  std::array<iovec, 1 + BodySink::parts_max> parts_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

struct UnsentHit {
  UnsentHit(Loop& loop, const conf::MinRate& rate, Pace::Callback late, void* owner)
      : pace(loop, rate, late, owner) {}
  UnsentHit& operator=(UnsentHit&&) = delete;  // pinned
  Io write(Transport& transport) {
    return file != nullptr ? transport.plain_socket()->write(file->from(sent))
                           : transport.write(HitParts(head, reader, sent).parts());
  }

  std::shared_ptr<const AnswerFile> file{};  // else what `reader` has
  cache::Reader reader{};
  std::string head{};
  std::uint64_t sent = 0, total = 0;  // head and body
  Pace pace;
};

}  // namespace weir
