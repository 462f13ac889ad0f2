#include "proxy/worker_memory.h"

#include <doctest/doctest.h>

#include "proxy/h1_session.h"
#include "test/unit/support/proxy_bench.h"

using namespace weir;
using namespace weir::test;

namespace {

WorkerMemory memory_of(const std::string& main, const std::string& more = {}) {
  const auto config = load_config("[main]\n" + main + "\n[upstream o]\nserver = 127.0.0.1:1\n" +
                                  more + "\n[server web]\nlisten = 127.0.0.1:8080\nupstream = o\n");
  return worker_memory(*config, 20'000);
}

}  // namespace

TEST_CASE("worker memory: each thing that can grow is in the sum") {
  const WorkerMemory plain = memory_of("worker_connections = 1000");
  CHECK(plain.connections == 1000);
  CHECK(plain.per_connection > sizeof(H1Session) + ExchangeMemory::chunk_bytes);
  CHECK(plain.per_peer_tls == 0);
  CHECK(memory_of("worker_connections = 2000").bytes() - plain.bytes() >=
        1000 * plain.per_connection);
  CHECK(memory_of("worker_connections = 1000\nbuffer_pool_size = 257m").bytes() - plain.bytes() ==
        1 << 20);
  CHECK(memory_of("worker_connections = 1000\nlarge_heads_size = 72m").bytes() - plain.bytes() ==
        9 << 20);  // an eighth more for the allocator
  CHECK(memory_of("worker_connections = 1000", "keepalive = 1000").peers > plain.peers);
  CHECK(plain.coders == 0);
  for (const char* coding : {"compress = gzip", "decompress = on"}) {
    const auto with = [coding](const char* memory) {
      return memory_of(std::string("worker_connections = 1000\n") + memory,
                       std::string("[server coded]\nlisten = 127.0.0.1:8081\n") + coding);
    };
    CHECK(with("compress_memory = 99m").coders == 99 << 20);
    CHECK(with("compress_memory = 99m").bytes() - with("compress_memory = 98m").bytes() == 1 << 20);
    CHECK(with("").per_connection > plain.per_connection);
    CHECK(with("").text().ends_with(" + compress_memory 256 MiB"));
  }
  const WorkerMemory tls =
      memory_of("worker_connections = 1000", "ssl = on\nssl_insecure_skip_verify = on");
  CHECK(tls.per_peer_tls > 0);
  CHECK(tls.bytes() > plain.bytes());
}

TEST_CASE("worker memory: without worker_connections the limit on open files says how many") {
  CHECK(memory_of("").connections == (20'000 - 128) / 2);
  const auto config = load_config("[main]\n[server web]\nlisten = 127.0.0.1:8080\nreturn = 204\n");
  CHECK(connections_of(config->main, 100) == 64);
}
