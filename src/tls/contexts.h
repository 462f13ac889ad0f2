// Contexts: everything TLS of one configuration, made by the master before fork (it may read the
// keys, workers may not) from the bytes that were validated, never from the disk. Workers inherit
// it and do not change it.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "conf/inputs.h"
#include "conf/load.h"
#include "conf/model.h"
#include "shm/ticket_keys.h"
#include "tls/pem.h"
#include "tls/server_context.h"
#include "tls/upstream_context.h"

namespace weir::tls {

class Contexts {
 public:
  struct Options {
    // The pair for `ssl_certificate = auto` (auto_pair()). Empty: a throwaway is made, as the
    // validator and -t do, which write nothing.
    PemPair automatic;
    const shm::TicketKeys* ticket_keys = nullptr;  // null: no tickets; else outlives the contexts
  };

  // Null when a diagnostic is an error; all of them are found in one go.
  static std::unique_ptr<Contexts> make(const conf::Config& config, conf::Inputs& inputs,
                                        const Options& options,
                                        std::vector<conf::Diagnostic>& diagnostics);
  Contexts& operator=(Contexts&&) = delete;

  // For the connections of a listen address with ssl; null where there is none.
  const ListenContext* listen(const Address& address) const;
  // For an upstream with `ssl = on`; null for another.
  UpstreamContext* upstream(const conf::UpstreamConf& upstream) const;
  std::size_t server_contexts() const { return servers_.size(); }  // after sharing

 private:
  Contexts() = default;
  friend class ContextsBuilder;

  std::vector<std::unique_ptr<ServerContext>> servers_;
  std::unordered_map<Address, ListenContext> listens_;
  std::unordered_map<const conf::UpstreamConf*, std::unique_ptr<UpstreamContext>> upstreams_;
};

// Whether any server wants the pair of auto_pair().
bool wants_automatic_pair(const conf::Config& config);

}  // namespace weir::tls
