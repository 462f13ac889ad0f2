#include "proxy/answer_files.h"

#include <unistd.h>

#include <cerrno>

#include "os/memfd.h"

namespace weir {
namespace {

bool write_all(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  return true;
}

}  // namespace

AnswerFile::AnswerFile(Fd file, std::uint64_t bytes, AnswerFiles& files)
    : file_(std::move(file)), bytes_(bytes), files_(files) {
  files_.held_ += bytes_;
  ++files_.files_;
}

AnswerFile::~AnswerFile() {
  files_.held_ -= bytes_;
  --files_.files_;
}

std::shared_ptr<const AnswerFile> AnswerFiles::make(std::string_view head, cache::Reader& body) {
  const std::uint64_t total = head.size() + body.body_bytes();
  if (!has_room(total)) return nullptr;
  auto file = memfd::create("weir-answer", total);
  if (!file || !write_all(file->get(), head, 0)) return nullptr;
  for (std::uint64_t at = head.size(); at < total;) {
    const std::string_view part = body.read(at - head.size());
    if (part.empty() || !write_all(file->get(), part, at)) return nullptr;
    at += part.size();
  }
  if (!memfd::freeze(file->get())) return nullptr;
  return std::shared_ptr<const AnswerFile>(new AnswerFile(std::move(*file), total, *this));
}

}  // namespace weir
