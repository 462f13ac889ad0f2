// AnswerFiles: answers that are asked for many times a second, each in memory of its own that
// nobody can write to any more (a memfd, sealed), head and body. The kernel sends from there
// without copying: its pages go out by reference, which memory that is written anew (the store)
// must never do, for a client that reads late would get what was written meanwhile. A file that is
// given up is closed, not reused: its pages live until the last client has them.
//
// The store is asked for each hit all the same, and says whether the answer is still this one; its
// bytes were compared with their checksums when they were copied, and cannot have changed since.
//
// Of one worker, bounded by bytes, those still being sent included, and by descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "cache/store.h"
#include "net/socket.h"

namespace weir {

class AnswerFiles;

class AnswerFile {
 public:
  ~AnswerFile();
  AnswerFile& operator=(AnswerFile&&) = delete;
  // Its bytes from `at` on.
  FileBytes from(std::uint64_t at) const { return {file_.get(), at, bytes_ - at}; }

 private:
  friend class AnswerFiles;
  AnswerFile(Fd file, std::uint64_t bytes, AnswerFiles& files);
  Fd file_;
  std::uint64_t bytes_;
  AnswerFiles& files_;
};

class AnswerFiles {
 public:
  // Of a body. Below it, to refer to pages costs more than to copy them; above it, an answer takes
  // more than one turn of the loop anyway.
  static constexpr std::uint64_t body_bytes_min = std::uint64_t{32} * 1024;
  static constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 20;
  static constexpr std::size_t files_max = 64;

  explicit AnswerFiles(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  AnswerFiles& operator=(AnswerFiles&&) = delete;

  bool has_room(std::uint64_t bytes) const {
    return files_ < files_max && bytes <= bytes_max_ - held_;
  }
  // Of a whole body. nullptr: there is no room, or it is damaged.
  std::shared_ptr<const AnswerFile> make(std::string_view head, cache::Reader& body);
  std::uint64_t held() const { return held_; }

 private:
  friend class AnswerFile;
  std::uint64_t bytes_max_;
  std::uint64_t held_ = 0;
  std::size_t files_ = 0;
};

}  // namespace weir
