#include "process/admin_http.h"

#include <doctest/doctest.h>

namespace weir::process {

TEST_CASE("admin: only GET and HEAD of two paths are answered") {
  const struct {
    const char* line;
    int status;
  } rows[] = {{"GET /status HTTP/1.1", 200},
              {"GET /status?x=1 HTTP/1.1", 200},
              {"HEAD /healthz HTTP/1.1", 200},
              {"POST /status HTTP/1.1", 405},
              {"DELETE /healthz HTTP/1.1", 405},
              {"GET / HTTP/1.1", 404},
              {"GET /status/ HTTP/1.1", 404},
              {"GET  /status HTTP/1.1", 400},
              {"nonsense", 400}};
  for (const auto& row : rows) {
    CAPTURE(row.line);
    CHECK(read_admin_request(std::string(row.line) + "\r\nHost: a\r\n\r\n").status == row.status);
  }
}

TEST_CASE("admin: the answer to HEAD has the length and no body") {
  const std::string whole = admin_answer(200, "text/plain", "ok\n", false);
  const std::string head = admin_answer(200, "text/plain", "ok\n", true);
  CHECK(whole == head + "ok\n");
  CHECK(head.find("Content-Length: 3\r\n") != head.npos);
  CHECK(head.ends_with("Connection: close\r\n\r\n"));
  CHECK(admin_answer(405, "text/plain", "", false).find("Allow: GET, HEAD\r\n") != head.npos);
}

}  // namespace weir::process
