#include "cache/disk_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cache/chunk.h"
#include "shm/zone.h"

namespace weir::cache {
namespace {

constexpr char journal_name[] = "journal", journal_part[] = "journal.part", lock_name[] = "lock";
constexpr std::string_view whole_end = ".weir", part_end = ".part";
constexpr std::size_t digits = 16;
constexpr unsigned subfolders = 256;
constexpr std::uint64_t journal_least = 256U << 10;  // from there on it is written anew
constexpr std::uint64_t journal_most = 64U << 20;

struct JournalHead {
  std::uint64_t magic_number;
  std::uint64_t sum;  // of what follows
  std::uint64_t secret[2];
};
constexpr std::uint64_t journal_magic = 0x31'6c'6e'6a'72'69'65'77;  // "weirjnl1"

std::string file_name(std::uint64_t name, std::string_view end) {
  return fmt::format("{:02x}/{:016x}{}", name >> 56, name, end);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  if (text.size() != digits) return std::nullopt;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return number;
}

int write_all(int fd, std::span<const std::string_view> parts) {
  constexpr std::size_t at_a_time = 64;
  std::array<iovec, at_a_time> vectors;
  std::size_t part = 0, done = 0;  // of that part
  while (part < parts.size()) {
    int count = 0;
    for (std::size_t i = part; i < parts.size() && i < part + at_a_time; ++i) {
      const std::string_view it = i == part ? parts[i].substr(done) : parts[i];
      vectors[static_cast<std::size_t>(count++)] = {const_cast<char*>(it.data()), it.size()};
    }
    const ssize_t wrote = ::writev(fd, vectors.data(), count);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    done += static_cast<std::size_t>(wrote);
    while (part < parts.size() && done >= parts[part].size()) done -= parts[part++].size();
    if (wrote == 0 && part < parts.size()) return ENOSPC;
  }
  return 0;
}

std::string_view text_of(const shm::Id128& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

}  // namespace

DiskFolder::Opened DiskFolder::open(const std::string& path, const shm::Id128& zone,
                                    std::uint64_t first) {
  close();
  Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Opened::failed;
  Fd lock(::openat(root.get(), lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return Opened::failed;
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? Opened::busy : Opened::failed;
  }
  root_ = std::move(root);
  lock_ = std::move(lock);
  std::string bytes;
  const int failed = read_journal(bytes);
  if (failed != 0 && failed != ENOENT) {
    close();
    errno = failed;
    return Opened::failed;
  }
  const bool taken = failed == 0 && take_journal(bytes);
  const bool set_back = purges_.zone() != zone && purges_.newest() >= first;
  if ((!taken || set_back) && !begin_anew()) {
    const int why = errno;
    close();
    errno = why;
    return Opened::failed;
  }
  if (purges_.zone() != zone) {
    note({PurgeRecord::Kind::zone, false, first, 0, text_of(zone)});
    if (const int why = write_journal(std::nullopt); why != 0) {
      close();
      errno = why;
      return Opened::failed;
    }
  }
  return Opened::done;
}

void DiskFolder::close() {
  root_.reset();
  journal_.reset();
  lock_.reset();
  purges_ = {};
  unwritten_.clear();
  began_anew_ = unsynced_ = false;
}

// --- files

Fd DiskFolder::open_file(std::uint64_t name) const {
  // Not blocking: what lies there may be a pipe.
  Fd fd(::openat(root_.get(), file_name(name, whole_end).c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat is {};
  if (!fd || ::fstat(fd.get(), &is) != 0) return {};
  if (S_ISREG(is.st_mode)) return fd;
  errno = 0;
  return {};
}

int DiskFolder::write_file(std::uint64_t name, std::span<const std::string_view> parts) const {
  const std::string part = file_name(name, part_end), whole = file_name(name, whole_end);
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(root_.get(), part.c_str(), flags, 0600));
  if (!fd && errno == ENOENT) {
    ::mkdirat(root_.get(), part.substr(0, 2).c_str(), 0700);
    fd = Fd(::openat(root_.get(), part.c_str(), flags, 0600));
  }
  if (!fd) return errno;
  int failed = write_all(fd.get(), parts);
  // Where there are quotas, or a network in between, what failed is said only here.
  if (::close(fd.release()) != 0 && failed == 0) failed = errno;
  if (failed == 0 && ::renameat(root_.get(), part.c_str(), root_.get(), whole.c_str()) != 0) {
    failed = errno;
  }
  if (failed != 0) ::unlinkat(root_.get(), part.c_str(), 0);
  return failed;
}

bool DiskFolder::remove_file(std::uint64_t name) const {
  return ::unlinkat(root_.get(), file_name(name, whole_end).c_str(), 0) == 0 || errno == ENOENT ||
         errno == ENOTDIR || errno == EISDIR;
}

// --- the journal

int DiskFolder::read_journal(std::string& out) const {
  const Fd fd(::openat(root_.get(), journal_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat is {};
  if (!fd || ::fstat(fd.get(), &is) != 0) return errno;
  if (!S_ISREG(is.st_mode) || is.st_size > static_cast<off_t>(journal_most)) return 0;  // damaged
  out.resize(static_cast<std::size_t>(is.st_size));
  std::size_t at = 0;
  while (at < out.size()) {
    const ssize_t got = ::read(fd.get(), out.data() + at, out.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  out.resize(at);
  return 0;
}

// All of it or nothing: behind what is damaged there may have been a purge.
bool DiskFolder::take_journal(std::string_view bytes) {
  JournalHead head;
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  const std::string_view secret(reinterpret_cast<const char*>(head.secret), sizeof head.secret);
  if (head.magic_number != journal_magic || head.sum != checksum64(secret)) return false;
  std::string_view rest = bytes.substr(sizeof head);
  while (!rest.empty()) {
    PurgeRecord record;
    if (!take_record(rest, record)) return false;
    purges_.add(record);
  }
  secret_ = {head.secret[0], head.secret[1]};
  journal_ = Fd(::openat(root_.get(), journal_name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  journal_bytes_ = rewritten_bytes_ = bytes.size();
  return static_cast<bool>(journal_);
}

bool DiskFolder::begin_anew() {
  purges_ = {};
  const shm::Id128 random = shm::random_id();
  std::memcpy(&secret_, random.data(), sizeof secret_);
  began_anew_ = true;
  const int failed = rewrite_journal();
  errno = failed;
  return failed == 0;
}

int DiskFolder::rewrite_journal() {
  JournalHead head{journal_magic, 0, {secret_.low, secret_.high}};
  head.sum = checksum64({reinterpret_cast<const char*>(head.secret), sizeof head.secret});
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  purges_.write(bytes);
  Fd fd(::openat(root_.get(), journal_part,
                 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return errno;
  const std::string_view all = bytes;
  if (const int failed = write_all(fd.get(), {&all, 1}); failed != 0) return failed;
  // Before it takes the old one's place: after a crash of the machine one of them is whole.
  if (::fdatasync(fd.get()) != 0) return errno;
  if (::renameat(root_.get(), journal_part, root_.get(), journal_name) != 0) return errno;
  journal_ = std::move(fd);
  journal_bytes_ = rewritten_bytes_ = bytes.size();
  unwritten_.clear();
  unsynced_ = false;
  return 0;
}

void DiskFolder::note(const PurgeRecord& record) {
  purges_.add(record);
  append_record(record, unwritten_);
}

bool DiskFolder::journal_is_long() const {
  return journal_bytes_ + unwritten_.size() >= std::max(journal_least, 2 * rewritten_bytes_);
}

int DiskFolder::write_journal(std::optional<std::uint64_t> oldest) {
  if (unwritten_.empty()) return 0;
  const std::uint64_t bytes = journal_bytes_ + unwritten_.size();
  if (journal_is_long()) {
    if (oldest) purges_.forget_before(*oldest);
    return rewrite_journal();
  }
  const std::string_view all = unwritten_;
  const int failed = write_all(journal_.get(), {&all, 1});
  if (failed != 0) {
    // Half a record must not stay: all that comes after it could not be read.
    if (::ftruncate(journal_.get(), static_cast<off_t>(journal_bytes_)) != 0) rewrite_journal();
    return failed;
  }
  journal_bytes_ = bytes;
  unwritten_.clear();
  unsynced_ = true;
  return 0;
}

void DiskFolder::sync_journal() {
  if (!unsynced_) return;
  unsynced_ = ::fdatasync(journal_.get()) != 0;
}

// --- listing

bool DiskFolder::Listing::open_next() {
  while (at_ < subfolders) {
    const std::string name = fmt::format("{:02x}", at_++);
    Fd fd(::openat(folder_.root_.get(), name.c_str(),
                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) continue;
    stream_.reset(::fdopendir(fd.get()));
    if (stream_ == nullptr) continue;
    fd.release();
    return true;
  }
  return false;
}

std::optional<DiskFolder::Listing::Found> DiskFolder::Listing::next() {
  while (stream_ != nullptr || open_next()) {
    const dirent* const found = ::readdir(stream_.get());
    if (found == nullptr) {
      stream_.reset();
      continue;
    }
    const std::string_view text = found->d_name;
    if (text.size() != digits + whole_end.size()) continue;
    const std::string_view end = text.substr(digits);
    const auto number = number_of(text.substr(0, digits));
    // In another subfolder it could not be found, and so is not ours.
    if (!number || *number >> 56 != at_ - 1 || (end != whole_end && end != part_end)) continue;
    return Found{*number, end == part_end};
  }
  return std::nullopt;
}

void DiskFolder::Listing::remove_part(std::uint64_t name) const {
  ::unlinkat(folder_.root_.get(), file_name(name, part_end).c_str(), 0);
}

}  // namespace weir::cache
