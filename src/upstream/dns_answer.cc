#include "upstream/dns_answer.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t header_bytes = 12, name_bytes_max = 255, label_bytes_max = 63;
constexpr std::uint16_t class_in = 1;
constexpr std::size_t cnames_max = 16;

constexpr Error malformed{Side::upstream, "a malformed DNS answer"};

bool is_host_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '/';
}

// Goes through a message from front to back; once something did not fit, all that follows is void.
class Reader {
 public:
  explicit Reader(std::string_view message) : all_(message) {}

  bool ok() const { return ok_; }
  std::size_t at() const { return at_; }
  std::uint16_t u16() {
    const std::string_view two = bytes(2);
    if (!ok_) return 0;
    return static_cast<std::uint16_t>(byte(two[0]) << 8 | byte(two[1]));
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string_view bytes(std::size_t count) {
    if (!ok_ || all_.size() - at_ < count) {
      ok_ = false;
      return {};
    }
    at_ += count;
    return all_.substr(at_ - count, count);
  }
  // Lower case, labels joined by dots. Pointers lead backwards only (RFC 1035, 4.1.4), each further
  // than the one before: no circle is possible.
  std::string name() {
    std::string out;
    std::size_t at = at_, least = at_;
    bool jumped = false;
    for (;;) {
      if (!ok_ || at >= all_.size()) return fail();
      const unsigned length = byte(all_[at]);
      if (length == 0) {
        if (!jumped) at_ = at + 1;
        return out;
      }
      if ((length & 0xc0) == 0xc0) {
        if (at + 1 >= all_.size()) return fail();
        const std::size_t target = (length & 0x3f) << 8 | byte(all_[at + 1]);
        if (target >= least) return fail();
        if (!jumped) at_ = at + 2;
        jumped = true;
        at = least = target;
        continue;
      }
      if (length > label_bytes_max || all_.size() - at - 1 < length) return fail();
      if (out.size() + length + 1 > name_bytes_max) return fail();
      if (!out.empty()) out += '.';
      for (const char c : all_.substr(at + 1, length)) {
        // What is no host's name is kept apart from those that are: a dot inside a label, say.
        out += is_host_byte(to_lower(c)) ? to_lower(c) : '?';
      }
      at += 1 + length;
    }
  }

 private:
  static unsigned byte(char c) { return static_cast<unsigned char>(c); }
  std::string fail() {
    ok_ = false;
    return {};
  }

  std::string_view all_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

struct Record {
  std::string owner;
  DnsType type{};
  std::uint32_t ttl = 0;
  Address address;
  DnsService service;
  std::string target;  // of a CNAME
};

Address address_of(std::string_view bytes) {
  if (bytes.size() == 4) {
    sockaddr_in ip{};
    ip.sin_family = AF_INET;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&ip.sin_addr));
    return Address::from(reinterpret_cast<const sockaddr*>(&ip), sizeof ip);
  }
  sockaddr_in6 ip{};
  ip.sin6_family = AF_INET6;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&ip.sin6_addr));
  return Address::from(reinterpret_cast<const sockaddr*>(&ip), sizeof ip);
}

// False: the message is malformed. `out.type` stays {} for a record that is not for us.
bool read_record(Reader& in, Record& out) {
  out.owner = in.name();
  const auto type = static_cast<DnsType>(in.u16());
  const std::uint16_t its_class = in.u16();
  out.ttl = in.u32();
  if (out.ttl > 0x7fffffff) out.ttl = 0;  // RFC 2181, 8
  const std::uint16_t size = in.u16();
  const std::size_t data_at = in.at();
  if (!in.ok()) return false;
  if (its_class != class_in) {
    in.bytes(size);
    return in.ok();
  }
  switch (type) {
    case DnsType::a:
    case DnsType::aaaa: {
      if (size != (type == DnsType::a ? 4 : 16)) return false;
      const std::string_view bytes = in.bytes(size);
      if (!in.ok()) return false;
      out.address = address_of(bytes);
      break;
    }
    case DnsType::cname: out.target = in.name(); break;
    case DnsType::srv:
      out.service.priority = in.u16();
      out.service.weight = in.u16();
      out.service.port = in.u16();
      out.service.target = in.name();
      break;
    default: in.bytes(size); return in.ok();
  }
  out.type = type;
  return in.ok() && in.at() == data_at + size;
}

bool read_question(Reader& in, std::string_view name, DnsType type) {
  const std::string asked = in.name();
  const auto asked_type = static_cast<DnsType>(in.u16());
  const std::uint16_t asked_class = in.u16();
  return in.ok() && asked == name && asked_type == type && asked_class == class_in;
}

}  // namespace

Result<DnsAnswer> parse_dns_answer(std::string_view message, std::string_view name, DnsType type) {
  Reader in(message);
  if (message.size() < header_bytes) return malformed;
  in.u16();  // the identifier
  const std::uint16_t flags = in.u16();
  const std::uint16_t questions = in.u16(), answers = in.u16();
  in.u32();  // other sections
  if ((flags & 0x8000) == 0 || questions != 1) return malformed;
  if (!read_question(in, name, type)) return Error{Side::upstream, "an answer to another question"};
  std::vector<Record> records;
  for (unsigned i = 0; i < answers; ++i) {
    Record record;
    if (!read_record(in, record)) return malformed;
    if (record.type != DnsType{}) records.push_back(std::move(record));
  }
  DnsAnswer out;
  std::uint32_t ttl = 0x7fffffff;
  std::string owner(name);
  for (std::size_t hops = 0;; ++hops) {
    const auto alias = std::find_if(records.begin(), records.end(), [&](const Record& record) {
      return record.type == DnsType::cname && record.owner == owner;
    });
    if (alias == records.end()) break;
    if (hops == cnames_max) return Error{Side::upstream, "CNAMEs without an end"};
    ttl = std::min(ttl, alias->ttl);
    owner = alias->target;
  }
  for (Record& record : records) {
    if (record.type != type || record.owner != owner) continue;
    ttl = std::min(ttl, record.ttl);
    if (type == DnsType::srv) {
      out.services.push_back(std::move(record.service));
    } else {
      out.addresses.push_back(std::move(record.address));
    }
  }
  if (!out.addresses.empty() || !out.services.empty()) out.ttl = std::chrono::seconds(ttl);
  return out;
}

}  // namespace weir
