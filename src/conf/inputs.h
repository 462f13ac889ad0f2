// Inputs: every byte a configuration is made of: the files (main, included, certificates, keys),
// what the include patterns matched, and what the names of upstream servers resolved to.
//
// Each input is asked of the source once and kept, so that a second reader sees the same bytes. The
// validator child reads live inputs (disk and DNS) and hands them to the master as a snapshot; the
// master loads again from the snapshot alone, so nothing can change in between, and the privileged
// process neither waits for DNS nor trusts what the child concluded. Not thread-safe. References
// stay valid as long as the Inputs.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/address.h"

namespace weir::conf {

struct InputFile {
  std::string bytes;
  std::string error;  // empty: it was read; else why not ("No such file or directory")
  bool ok() const { return error.empty(); }
};

struct InputMatches {
  std::vector<std::string> paths;  // sorted, absolute
  std::string error;
};

struct InputName {
  std::vector<Address> addresses;  // port 0, in the resolver's order, each once
  std::string error;               // set when there are none
};

// Where inputs come from. Paths are absolute.
class InputSource {
 public:
  InputSource() = default;
  InputSource(const InputSource&) = delete;
  InputSource& operator=(const InputSource&) = delete;
  virtual ~InputSource() = default;

  virtual InputFile read(const std::string& path, std::size_t bytes_max) = 0;
  virtual InputMatches match(const std::string& pattern) = 0;
  virtual InputName resolve(const std::string& name) = 0;
  // These names are about to be resolved: a source may ask for all of them at the same time.
  virtual void prepare(const std::vector<std::string>& names);
};

// Disk and the system's resolver. All names together get `resolve_limit`; those that have no answer
// by then are dead. Resolving uses a helper thread: for short-lived processes (the validator, -t).
std::unique_ptr<InputSource> live_source(
    std::chrono::milliseconds resolve_limit = std::chrono::seconds(5));

class Inputs {
 public:
  static constexpr std::size_t bytes_max = std::size_t{64} << 20;  // of all files together

  // Without a source only what is already there can be had: any other input is an error.
  explicit Inputs(std::unique_ptr<InputSource> source = nullptr);
  Inputs(Inputs&&) noexcept = default;
  Inputs& operator=(Inputs&&) noexcept = default;
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;
  ~Inputs() = default;

  const InputFile& file(const std::string& path);
  const InputMatches& match(const std::string& pattern);
  const InputName& resolve(const std::string& name);
  // Lets all these names be resolved at the same time; resolve() then has the answers.
  void prefetch(const std::vector<std::string>& names);

  // What was asked so far, for the master. parse() is strict: any wrong byte is an error.
  std::string serialise() const;
  static Result<Inputs> parse(std::string_view snapshot);

 private:
  std::unique_ptr<InputSource> source_;
  std::size_t bytes_left_ = bytes_max;
  std::map<std::string, InputFile, std::less<>> files_;
  std::map<std::string, InputMatches, std::less<>> matches_;
  std::map<std::string, InputName, std::less<>> names_;
};

}  // namespace weir::conf
