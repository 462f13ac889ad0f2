// Inputs from the disk and from the system's resolver.
#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/handle.h"
#include "conf/inputs.h"
#include "os/fd.h"

namespace weir::conf {
namespace {

using AddressInfo = Handle<addrinfo, &freeaddrinfo>;

std::string error_text(int number) { return std::strerror(number); }

InputName resolve_now(const std::string& name) {
  InputName out;
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  const AddressInfo owner(found);
  if (result != 0) {
    out.error = result == EAI_SYSTEM ? error_text(errno) : gai_strerror(result);
    return out;
  }
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const Address address = Address::from(at->ai_addr, at->ai_addrlen);
    if (!address.is_ip()) continue;
    const bool known =
        std::find(out.addresses.begin(), out.addresses.end(), address) != out.addresses.end();
    if (!known) out.addresses.push_back(address);
  }
  return out;
}

// Work shared with the resolving threads. getaddrinfo() can't be cancelled: a thread that is late
// is left behind and keeps this alive.
struct Lookups {
  std::mutex mutex;
  std::condition_variable done;
  std::deque<std::string> waiting;
  std::map<std::string, InputName> answers;
};

void resolve_waiting(const std::shared_ptr<Lookups>& lookups) {
  std::unique_lock lock(lookups->mutex);
  while (!lookups->waiting.empty()) {
    const std::string name = std::move(lookups->waiting.front());
    lookups->waiting.pop_front();
    lock.unlock();
    InputName answer = resolve_now(name);
    lock.lock();
    lookups->answers[name] = std::move(answer);
    lookups->done.notify_all();
  }
}

class LiveSource final : public InputSource {
 public:
  explicit LiveSource(std::chrono::milliseconds limit) : limit_(limit) {}

  InputFile read(const std::string& path, std::size_t bytes_max) override;
  InputMatches match(const std::string& pattern) override;
  InputName resolve(const std::string& name) override;
  void prepare(const std::vector<std::string>& names) override;

 private:
  std::chrono::milliseconds limit_;  // what is left of it
  std::map<std::string, InputName> answers_;
};

InputFile LiveSource::read(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  InputFile out;
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    out.error = error_text(errno);
    return out;
  }
  if (!S_ISREG(status.st_mode)) {
    out.error = S_ISDIR(status.st_mode) ? error_text(EISDIR) : "Not a regular file";
    return out;
  }
  char block[65536];
  for (;;) {
    const ssize_t size = ::read(fd.get(), block, sizeof block);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      out.error = error_text(errno);
      out.bytes.clear();
      return out;
    }
    if (size == 0) return out;
    out.bytes.append(block, static_cast<std::size_t>(size));
    if (out.bytes.size() > bytes_max) return out;  // Inputs refuses it
  }
}

InputMatches LiveSource::match(const std::string& pattern) {
  InputMatches out;
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found);
  if (result == 0) {
    for (std::size_t at = 0; at < found.gl_pathc; ++at) out.paths.emplace_back(found.gl_pathv[at]);
  } else if (result == GLOB_ABORTED) {
    if (errno != ENOENT) out.error = error_text(errno);  // no such folder: nothing matches
  } else if (result != GLOB_NOMATCH) {
    out.error = error_text(ENOMEM);
  }
  globfree(&found);
  return out;
}

InputName LiveSource::resolve(const std::string& name) {
  if (answers_.find(name) == answers_.end()) prepare({name});
  return answers_.at(name);
}

void LiveSource::prepare(const std::vector<std::string>& names) {
  constexpr std::size_t threads_max = 16;
  const auto lookups = std::make_shared<Lookups>();
  for (const std::string& name : names) {
    const auto [at, is_new] = answers_.try_emplace(name);
    if (!is_new) continue;
    at->second.error = "no answer in time";
    lookups->waiting.push_back(name);
  }
  const std::size_t wanted = lookups->waiting.size();
  if (wanted == 0) return;
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(lookups->mutex);
  for (std::size_t left = std::min(threads_max, wanted); left > 0; --left) {
    std::thread([lookups] { resolve_waiting(lookups); }).detach();
  }
  lookups->done.wait_until(lock, start + limit_, [&] { return lookups->answers.size() == wanted; });
  lookups->waiting.clear();
  for (auto& [name, answer] : lookups->answers) answers_[name] = answer;
  lock.unlock();
  const auto used = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  limit_ -= std::min(limit_, used);
}

}  // namespace

std::unique_ptr<InputSource> live_source(std::chrono::milliseconds resolve_limit) {
  return std::make_unique<LiveSource>(resolve_limit);
}

}  // namespace weir::conf
