// The process core with an application that hangs or dies when asked to: what becomes of a query of
// death and of a worker that is stuck.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "os/fd.h"
#include "os/socket.h"
#include "process/boot.h"
#include "process/control_client.h"
#include "test/fault/answerer.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

// The thread sanitizer's runtime has a thread of its own, which a forking master does not bear.
#ifdef __SANITIZE_THREAD__
constexpr bool cannot_fork = true;
#else
constexpr bool cannot_fork = false;
#endif

bool within(milliseconds limit, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));  // the interval of asking
  }
  return true;
}

// An instance with the Answerer, in a folder of its own, ended by the destructor.
class TestInstance {
 public:
  explicit TestInstance(const std::string& main) {
    REQUIRE(::mkdtemp(folder_) != nullptr);
    REQUIRE(::chmod(folder_, 0777) == 0);
    std::ofstream(path("weir.ini")) << "[main]\ndaemon = off\npid = pid\nstate_path = .\n"
                                       "error_log = error.log info\nworker_processes = 2\n"
                                    << main
                                    << "\n[server web]\nlisten = unix:web.sock mode=0666\n"
                                       "return = 200 ok\n";
    options_.prefix = folder_;
    options_.file = "weir.ini";
    pid_ = ::fork();
    if (pid_ == 0) {
      test::Answerer answerer;
      ::_exit(run_instance(options_, answerer));
    }
    REQUIRE(within(milliseconds(10000), [&] { return get("/") == "HTTP/1.1 200 OK"; }));
  }
  ~TestInstance() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == exit_ok);
    for (const char* file : {"weir.ini", "error.log"}) ::unlink(path(file).c_str());
    CHECK(::rmdir(folder_) == 0);  // nothing is left behind
  }
  TestInstance& operator=(TestInstance&&) = delete;

  // The status line; empty when the connection ended without one.
  std::string get(const std::string& target, milliseconds limit = milliseconds(2000)) const {
    const auto fd = connect_unix(path("web.sock"));
    if (!fd) return {};
    const timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
    ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    ::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL);
    char bytes[512];
    const ssize_t got = ::recv(fd->get(), bytes, sizeof bytes, 0);
    const std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.substr(0, text.find('\r'));
  }
  bool logs(const std::string& words, milliseconds limit = milliseconds(10000)) const {
    return within(limit, [&] {
      std::stringstream text;
      text << std::ifstream(path("error.log")).rdbuf();
      return text.str().find(words) != std::string::npos;
    });
  }

 private:
  std::string path(const std::string& file) const { return std::string(folder_) + "/" + file; }

  char folder_[32] = "/tmp/weir-core-XXXXXX";
  Options options_;
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a query of death is named, backs off, and others are served" *
          doctest::skip(cannot_fork)) {
  const TestInstance instance("");
  CHECK(instance.get("/crash").empty());
  CHECK(instance.logs("dies of signal 11"));
  CHECK(instance.logs("it was at: GET test /crash, answering; a new one starts at once"));
  for (int i = 0; i < 5; ++i) {
    instance.get("/crash");
    CHECK(instance.get("/") == "HTTP/1.1 200 OK");  // by the sibling, whatever the victim does
  }
  CHECK(instance.logs("a new one starts in 100 ms"));
}

TEST_CASE("a worker that is stuck is aborted with a stack and its request is named" *
          doctest::skip(cannot_fork)) {
  const TestInstance instance("worker_stall_timeout = 1s");
  CHECK(instance.get("/hang", milliseconds(50)).empty());
  CHECK(instance.logs("is silent for"));
  CHECK(instance.logs("it is at: GET test /hang, answering"));
  CHECK(instance.logs("is stuck for"));
  CHECK(instance.logs("dies of signal 6; stack:"));
  CHECK(instance.logs("(SIGABRT), of its own making; it was at: GET test /hang"));
  CHECK(instance.get("/") == "HTTP/1.1 200 OK");
}

}  // namespace weir::process
