#include "conf/inputs.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::conf {
namespace {

constexpr std::string_view magic = "weir inputs 1\n";

// Numbers are 8 bytes, least first; a text is its length and its bytes.
class Writer {
 public:
  void number(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) out_ += static_cast<char>(value >> (8 * byte) & 0xff);
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void raw(std::string_view value) { out_ += value; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Parser {
 public:
  explicit Parser(std::string_view bytes) : rest_(bytes) {}

  bool raw(std::string_view expected) {
    if (!rest_.starts_with(expected)) return ok_ = false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (rest_.size() < 8) {
      ok_ = false;
      rest_ = {};
      return 0;
    }
    for (int byte = 0; byte < 8; ++byte) {
      value |= static_cast<std::uint64_t>(
                   static_cast<unsigned char>(rest_[static_cast<std::size_t>(byte)]))
               << (8 * byte);
    }
    rest_.remove_prefix(8);
    return value;
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  // A count of things of which each takes 8 bytes at least.
  std::uint64_t count() {
    const std::uint64_t value = number();
    if (value > rest_.size() / 8) ok_ = false;
    return ok_ ? value : 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  void fail() { ok_ = false; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

void InputSource::prepare(const std::vector<std::string>&) {}

Inputs::Inputs(std::unique_ptr<InputSource> source) : source_(std::move(source)) {}

const InputFile& Inputs::file(const std::string& path) {
  const auto [at, is_new] = files_.try_emplace(path);
  InputFile& file = at->second;
  if (!is_new) return file;
  if (source_ == nullptr) {
    file.error = "it is not in the snapshot";
    return file;
  }
  file = source_->read(path, bytes_left_);
  if (file.bytes.size() > bytes_left_) {
    file.bytes.clear();
    file.error = fmt::format("the configuration is larger than {} bytes", bytes_max);
  }
  bytes_left_ -= file.bytes.size();
  return file;
}

const InputMatches& Inputs::match(const std::string& pattern) {
  const auto [at, is_new] = matches_.try_emplace(pattern);
  if (!is_new) return at->second;
  if (source_ == nullptr) {
    at->second.error = "it is not in the snapshot";
    return at->second;
  }
  at->second = source_->match(pattern);
  std::sort(at->second.paths.begin(), at->second.paths.end());
  return at->second;
}

const InputName& Inputs::resolve(const std::string& name) {
  const auto [at, is_new] = names_.try_emplace(name);
  if (!is_new) return at->second;
  InputName& answer = at->second;
  if (source_ != nullptr) answer = source_->resolve(name);
  if (answer.addresses.empty() && answer.error.empty()) answer.error = "it has no address";
  return answer;
}

void Inputs::prefetch(const std::vector<std::string>& names) {
  if (source_ != nullptr && !names.empty()) source_->prepare(names);
}

std::string Inputs::serialise() const {
  Writer out;
  out.raw(magic);
  out.number(files_.size());
  for (const auto& [path, file] : files_) {
    out.text(path);
    out.text(file.bytes);
    out.text(file.error);
  }
  out.number(matches_.size());
  for (const auto& [pattern, matches] : matches_) {
    out.text(pattern);
    out.number(matches.paths.size());
    for (const std::string& path : matches.paths) out.text(path);
    out.text(matches.error);
  }
  out.number(names_.size());
  for (const auto& [name, answer] : names_) {
    out.text(name);
    out.number(answer.addresses.size());
    for (const Address& address : answer.addresses) out.text(address.ip());
    out.text(answer.error);
  }
  return out.take();
}

Result<Inputs> Inputs::parse(std::string_view snapshot) {
  Inputs out;
  Parser in(snapshot);
  in.raw(magic);
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    std::string path = in.text();
    InputFile file;
    file.bytes = in.text();
    file.error = in.text();
    if (!out.files_.emplace(std::move(path), std::move(file)).second) in.fail();
  }
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    std::string pattern = in.text();
    InputMatches matches;
    for (std::uint64_t paths = in.count(); paths > 0 && in.ok(); --paths) {
      matches.paths.push_back(in.text());
    }
    matches.error = in.text();
    if (!out.matches_.emplace(std::move(pattern), std::move(matches)).second) in.fail();
  }
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    std::string name = in.text();
    InputName answer;
    for (std::uint64_t addresses = in.count(); addresses > 0 && in.ok(); --addresses) {
      const auto address = Address::parse_ip(in.text());
      if (address)
        answer.addresses.push_back(*address);
      else
        in.fail();
    }
    answer.error = in.text();
    if (!out.names_.emplace(std::move(name), std::move(answer)).second) in.fail();
  }
  if (!in.ok() || !in.at_end()) return Error{Side::self, "the snapshot of the inputs is damaged"};
  return out;
}

}  // namespace weir::conf
