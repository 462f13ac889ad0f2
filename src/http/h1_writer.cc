#include "http/h1_writer.h"

#include <cassert>
#include <charconv>
#include <cstring>

#include "http/faults.h"
#include "http/h1_body.h"
#include "http/scan.h"
#include "http/status.h"
#include "http/syntax.h"

namespace weir {
namespace {

// The output and what went wrong with it, so that the writers below are straight lines.
class Out {
 public:
  explicit Out(std::span<char> out) : begin_(out.data()), at_(begin_), end_(begin_ + out.size()) {}

  void put(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size()) {
      fits_ = false;
      return;
    }
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // Text that came from outside or from a variable: no control byte may get through.
  void put_checked(std::string_view text) {
    const char* const end = text.data() + text.size();
    if (scan::find_control(text.data(), end) != end) clean_ = false;
    put(text);
  }
  void put_number(std::uint64_t number) {
    char digits[20];
    const auto done = std::to_chars(digits, digits + sizeof digits, number);
    put({digits, static_cast<std::size_t>(done.ptr - digits)});
  }
  void put_field(std::string_view name, std::string_view value) {
    if (!is_token(name)) clean_ = false;
    put(name);
    put(": ");
    put_checked(value);
    put(crlf);
  }
  void spoil() { clean_ = false; }

  Result<std::size_t> written() const {
    if (!clean_) return fault_error(Side::self, Fault::unsafe_outgoing_field);
    if (!fits_) return fault_error(Side::self, Fault::out_of_room);
    return static_cast<std::size_t>(at_ - begin_);
  }

 private:
  char* begin_;
  char* at_;
  char* end_;
  bool fits_ = true;
  bool clean_ = true;
};

bool passed_over(FieldId id) {
  return (field_properties(id) & (field_property::one_hop | field_property::framing)) != 0;
}

void put_framing(const BodyFraming& framing, Out& out) {
  switch (framing.kind) {
    case BodyKind::length:
      out.put("Content-Length: ");
      out.put_number(framing.length);
      out.put(crlf);
      return;
    case BodyKind::chunked: out.put("Transfer-Encoding: chunked\r\n"); return;
    case BodyKind::none:
      if (!framing.stated) return;
      out.put("Content-Length: ");
      out.put_number(*framing.stated);
      out.put(crlf);
      return;
    case BodyKind::until_close:
    case BodyKind::tunnel: return;
  }
}

// Connection and the fields it names.
void put_connection(const Outgoing& outgoing, Out& out) {
  std::string_view separator = "Connection: ";
  const auto option = [&](std::string_view text) {
    out.put(separator);
    out.put(text);
    separator = ", ";
  };
  // A body that ends with the connection can't be followed by another message.
  if (outgoing.persistence == Persistence::close || outgoing.framing.kind == BodyKind::until_close)
    option("close");
  else if (outgoing.persistence == Persistence::keep_alive)
    option("keep-alive");
  if (!outgoing.upgrade.empty()) option("upgrade");
  if (outgoing.te_trailers) option("TE");
  if (separator == ", ") out.put(crlf);
  if (!outgoing.upgrade.empty()) out.put_field("Upgrade", outgoing.upgrade);
  if (outgoing.te_trailers) out.put("TE: trailers\r\n");
}

constexpr std::size_t room_for_own_fields = 256;  // what put_framing and put_connection can need

std::size_t field_bytes(const Fields& fields) {
  std::size_t bytes = 0;
  for (const Field& field : fields) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

}  // namespace

Result<std::size_t> write_request_head(const RequestHead& head, std::string_view target,
                                       const Outgoing& outgoing, std::span<char> room) {
  Out out(room);
  const bool old = outgoing.version == Version::http_1_0;
  assert(!old || outgoing.framing.kind != BodyKind::chunked);
  const char* const target_end = target.data() + target.size();
  if (!is_token(head.method_text) || target.empty() ||
      scan::find_not_visible(target.data(), target_end) != target_end)
    out.spoil();
  out.put(head.method_text);
  out.put(" ");
  out.put(target);
  out.put(old ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  // Host comes first (RFC 9110 7.2).
  if (!old || head.fields.has(FieldId::host))
    out.put_field(field_name(FieldId::host), head.fields.value(FieldId::host));
  for (const Field& field : head.fields) {
    if (field.id == FieldId::host || passed_over(field.id)) continue;
    out.put_field(field.name, field.value);
  }
  put_framing(outgoing.framing, out);
  put_connection(outgoing, out);
  out.put(crlf);
  return out.written();
}

Result<std::size_t> write_response_head(const ResponseHead& head, const Outgoing& outgoing,
                                        std::span<char> room) {
  Out out(room);
  out.put("HTTP/1.1 ");
  out.put_number(head.status);
  out.put(" ");
  out.put_checked(head.reason);
  out.put(crlf);
  const bool interim = is_informational(head.status);
  if (!interim && !outgoing.server.empty() && !head.fields.has(FieldId::server))
    out.put_field(field_name(FieldId::server), outgoing.server);
  if (!interim && !outgoing.date.empty() && !head.fields.has(FieldId::date))
    out.put_field(field_name(FieldId::date), outgoing.date);
  for (const Field& field : head.fields) {
    if (!passed_over(field.id)) out.put_field(field.name, field.value);
  }
  // RFC 9110 8.6 and RFC 9112 6.1: neither field may stand in 1xx or 204.
  if (!interim && head.status != 204) put_framing(outgoing.framing, out);
  put_connection(outgoing, out);
  out.put(crlf);
  return out.written();
}

std::size_t request_head_bytes(const RequestHead& head, std::string_view target,
                               const Outgoing& outgoing) {
  return head.method_text.size() + target.size() + field_bytes(head.fields) +
         outgoing.upgrade.size() + room_for_own_fields;
}

std::size_t response_head_bytes(const ResponseHead& head, const Outgoing& outgoing) {
  return head.reason.size() + field_bytes(head.fields) + outgoing.upgrade.size() +
         outgoing.date.size() + outgoing.server.size() + room_for_own_fields;
}

ChunkHead::ChunkHead(std::uint64_t size) : start_(text_.size() - crlf.size()) {
  text_[start_] = '\r';
  text_[start_ + 1] = '\n';
  do {
    text_[--start_] = "0123456789abcdef"[size & 15];
    size >>= 4;
  } while (size != 0);
}

Result<std::size_t> write_last_chunk(const Fields& trailers, std::span<char> room) {
  Out out(room);
  out.put("0\r\n");
  for (const Field& field : trailers) {
    if (allowed_in_trailer(field)) out.put_field(field.name, field.value);
  }
  out.put(crlf);
  return out.written();
}

std::size_t last_chunk_bytes(const Fields& trailers) {
  return last_chunk.size() + field_bytes(trailers);
}

}  // namespace weir
