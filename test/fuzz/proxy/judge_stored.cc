// Judge, second part: requests and answers of places that have a cache or a content coding.
#include <algorithm>
#include <chrono>
#include <optional>

#include "base/text.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/proxy/fragments.h"
#include "test/fuzz/proxy/judge.h"

namespace weir::fuzz {
namespace {

constexpr std::string_view conditions[] = {"if-none-match", "if-modified-since", "if-range"};
// What a framework takes for the URL or the method, and no origin names in Vary.
constexpr std::string_view overrides[] = {"x-original-url", "x-rewrite-url",
                                          "x-http-method-override", "x-host"};

bool is_get_or_head(const StrictMessage& request) {
  return request.start[0] == "GET" || request.start[0] == "HEAD";
}

bool asks_conditionally(const StrictMessage& request) {
  return request.count("if-none-match") + request.count("if-modified-since") > 0;
}

std::vector<std::string_view> values(const StrictMessage& message, std::string_view field) {
  std::vector<std::string_view> out;
  for (const auto& [name, value] : message.fields) {
    if (name == field) out.push_back(value);
  }
  return out;
}

// Cache-Control as the plain reader sees it: what has quotes, or another field in its stead, is
// weir's to understand.
bool is_plain_control(const StrictMessage& answer) {
  if (answer.count("cdn-cache-control") > 0) return false;
  const auto all = values(answer, "cache-control");
  return std::none_of(all.begin(), all.end(),
                      [](std::string_view value) { return value.find('"') != value.npos; });
}

std::string_view strong(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

// What max-age says, or default_ttl; nullopt where something else may count.
std::optional<std::chrono::seconds> lifetime_of(const StrictMessage& answer) {
  for (const std::string_view name : {"age", "date", "expires", "last-modified"})
    if (answer.count(name) > 0) return std::nullopt;
  const auto all = values(answer, "cache-control");
  if (all.empty() && answer.status() == 200) return std::chrono::seconds(2);
  constexpr std::string_view max_age = "max-age=";
  if (all.size() != 1 || list_words(all[0]).size() != 1 || !all[0].starts_with(max_age))
    return std::nullopt;
  const auto number = parse_decimal(all[0].substr(max_age.size()));
  return number && *number < 100'000 ? std::optional(std::chrono::seconds(*number)) : std::nullopt;
}

bool is_for_all(const StrictMessage& answer, bool revalidated_counts) {
  for (const std::string_view value : values(answer, "cache-control")) {
    for (const std::string& word : list_words(value)) {
      if (word == "public" || word.starts_with("s-maxage")) return true;
      if (revalidated_counts && word == "must-revalidate") return true;
    }
  }
  return false;
}

// Whether Vary chose it for another: of some fields that nobody changes on the way.
bool is_chosen_for(const StrictMessage& answer, const StrictMessage& its_request,
                   const StrictMessage& asked) {
  for (const std::string_view name : {"x-a", "accept-language", "user-agent"}) {
    if (!answer.lists("vary", name)) continue;
    if (values(its_request, name).size() > 1 || values(asked, name).size() > 1) continue;
    if (its_request.count(name) != asked.count(name)) return false;
    if (list_words(its_request.value(name)) != list_words(asked.value(name))) return false;
  }
  return true;
}

}  // namespace

// --- what reaches an origin

// A request that refreshes, or fetches a slice, bears the number of its client's connection and is
// the first one there.
void Judge::check_stored_request(const Served& served) const {
  const Client& client = clients_[served.client];
  std::size_t index = served.index;
  if (!is_made_for(served, index)) {
    check(served.index == 0 && served.request.start[0] == "GET" && served.request.body.empty());
    for (index = 0; index < client.requests.size() && !is_made_for(served, index);) ++index;
  }
  check(index < client.requests.size());
  const StrictMessage& asked = client.requests[index];
  check(served.request.start[2] == "HTTP/1.1");
  check(served.wire->peer.kind() == Address::Kind::ipv4);
  check(served.request.value("x-uri") == target_of(asked).path);
  check_body(served, asked);
  check_fields(served, asked);
  check_conditions(served, asked);
  // Those at the even addresses are not among set_real_ip_from.
  const bool trusted = client.wire->peer.to_string().starts_with("10.");
  if (trusted || !is_get_or_head(served.request)) return;
  for (const std::string_view name : overrides) check(served.request.count(name) == 0);
}

bool Judge::is_made_for(const Served& served, std::size_t index) const {
  const Client& client = clients_[served.client];
  if (index >= client.requests.size() || index > client.answers.size()) return false;
  const StrictMessage& asked = client.requests[index];
  const StrictMessage& sent = served.request;
  if (asked.head != Part::whole || !is_same_target(sent, target_of(asked))) return false;
  const bool refreshes = served.index == 0 && sent.start[0] == "GET" && is_get_or_head(asked);
  if (sent.start[0] != asked.start[0] && !refreshes) return false;
  // A body is none where it is empty; one that is part of the key is known to its end.
  if (asked.body.empty() && asked.all == Part::whole) return sent.body.empty();
  return sent.kind == asked.kind ||
         (asked.start[0] == "POST" && asked.all == Part::whole && sent.body == asked.body);
}

void Judge::check_conditions(const Served& served, const StrictMessage& asked) const {
  const StrictMessage& sent = served.request;
  for (const std::string_view name : conditions) {
    for (const std::string_view value : values(sent, name)) {
      const auto of_client = values(asked, name);
      const bool same = std::find(of_client.begin(), of_client.end(), value) != of_client.end();
      const std::string_view said_in = name == "if-modified-since" ? "last-modified" : "etag";
      check(same || was_said(served, said_in, value) ||
            (name == "if-range" && was_said(served, "last-modified", value)));
    }
  }
  for (const std::string_view name : {"if-match", "if-unmodified-since"})
    check(values(sent, name) == values(asked, name));
  if (sent.count("range") == 0 || values(sent, "range") == values(asked, "range")) return;
  // Ours: a slice, or the rest of what was lost.
  check(sent.count("range") == 1 && sent.start[0] == "GET");
  const std::string_view range = sent.value("range");
  check(range.starts_with("bytes="));
  check(range.ends_with('-') ? sent.count("if-range") == 1 : target_of(sent).place.sliced);
}

// An origin has, of the same.
bool Judge::was_said(const Served& of, std::string_view field, std::string_view value) const {
  const AskedFor target = target_of(of.request);
  return std::any_of(served_.begin(), served_.end(), [&](const Served& it) {
    const auto said = values(it.answer, field);
    return it.answer.head == Part::whole && is_same_target(it.request, target) &&
           std::find(said.begin(), said.end(), value) != said.end();
  });
}

// --- what reaches a client

void Judge::check_stored_answer(const Asking& it) const {
  if (it.place.stored) check_word(it);
  for (const Served& source : served_) {
    if (source.answer.head != Part::whole || !may_serve(source, it)) continue;
    if (explains({source, source.answer.body, source.answer.all == Part::whole}, it)) return;
    if (it.place.stored && is_resumed(source, it)) return;
  }
  if (it.place.sliced && is_of_slices(it)) return;
  check(came_early(it.got));
}

// RFC 9111 has no X-Cache: one word of ours, and where it says that an origin was asked, one was.
void Judge::check_word(const Asking& it) const {
  const std::string_view word = it.got.value("x-cache");
  check(it.got.count("x-cache") == 1);
  if (word == "HIT" || word == "STALE" || word == "UPDATING") return;
  check(word == "MISS" || word == "BYPASS" || word == "REVALIDATED");
  if (it.place.sliced) return;
  const bool asked = std::any_of(served_.begin(), served_.end(), [&](const Served& served) {
    return served.is_of(it.client, it.index);
  });
  check(asked || !early_.empty());
}

// Whether what this one gave may be given to who asks: its own, or from the store.
bool Judge::may_serve(const Served& source, const Asking& it) const {
  const StrictMessage& sent = source.request;
  if (!is_same_target(sent, target_of(it.asked))) return false;
  if (source.is_of(it.client, it.index)) return true;
  const StrictMessage& answer = source.answer;
  const unsigned status = answer.status();
  if (!it.place.stored || status == 304 || (status == 206 && !it.place.sliced)) return false;
  const bool post = it.place.sliced && it.asked.start[0] == "POST";
  if (sent.start[0] != (post ? "POST" : "GET")) return false;
  if (post && (it.asked.all != Part::whole || it.asked.body != sent.body)) return false;
  if (sent.count("range") > 0 && !it.place.sliced) return false;
  if (it.place.sliced && values(sent, "x-key") != values(it.asked, "x-key")) return false;
  if (was_purged(source, it)) return false;
  // Another answer may have changed what is said of the stored one since (RFC 9111 4.3.4, 4.3.5).
  const bool renewed = std::any_of(served_.begin(), served_.end(), [&](const Served& other) {
    return is_same_target(other.request, target_of(sent)) &&
           (other.answer.status() == 304 || other.request.start[0] == "HEAD");
  });
  if (renewed) return true;
  if (!is_chosen_for(answer, sent, it.asked)) return false;
  if (!is_plain_control(answer)) return true;
  if (was_stale(source, it)) return false;
  // RFC 9111 5.2.2.4: for no other request, unless the origin was asked; also of those who read
  // along.
  if (answer.lists("cache-control", "no-cache")) return false;
  if (answer.lists("cache-control", "must-revalidate") &&
      answer.lists("cache-control", "max-age=0") && !is_for_all(answer, false))
    return false;
  if (answer.lists("cache-control", "private")) return false;
  if (answer.lists("cache-control", "no-store") &&
      !answer.lists("cache-control", "must-understand"))
    return false;
  if (it.got.count("set-cookie") > 0 && !is_for_all(answer, false)) return false;
  const bool authorized = sent.count("authorization") + it.asked.count("authorization") > 0;
  return !authorized || is_for_all(answer, true);
}

// Older than its lifetime, when it was given as a hit that is fresh. Not of what was on its way,
// and a copy of it may have been waited for (lock_timeout).
bool Judge::was_stale(const Served& source, const Asking& it) const {
  const Wire &from = *source.wire, &to = *clients_[it.client].wire;
  const auto lifetime = lifetime_of(source.answer);
  const bool is_hit =
      it.got.value("x-cache") == "HIT" && !it.got.lists("cache-status", "collapsed");
  if (!lifetime || !is_hit || it.place.sliced || to.room != Wire::unlimited) return false;
  if (source.answer.all != Part::whole || source.answer.kind == StrictMessage::Kind::until_close)
    return false;
  const std::size_t begins = it.index == 0 ? 0 : clients_[it.client].ends[it.index - 1];
  const auto read = std::find_if(from.reads.begin(), from.reads.end(), [&](const Wire::Read& part) {
    return part.end >= source.answer_end;
  });
  const auto mark = std::find_if(to.marks.begin(), to.marks.end(), [&](const Wire::Mark& written) {
    return written.output >= begins;
  });
  if (read == from.reads.end() || mark == to.marks.end()) return false;
  return mark->time - read->time > *lifetime + std::chrono::milliseconds(700);
}

// It was whole, then purged, and the request came after that. Who comes while something is fetched
// may get that, though it is not found again; what ends with its connection may have been on its
// way still.
bool Judge::was_purged(const Served& source, const Asking& it) const {
  if (source.answer.all != Part::whole || source.answer.kind == StrictMessage::Kind::until_close)
    return false;
  const unsigned was_there = source.wire->sent_at(source.answer_end);
  const unsigned came = clients_[it.client].wire->sent_at(clients_[it.client].begins[it.index] + 1);
  if (was_there < purged_all_ && purged_all_ < came) return true;
  for (const Client& client : clients_) {
    for (std::size_t at = 0; at < client.answers.size(); ++at) {
      const StrictMessage& purge = client.requests[at];
      const bool hard =
          purge.head == Part::whole && purge.start[0] == "PURGE" &&
          purge.count("x-purge-soft") + purge.count("surrogate-key") + purge.count("cache-tag") ==
              0;
      if (!hard || client.answers[at].body != "purged\n") continue;
      if (!is_same_target(source.request, target_of(purge))) continue;
      const unsigned begun = client.wire->sent_at(client.begins[at] + 1);
      const unsigned done = client.wire->written_at(client.ends[at]);
      if (was_there < begun && done < came) return true;
    }
  }
  return false;
}

// What is seen of it may have been made into this answer.
bool Judge::explains(const Content& content, const Asking& it) {
  const unsigned from = content.source.answer.status(), to = it.got.status();
  const bool own = content.source.is_of(it.client, it.index);
  if (from == to && to == 304)
    return own && (asks_conditionally(it.asked) || !asks_conditionally(content.source.request));
  if (from == to && to == 206 &&
      it.got.value("content-range") != content.source.answer.value("content-range"))
    return false;
  if (from == to) return carries(content, it);
  if (from != 200 || !it.place.stored) return false;
  if (to == 304) return asks_conditionally(it.asked);
  if (to == 416) return it.asked.count("range") > 0;
  return to == 206 && it.asked.count("range") > 0 && has_parts_of(content, it);
}

// What was followed was lost, and the rest of it was asked for (RFC 9110 15.3.7.3).
bool Judge::is_resumed(const Served& source, const Asking& it) const {
  const StrictMessage& first = source.answer;
  if (first.status() != 200) return false;
  return std::any_of(served_.begin(), served_.end(), [&](const Served& rest) {
    if (!rest.is_of(it.client, it.index) || rest.answer.status() != 206) return false;
    const PartOf part = part_of(rest.answer.value("content-range"));
    const std::string asked_for = "bytes=" + std::to_string(part.first) + "-";
    if (!part.known || part.first > first.body.size() || rest.request.value("range") != asked_for)
      return false;
    const std::string_view version = first.value("etag");
    if (!version.starts_with('"') || rest.request.value("if-range") != version ||
        rest.answer.value("etag") != version)
      return false;
    const std::string joined = first.body.substr(0, part.first) + rest.answer.body;
    // All of it, and not only what the framing makes whole (RFC 9110 15.3.7).
    const bool whole = part.end == part.total && rest.answer.body.size() == part.end - part.first;
    return explains({source, joined, whole}, it);
  });
}

// Of one version (its ETag, weak or not), in whatever pieces it came.
bool Judge::is_of_slices(const Asking& it) const {
  Fragments fragments;
  const std::string_view version = strong(it.got.value("etag"));
  for (const Served& source : served_) {
    if (source.answer.head != Part::whole || !may_serve(source, it)) continue;
    if (strong(source.answer.value("etag")) == version) fragments.add(source.answer);
  }
  if (fragments.empty()) return false;
  switch (it.got.status()) {
    case 200: return it.asked.start[0] == "HEAD" || fragments.are_whole(it.got);
    case 206: return it.asked.count("range") > 0 && fragments.have_parts(it.got);
    case 304: return asks_conditionally(it.asked);
    case 416: return it.asked.count("range") > 0;
    default: return false;
  }
}

}  // namespace weir::fuzz
