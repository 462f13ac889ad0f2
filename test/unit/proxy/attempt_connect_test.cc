#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "os/fd.h"
#include "proxy/attempt.h"
#include "test/unit/support/bodies.h"
#include "test/unit/support/proxy_bench.h"

using namespace weir;
using namespace std::chrono_literals;

namespace {

struct Owner final : AttemptOwner {
  test::RecordingSink sink;
  int status = 0;
  bool done = false, failed = false;

  void on_continue(Attempt&) override {}
  void on_informational(Attempt&, const ResponseHead&) override {}
  BodySink& on_response(Attempt&, ResponseHead& head, const BodyFraming&) override {
    status = head.status;
    return sink;
  }
  void on_upgrade(Attempt&, ResponseHead&, std::string_view, std::unique_ptr<Transport>,
                  std::string_view) override {}
  void on_failed(Attempt&, const AttemptError&) override { failed = true; }
  void on_done(Attempt&) override { done = true; }
};

}  // namespace

TEST_CASE("attempt: an answer that comes in the edge that ends the connecting is read") {
  const Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = *Address::parse("127.0.0.1:0");
  REQUIRE(::bind(listening.get(), any.data(), any.size()) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  const auto config = test::load_config(
      "[upstream origin]\nserver = " + Address::local_of(listening.get())->to_string() +
      "\n[server web]\nlisten = 127.0.0.1:9\nupstream = origin\n");

  Loop loop;
  BufferPool buffers{std::size_t{1} << 20};
  Arena arena;
  Group group(loop, config->upstreams.front(), nullptr);
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.fields.add(FieldId::host, "a");
  ResponseHead answer;
  Owner owner;
  const AttemptRequest request{.head = head,
                               .target = "/",
                               .conf = config->servers.front().base,
                               .answer = answer,
                               .connect_timeout = 5s};
  Attempt attempt(loop, buffers, arena, group, *group.peers().front(), request, owner);
  attempt.start();
  // Loopback has connected by now; the loop has not looked yet when the answer is there as well.
  const Fd origin(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(origin);
  constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  REQUIRE(::send(origin.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
  for (int turns = 0; turns < 100 && !owner.done && !owner.failed; ++turns) loop.turn(10ms);
  CHECK(owner.done);
  CHECK(owner.status == 200);
  CHECK(owner.sink.text() == "ok");
}
