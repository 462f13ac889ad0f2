// What comes over the control socket and to [admin]: lines of JSON and heads of HTTP, and the
// validator's snapshot, as the master reads it.
#include <string>

#include "conf/inputs.h"
#include "process/admin_http.h"
#include "process/control_protocol.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

using namespace process;

void check_line(const std::string& line) {
  check(line.ends_with('\n') && line.find('\n') == line.size() - 1);
}

void run_control(std::string_view text) {
  if (const auto command = parse_request(text)) {
    check(text.size() <= control_line_max);
    const std::string line = request_line(*command);
    check_line(line);
    check(parse_request(line) == command);
  }
  if (const auto answer = parse_answer(text)) {
    const std::string line = answer_line(*answer);
    check_line(line);
    const auto again = parse_answer(line);
    check(again && again->ok == answer->ok && again->exit_code == answer->exit_code &&
          again->generation == answer->generation && again->error == answer->error &&
          again->report == answer->report && again->changes == answer->changes);
  }
  // Any bytes may stand in a message: a path, a line of a configuration.
  Answer told;
  told.error = told.report = std::string(text);
  told.changes.emplace_back(text);
  const std::string line = answer_line(told);
  check_line(line);
  check(parse_answer(line).has_value());
}

void run_admin(std::string_view text) {
  const AdminRequest request = read_admin_request(text);
  check(request.status == 200 || request.status == 400 || request.status == 404 ||
        request.status == 405);
  if (request.status == 200) check(request.path == "/status" || request.path == "/healthz");
  const std::string answer = admin_answer(request.status, "text/plain", text, request.head_only);
  const auto end = answer.find("\r\n\r\n");
  check(end != answer.npos);
  check(answer.substr(end + 4) == (request.head_only ? std::string_view{} : text));
}

void run_snapshot(std::string_view text) {
  if (const auto inputs = conf::Inputs::parse(text)) {
    const auto again = conf::Inputs::parse((*inputs).serialise());
    check(again && (*again).serialise() == (*inputs).serialise());
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(control) {
  if (input.size() > 65536) return;
  weir::fuzz::run_control(input);
  weir::fuzz::run_admin(input);
  weir::fuzz::run_snapshot(input);
}
