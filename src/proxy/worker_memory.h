// WorkerMemory: the most that one worker allocates, worked out from the configuration. Everything
// that grows with traffic stands here; what a part adds it must add here too.
//
// Not counted: what the kernel holds for a socket (its buffers: net.ipv4.tcp_mem bounds them), and
// the program itself, which whoever asks has in memory already.
#pragma once

#include <cstdint>
#include <string>

#include "conf/model.h"

namespace weir {

// The most client connections of one worker that may open `files` descriptors.
std::size_t connections_of(const conf::MainConf& main, std::uint64_t files);

struct WorkerMemory {
  std::uint64_t connections = 0;
  std::uint64_t per_connection = 0;  // with a request that is being answered, ours alone
  std::uint64_t per_tls = 0;         // libssl's for a client connection; estimated; 0: no TLS
  std::uint64_t per_peer_tls = 0;    // libssl's for the connection to a peer
  std::uint64_t buffers = 0;         // buffer_pool_size
  std::uint64_t large_heads = 0;     // large_heads_size
  std::uint64_t coders = 0;          // compress_memory; 0: no location codes
  std::uint64_t peers = 0;           // idle connections to peers, and what is known of each peer
  std::uint64_t fixed = 0;

  std::uint64_t bytes() const;
  std::string text() const;  // the sum in words
};

WorkerMemory worker_memory(const conf::Config& config, std::uint64_t files);

}  // namespace weir
