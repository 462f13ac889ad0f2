#include "test/fuzz/proxy/judge.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/plain_path.h"
#include "test/fuzz/proxy/world.h"

namespace weir::fuzz {
namespace {

// Three, each perhaps on a pooled connection that had died and then on a fresh one.
constexpr unsigned tries_max = 6;

constexpr std::string_view right_key = "test-api-key-123";

std::size_t number_in(const StrictMessage& message, std::string_view field) {
  const auto number = parse_decimal(message.last_value(field));
  check(number && *number > 0);
  return static_cast<std::size_t>(*number);
}

bool in_good_order(const Wire& wire) { return wire.closed && !wire.cut && !wire.reset; }

// Only what concerns the next hop, in words that it must know.
void check_hop(const StrictMessage& message) {
  for (const auto& [name, value] : message.fields) {
    check(name != "keep-alive" && name != "proxy-connection" && name != "proxy" &&
          name != "http2-settings" && name != "trailer");
    if (name != "connection") continue;
    for (const std::string& word : list_words(value))
      check(word == "close" || word == "keep-alive" || word == "upgrade" || word == "te");
  }
  check(message.count("content-length") + message.count("transfer-encoding") <= 1);
  check((message.count("upgrade") > 0) == message.lists("connection", "upgrade"));
}

struct PathAndQuery {
  std::string path, query;  // the query with its '?'
};
PathAndQuery split_target(std::string_view target) {
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != target.npos) {
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  const auto mark = std::min(target.find('?'), target.size());
  PathAndQuery out{std::string(target.substr(0, mark)), std::string(target.substr(mark))};
  if (out.path.empty()) out.path = "/";
  return out;
}

}  // namespace

Judge::Judge(const Kernel& kernel, const std::vector<LogLine>& log) : log_(log) {
  for (const Wire* wire : kernel.clients()) read_client(*wire);
  for (const Wire* wire : kernel.origins()) read_origin(*wire);
}

// --- reading

void Judge::read_client(const Wire& wire) {
  Client& client = clients_.emplace_back(Client{&wire, {}, {}, {}, {}});
  std::string_view input = wire.input, output = wire.output;
  while (!input.empty()) {
    const StrictMessage& request = client.requests.emplace_back(strict_request(input));
    const bool answered = read_answer(client, output);
    const bool over = answered && client.answers.back().kind == StrictMessage::Kind::tunnel;
    if (over) client.to_tunnel = input.substr(request.size), client.from_tunnel = output;
    if (over || !answered || request.head != Part::whole || request.all != Part::whole) break;
    input.remove_prefix(request.size);
  }
  check(output.empty() || client.from_tunnel.data() == output.data());
}

// The answer to the last request, with what came in front of it.
bool Judge::read_answer(Client& client, std::string_view& output) const {
  const StrictMessage& request = client.requests.back();
  const bool known = request.head == Part::whole;
  const std::string_view method = request.start[0];
  for (;;) {
    if (output.empty()) return false;
    StrictMessage answer = strict_response(output, method, in_good_order(*client.wire));
    check(answer.head != Part::bad);
    if (answer.head == Part::partial) {  // its connection broke
      output = {};
      return false;
    }
    const unsigned status = answer.status();
    if (status < 200 && status != 101) {
      check(known && request.start[2] == "HTTP/1.1");
      output.remove_prefix(answer.size);
      continue;
    }
    check(answer.all != Part::bad);
    if (answer.all == Part::partial) answer.size = output.size();  // cut in a chunk's head, say
    check_hop(answer);
    check(number_in(answer, "x-req") == client.requests.size());
    check(clients_.size() == number_in(answer, "x-conn"));
    const bool last = !known || answer.lists("connection", "close") || status == 101 ||
                      answer.all != Part::whole ||
                      (request.start[2] == "HTTP/1.0" && !answer.lists("connection", "keep-alive"));
    if (!known) {
      check(status >= 400 && answer.lists("connection", "close"));
      // Whether such a HEAD was understood as one can't be told from here.
      if (method == "HEAD") answer.size = output.size();
    }
    output.remove_prefix(answer.size);
    check(!last || status == 101 || output.empty());
    client.answers.push_back(std::move(answer));
    return true;
  }
}

void Judge::read_origin(const Wire& wire) {
  std::string_view output = wire.output, input = wire.input;
  while (!output.empty()) {
    Served served{&wire, 0, 0, strict_request(output), {}, {}, {}};
    const StrictMessage& request = served.request;
    check(request.head != Part::bad && request.all != Part::bad);
    if (request.head ==
        Part::partial) {  // it may be answered all the same; whose it was is unknown
      const StrictMessage early = strict_response(input, "GET", wire.ended && !wire.reset);
      if (early.head == Part::whole) early_.push_back(early.status());
      return;
    }
    served.client = number_in(request, "x-conn") - 1;
    served.index = number_in(request, "x-req") - 1;

    // All that the origin had said so far was read before, and is whole answers.
    const std::size_t at = wire.output.size() - output.size();
    const auto mark = std::find_if(wire.marks.begin(), wire.marks.end(),
                                   [&](const Wire::Mark& it) { return it.output == at; });
    check(mark != wire.marks.end() && mark->read == wire.input.size() - input.size());

    do {
      served.answer = strict_response(input, request.start[0], wire.ended && !wire.reset);
      if (served.answer.head != Part::whole) break;
      input.remove_prefix(served.answer.size);
    } while (served.answer.status() < 200 && served.answer.status() != 101);
    output.remove_prefix(request.all == Part::whole ? request.size : output.size());
    const bool tunnel = served.answer.kind == StrictMessage::Kind::tunnel &&
                        served.answer.head == Part::whole && request.count("upgrade") > 0;
    const bool usable = served.answer.head == Part::whole && served.answer.all == Part::whole &&
                        served.answer.kind != StrictMessage::Kind::until_close;
    if (tunnel) served.to_tunnel = output, served.from_tunnel = input;
    served_.push_back(std::move(served));
    if (tunnel) return;
    check(output.empty() || usable);
  }
}

// --- judging

void Judge::all() const {
  std::map<std::pair<std::size_t, std::size_t>, unsigned> taken;
  for (const Served& served : served_) {
    check_request(served);
    const unsigned count = ++taken[{served.client, served.index}];
    const bool first = count == 1;
    check(count <= tries_max);
    const std::string_view method = served.request.start[0];
    check(first || method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
          method == "DELETE");
  }
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    for (std::size_t j = 0; j < clients_[i].answers.size(); ++j) check_answer(i, j);
  }
  check_log();
}

void Judge::check_request(const Served& served) const {
  check(served.client < clients_.size());
  const Client& client = clients_[served.client];
  // One at a time: the answers before it are out.
  check(served.index < client.requests.size() && served.index <= client.answers.size());
  const StrictMessage& asked = client.requests[served.index];
  const StrictMessage& sent = served.request;
  check(asked.head == Part::whole);
  check(sent.start[0] == asked.start[0] && sent.start[2] == "HTTP/1.1");
  check(sent.kind == asked.kind);
  check(std::string_view(asked.body).starts_with(sent.body));
  if (sent.all == Part::whole) {
    check(asked.all == Part::whole && sent.body == asked.body);
    for (const std::string& line : sent.trailers)
      check(std::find(asked.trailers.begin(), asked.trailers.end(), line) != asked.trailers.end());
  }
  check_target(served, asked);
  check_fields(served, asked);
}

void Judge::check_target(const Served& served, const StrictMessage& asked) const {
  if (asked.start[1] == "*") return check(served.request.start[1] == "*");
  const PathAndQuery from = split_target(asked.start[1]),
                     to = split_target(served.request.start[1]);
  const std::string host = lower_case(served.request.value("host"));
  const bool other = host.substr(0, host.find(':')).ends_with(".other");
  const bool app = served.wire->peer.kind() == Address::Kind::ipv4;
  const TargetRules rules{.merge_slashes = !other, .reject_encoded_slash = other};
  std::string wanted = plain_normal(from.path, rules);
  check(!wanted.empty());
  check(other ? !app : app != wanted.starts_with("/local"));
  const bool rewritten = !other && wanted.starts_with("/old/");
  if (rewritten) wanted = "/new/" + wanted.substr(5);
  check(to.path == wanted || (!rewritten && to.path == from.path));
  check(to.query == from.query);
  if (other) return;
  check(served.request.value("x-uri") == wanted);
  check(!wanted.starts_with("/text") && !wanted.starts_with("/moved") && wanted != "/nothing");
  if (wanted.starts_with("/small")) check(served.request.body.size() <= 10);
  if (wanted.starts_with("/guarded")) check(asked.value("x-api-key") == right_key);
}

void Judge::check_fields(const Served& served, const StrictMessage& asked) const {
  const StrictMessage& sent = served.request;
  check_hop(sent);
  check(sent.count("host") == 1 && sent.count("x-conn") == 1 && sent.count("x-req") == 1);
  check(sent.count("x-forwarded-for") == 1 && sent.count("via") <= 1);
  check(sent.value("te").empty() || sent.value("te") == "trailers");
  if (served.request.value("x-uri").starts_with("/guarded")) check(sent.count("x-api-key") == 0);
  for (const auto& [name, value] : asked.fields) {
    if (name != "connection") continue;
    for (const std::string& word : list_words(value)) {
      const bool ours = word == "connection" || word == "te" || word == "upgrade" ||
                        word == "content-length" || word == "transfer-encoding" ||
                        word == "x-conn" || word == "x-req" || word == "x-uri";
      check(ours || sent.count(word) == 0);
    }
  }
}

void Judge::check_answer(std::size_t client, std::size_t index) const {
  const StrictMessage& got = clients_[client].answers[index];
  const bool from_origin = got.lists("via", "1.1 weir") || got.lists("via", "1.0 weir");
  if (!from_origin) {
    const unsigned status = got.status();
    check(status == 200 || status == 301 || status >= 400);
    return check(got.all == Part::whole || !in_good_order(*clients_[client].wire) ||
                 got.body.size() < 4096);
  }
  // It is one of those that the peers gave, if several were asked.
  const auto is_source = [&](const Served& served) {
    return served.client == client && served.index == index && served.answer.head == Part::whole &&
           served.answer.status() == got.status() &&
           std::string_view(served.answer.body).starts_with(got.body) &&
           (got.all != Part::whole ||
            (served.answer.all == Part::whole && served.answer.body == got.body));
  };
  const auto source = std::find_if(served_.begin(), served_.end(), is_source);
  if (source == served_.end()) {
    return check(std::find(early_.begin(), early_.end(), got.status()) != early_.end());
  }
  if (got.kind != StrictMessage::Kind::tunnel) return;
  const Client& it = clients_[client];
  check(source->from_tunnel.starts_with(it.from_tunnel));
  check(it.to_tunnel.starts_with(source->to_tunnel));
}

void Judge::check_log() const {
  std::map<std::uint64_t, std::uint64_t> bytes;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (const LogLine& line : log_) {
    check(line.connection > 0 && line.connection <= clients_.size());
    check(line.request > 0 && seen.emplace(line.connection, line.request).second);
    bytes[line.connection] += line.bytes;
    const Client& client = clients_[line.connection - 1];
    if (line.request > client.answers.size()) continue;
    check(client.answers[line.request - 1].status() == line.status);
  }
  for (std::size_t i = 0; i < clients_.size(); ++i)
    check(bytes[i + 1] == clients_[i].wire->output.size());
}

}  // namespace weir::fuzz
