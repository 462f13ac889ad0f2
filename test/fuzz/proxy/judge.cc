#include "test/fuzz/proxy/judge.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "test/fuzz/fuzz.h"
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

}  // namespace

Judge::Judge(const Kernel& kernel, const std::vector<LogLine>& log, unsigned purged_all)
    : log_(log), purged_all_(purged_all) {
  for (const Wire* wire : kernel.clients()) read_client(*wire);
  for (const Wire* wire : kernel.origins()) read_origin(*wire);
}

// --- reading

void Judge::read_client(const Wire& wire) {
  Client& client = clients_.emplace_back(Client{.wire = &wire});
  std::string_view input = wire.input, output = wire.output;
  while (!input.empty()) {
    const StrictMessage& request = client.requests.emplace_back(strict_request(input));
    client.begins.push_back(wire.input.size() - input.size());
    if (request.head == Part::whole && target_of(request).place.quiet) client.quiet = true;
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
    const bool names_nobody = answer.count("x-req") == 0 && known && target_of(request).place.quiet;
    if (!names_nobody) {
      check(number_in(answer, "x-req") == client.requests.size());
      check(clients_.size() == number_in(answer, "x-conn"));
    }
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
    client.ends.push_back(client.wire->output.size() - output.size());
    return true;
  }
}

void Judge::read_origin(const Wire& wire) {
  std::string_view output = wire.output, input = wire.input;
  while (!output.empty()) {
    Served served{&wire, 0, 0, strict_request(output), {}, 0, {}, {}};
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
    served.answer_end = wire.input.size() - input.size();
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
  check_tries();
  for (const Served& served : served_) check_request(served);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    for (std::size_t j = 0; j < clients_[i].answers.size(); ++j) check_answer(i, j);
  }
  check_log();
}

void Judge::check_tries() const {
  struct Tries {
    unsigned count = 0, most = tries_max;
  };
  std::map<std::tuple<std::size_t, std::size_t, std::string_view, std::string_view>, Tries> taken;
  for (const Served& served : served_) {
    check(served.client < clients_.size());
    const auto& [method, target, version] = served.request.start;
    auto& [count, most] = taken[{served.client, served.index, method, target}];
    ++count;
    check(count == 1 || method == "GET" || method == "HEAD" || method == "OPTIONS" ||
          method == "PUT" || method == "DELETE");
    const Place place = target_of(served.request).place;
    // Asked again without a condition, and for the rest; and each may have begun one that
    // refreshes, or fetches a slice: these all say that they are the first request.
    if (place.stored)
      most = 4 * tries_max * (1 + static_cast<unsigned>(clients_[served.client].requests.size()));
    if (place.sliced) most *= 32;
    check(count <= most);
  }
}

bool Judge::each_is_logged() const {
  return std::none_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return std::any_of(client.requests.begin(), client.requests.end(), [](const auto& request) {
      return request.head == Part::whole && target_of(request).place.stored;
    });
  });
}

void Judge::check_request(const Served& served) const {
  if (target_of(served.request).place.stored) return check_stored_request(served);
  check_own_request(served);
}

void Judge::check_own_request(const Served& served) const {
  const Client& client = clients_[served.client];
  // One at a time: the answers before it are out.
  check(served.index < client.requests.size() && served.index <= client.answers.size());
  const StrictMessage& asked = client.requests[served.index];
  const StrictMessage& sent = served.request;
  check(asked.head == Part::whole);
  check(sent.start[0] == asked.start[0] && sent.start[2] == "HTTP/1.1");
  check(sent.kind == asked.kind);
  check_body(served, asked);
  check_target(served, asked);
  check_fields(served, asked);
}

void Judge::check_body(const Served& served, const StrictMessage& asked) {
  const StrictMessage& sent = served.request;
  check(std::string_view(asked.body).starts_with(sent.body));
  if (sent.all != Part::whole) return;
  check(asked.all == Part::whole && sent.body == asked.body);
  for (const std::string& line : sent.trailers)
    check(std::find(asked.trailers.begin(), asked.trailers.end(), line) != asked.trailers.end());
}

void Judge::check_target(const Served& served, const StrictMessage& asked) const {
  if (asked.start[1] == "*") return check(served.request.start[1] == "*");
  const AskedFor from = target_of(asked), to = target_of(served.request);
  const bool other = to.other;
  const bool app = served.wire->peer.kind() == Address::Kind::ipv4;
  std::string wanted = from.path;
  check(!wanted.empty());
  check(other ? !app : app != wanted.starts_with("/local"));
  const bool rewritten = !other && wanted.starts_with("/old/");
  if (rewritten) wanted = "/new/" + wanted.substr(5);
  check(to.raw_path == wanted || (!rewritten && to.raw_path == from.raw_path));
  check(to.query == from.query);
  if (other) return;
  check(served.request.value("x-uri") == wanted);
  check(!wanted.starts_with("/text") && !wanted.starts_with("/moved") && wanted != "/nothing");
  if (wanted.starts_with("/small")) check(served.request.body.size() <= 10);
  if (wanted.starts_with("/guarded")) check(asked.value("x-api-key") == right_key);
}

void Judge::check_fields(const Served& served, const StrictMessage& asked) {
  const StrictMessage& sent = served.request;
  check_hop(sent);
  check(sent.count("host") == 1 && sent.count("x-conn") == 1 && sent.count("x-req") == 1);
  check(sent.count("x-forwarded-for") == 1 && sent.count("via") <= 1);
  check(sent.value("te").empty() || sent.value("te") == "trailers");
  if (served.request.value("x-uri").starts_with("/guarded")) check(sent.count("x-api-key") == 0);
  // Who compresses here is the only one to be told of it.
  if (target_of(sent).place.coded) check(sent.count("accept-encoding") == 0);
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
  const StrictMessage& asked = clients_[client].requests[index];
  const Place place = asked.head == Part::whole ? target_of(asked).place : Place{};
  if (!place.plain() && got.kind != StrictMessage::Kind::tunnel)
    return check_stored_answer({client, index, asked, got, place});
  // It is one of those that the peers gave, if several were asked.
  const auto is_source = [&](const Served& served) {
    return served.is_of(client, index) && served.answer.head == Part::whole &&
           served.answer.status() == got.status() &&
           std::string_view(served.answer.body).starts_with(got.body) &&
           (got.all != Part::whole ||
            (served.answer.all == Part::whole && served.answer.body == got.body));
  };
  const auto source = std::find_if(served_.begin(), served_.end(), is_source);
  if (source == served_.end()) return check(came_early(got));
  if (got.kind != StrictMessage::Kind::tunnel) return;
  const Client& it = clients_[client];
  check(source->from_tunnel.starts_with(it.from_tunnel));
  check(it.to_tunnel.starts_with(source->to_tunnel));
}

bool Judge::came_early(const StrictMessage& got) const {
  return std::find(early_.begin(), early_.end(), got.status()) != early_.end();
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
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const std::size_t got = clients_[i].wire->output.size();
    check(clients_[i].quiet ? bytes[i + 1] <= got : bytes[i + 1] == got);
  }
}

}  // namespace weir::fuzz
