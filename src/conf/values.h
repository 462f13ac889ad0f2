// The value types of the configuration, and Setting: a value that knows where it was written.
//
// Plain values. How they are read from text and printed again is in conf/parse_value.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace weir::conf {

// A line of a file of the configuration. `file` is an index into Config::files.
struct Where {
  static constexpr std::uint32_t nowhere = 0xffffffff;
  std::uint32_t file = nowhere;
  std::uint32_t line = 0;

  bool known() const { return file != nowhere; }  // false: a built-in default
  bool operator==(const Where&) const = default;
};

// One value, the line it came from, and whether that line stands in the section that was asked
// (false: inherited or default).
template <class T>
struct Setting {
  T value{};
  Where where{};
  bool explicit_ = false;

  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

using Duration = std::chrono::milliseconds;

struct Size {
  std::uint64_t bytes = 0;
  auto operator<=>(const Size&) const = default;
};

// "auto", or a number that is never 0.
struct AutoCount {
  std::uint32_t count = 0;  // 0: auto
  bool automatic() const { return count == 0; }
  bool operator==(const AutoCount&) const = default;
};

// A file that is written, absolute, or stderr.
struct LogFile {
  bool to_stderr = false;
  std::string path;
  bool operator==(const LogFile&) const = default;
};

struct ErrorLog {
  LogFile file;
  log::Level level = log::Level::notice;
  bool operator==(const ErrorLog&) const = default;
};

// A file that is read, absolute; its bytes are in the Inputs. Empty: none.
struct InputPath {
  std::string path;
  bool empty() const { return path.empty(); }
  bool operator==(const InputPath&) const = default;
};

// "off", or a folder that is written, absolute.
struct OptionalFolder {
  std::string path;  // empty: off
  bool empty() const { return path.empty(); }
  bool operator==(const OptionalFolder&) const = default;
};

// A file, folder or socket that is written, absolute. Empty: none.
struct OutputPath {
  std::string path;
  bool empty() const { return path.empty(); }
  bool operator==(const OutputPath&) const = default;
};

// What a slow client must do at least: `bytes_per_second` over each `window`, after `grace`,
// counted only while bytes are owed. 0: off.
struct MinRate {
  std::uint64_t bytes_per_second = 0;
  Duration window{};
  Duration grace{};
  bool operator==(const MinRate&) const = default;
};

struct TlsProtocols {
  bool tls12 = false, tls13 = false;
  bool operator==(const TlsProtocols&) const = default;
};

enum class Affinity : unsigned char { off, automatic };
enum class LogEscape : unsigned char { standard, json, none };

}  // namespace weir::conf
