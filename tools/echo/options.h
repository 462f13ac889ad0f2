// What weir-echo was asked to do: the command line, and with --steer a request's own X-Echo field.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/address.h"

namespace weir::echo {

// How one answer is made. The command line's is the default for every request.
struct Behaviour {
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  std::chrono::milliseconds delay{0};  // before the answer's first byte
  std::uint16_t status = 200;
  bool sized = false;  // a body of `size` bytes instead of JSON
  std::uint64_t size = 0;
  bool chunked = false;                     // framing by chunks instead of Content-Length
  bool close = false;                       // Connection: close
  bool early = false;                       // answer without reading the request's body
  std::uint64_t drip_bytes = 0;             // the body in pieces of so many bytes; 0: at once
  std::chrono::milliseconds drip_every{0};  // with a pause of so long between them
  std::uint64_t cut = never;                // the connection ends after so many body bytes
  std::string cache_control;                // empty: no such field
  std::vector<std::pair<std::string, std::string>> fields;
};

struct Options {
  enum class Action : unsigned char { serve, help, version };
  Action action = Action::serve;
  std::vector<Address> addresses;
  bool debug = false;  // the port stands in the answer
  bool open = false;   // answer anybody
  bool log = false;    // a line per request
  bool steer = false;  // obey X-Echo
  std::string obey;    // a file with words as X-Echo has them; empty: none
  bool tls = false;
  std::string certificate_file, key_file;  // empty: made at start, in memory
  unsigned error_percent = 0;
  std::uint16_t health_status = 200;  // of /health
  Behaviour behaviour;
};

struct Parsed {
  Options options;
  std::string error;  // not empty: what is wrong with the arguments
};
Parsed parse_options(int argc, char* const* argv);
std::string usage();

// "status=503 delay=1s close ...": the value of X-Echo. Unknown words are an error, for the sake of
// whoever misspelt one.
Result<Ok> steer(std::string_view words, Behaviour& out);

}  // namespace weir::echo
