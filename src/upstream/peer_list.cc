#include "upstream/peer_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "os/address.h"

namespace weir {
namespace {

constexpr std::size_t text_shown = 64;

std::string shown(std::string_view text) {
  return text.size() <= text_shown ? fmt::format("\"{}\"", text)
                                   : fmt::format("\"{}...\"", text.substr(0, text_shown));
}

// Empty: done.
std::string read_address(std::string_view text, std::uint16_t default_port, FoundPeer& out) {
  // Such a byte would not come back the same from the file in which the set is saved.
  const auto strange = [](char c) { return c < 0x20 || c > 0x7e; };
  if (std::any_of(text.begin(), text.end(), strange)) {
    return "a byte that is not printable ASCII in an address";
  }
  const auto address = Address::parse(text, default_port);
  if (!address) {
    return fmt::format("{} is not an address ({})", shown(text), address.error().what);
  }
  if (address->is_ip() && address->port() == 0) return fmt::format("{} has no port", shown(text));
  out.address = address->to_string();
  out.host = address->is_ip() ? address->ip() : std::string(address->path());
  return {};
}

std::string read_weight(std::optional<std::uint64_t> weight, FoundPeer& out) {
  if (!weight || *weight == 0 || *weight > 65'535) return "a weight is a number of 1 to 65535";
  out.weight = static_cast<std::uint16_t>(*weight);
  return {};
}

std::string read_line(std::string_view line, std::uint16_t default_port, FoundPeer& out) {
  const auto parts = words(line);
  if (std::string why = read_address(parts.front(), default_port, out); !why.empty()) return why;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view word = parts[i];
    if (word == "backup" && !out.backup) {
      out.backup = true;
    } else if (word.starts_with("weight=") && out.weight == 0) {
      std::string why = read_weight(parse_decimal(word.substr(7)), out);
      if (!why.empty()) return why;
    } else {
      return fmt::format("{} is not weight=N or backup, or stands there twice", shown(word));
    }
  }
  return {};
}

std::string too_many(std::size_t most) {
  return fmt::format("more than {} peers (upstream_peers_max)", most);
}

PeerList parse_lines(std::string_view text, std::uint16_t default_port, std::size_t peers_max) {
  PeerList out;
  for (std::string_view line : split(text, '\n')) {
    ++out.line;
    line = trim(line, " \t\r");
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    FoundPeer peer;
    out.error = read_line(line, default_port, peer);
    if (out.error.empty() && out.peers.size() == peers_max) out.error = too_many(peers_max);
    if (!out.error.empty()) return out;
    out.peers.push_back(std::move(peer));
  }
  return out;
}

// Hands the text to the JSON reader byte by byte and knows how far that has come.
class Reading {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Reading(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  const char& operator*() const { return *at_; }
  Reading& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Reading operator++(int) {
    const Reading before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Reading& other) const { return at_ == other.at_; }
  bool operator!=(const Reading& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// A list of strings and of flat objects, and nothing else.
class JsonPeers final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonPeers(PeerList& out, std::uint16_t default_port, std::size_t peers_max)
      : out_(out), default_port_(default_port), peers_max_(peers_max) {}

  bool null() override { return misplaced("null"); }
  bool number_float(number_float_t, const string_t&) override { return misplaced("a fraction"); }
  bool binary(binary_t&) override { return misplaced("binary data"); }
  bool number_integer(number_integer_t) override { return number(std::nullopt); }
  bool number_unsigned(number_unsigned_t value) override { return number(value); }
  bool boolean(bool value) override {
    if (!in_object_ || key_ != "backup") return misplaced(value ? "true" : "false");
    peer_.backup = value;
    return true;
  }
  bool string(string_t& text) override {
    if (!in_list_ || (in_object_ && key_ != "address")) return misplaced(shown(text));
    if (std::string why = read_address(text, default_port_, peer_); !why.empty()) return bad(why);
    return in_object_ || finish_peer();
  }
  bool start_object(std::size_t) override {
    if (!in_list_ || in_object_) return misplaced("an object");
    in_object_ = true;
    keys_.clear();
    return true;
  }
  bool key(string_t& key) override {
    if (key != "address" && key != "weight" && key != "backup") {
      return bad(fmt::format("{} is not address, weight or backup", shown(key)));
    }
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) {
      return bad(fmt::format("{} stands in the object twice", shown(key)));
    }
    keys_.push_back(key);
    key_ = key;
    return true;
  }
  bool end_object() override {
    in_object_ = false;
    if (peer_.address.empty()) return bad("an object without an address");
    return finish_peer();
  }
  bool start_array(std::size_t) override {
    if (in_list_) return misplaced("a list");
    in_list_ = true;
    return true;
  }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return bad("not well-formed JSON");
  }

 private:
  bool bad(std::string why) {
    if (out_.error.empty()) out_.error = std::move(why);
    return false;
  }
  bool misplaced(std::string_view what) {
    return bad(fmt::format("{} where {} should stand", what,
                           !in_list_     ? "a list of peers"
                           : !in_object_ ? "an address or an object"
                                         : "the value of " + shown(key_)));
  }
  bool number(std::optional<std::uint64_t> value) {
    if (!in_object_ || key_ != "weight") return misplaced("a number");
    std::string why = read_weight(value, peer_);
    return why.empty() || bad(std::move(why));
  }
  bool finish_peer() {
    if (out_.peers.size() == peers_max_) return bad(too_many(peers_max_));
    out_.peers.push_back(std::move(peer_));
    peer_ = {};
    return true;
  }

  PeerList& out_;
  std::uint16_t default_port_;
  std::size_t peers_max_;
  bool in_list_ = false, in_object_ = false;
  FoundPeer peer_;
  std::string key_;
  std::vector<std::string> keys_;  // of this object
};

PeerList parse_json(std::string_view text, std::uint16_t default_port, std::size_t peers_max) {
  PeerList out;
  const char* furthest = text.data();
  JsonPeers peers(out, default_port, peers_max);
  const char* const end = text.data() + text.size();
  const bool whole =
      nlohmann::json::sax_parse(Reading(text.data(), &furthest), Reading(end, &furthest), &peers);
  if (!whole && out.error.empty()) out.error = "not well-formed JSON";
  const auto lines = std::count(text.data(), furthest, '\n');
  // A line break behind the offending word has been looked at already.
  const bool at_break = furthest != text.data() && furthest[-1] == '\n' && furthest != end;
  out.line = static_cast<std::size_t>(lines) + (at_break ? 0 : 1);
  return out;
}

// "[" begins a list and an IPv6 address: what follows tells.
bool is_json(std::string_view text) {
  text = trim(text, " \t\r\n");
  if (text.starts_with('{')) return true;
  if (!text.starts_with('[')) return false;
  text = trim(text.substr(1), " \t\r\n");
  return text.empty() || text.front() == '"' || text.front() == '{' || text.front() == ']';
}

}  // namespace

PeerList parse_peer_list(std::string_view text, std::uint16_t default_port, std::size_t peers_max) {
  if (text.find('\0') != text.npos) return {{}, "a NUL byte", 1};
  return is_json(text) ? parse_json(text, default_port, peers_max)
                       : parse_lines(text, default_port, peers_max);
}

}  // namespace weir
