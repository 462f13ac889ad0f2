// Plan: all that is settled before the first request: made once, read by every worker.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "http/message.h"
#include "os/address.h"
#include "tls/upstream_context.h"
#include "tools/load/options.h"

namespace weir::load {

struct Plan {
  Options options;
  Address address;
  Method method = Method::get;
  std::string request;                        // head and body, as they are sent
  std::unique_ptr<tls::UpstreamContext> tls;  // null: plain
  bool verified = false;                      // the server's certificate is
  bool development = false;                   // it is weir's own for development
  std::chrono::steady_clock::time_point start;

  std::chrono::steady_clock::time_point end() const { return start + options.duration; }
};

// The bytes of the request. Empty: one of its parts can't be sent, with the reason in `error`.
std::string write_request(const Options& options, std::string& error);

// Resolves, looks at the certificate, prepares TLS. False, with the reason in `error`.
bool prepare(Options options, Plan& out, std::string& error);

// The descriptors a run may need at once, in one worker.
std::uint64_t descriptors_needed(const Options& options);

}  // namespace weir::load
