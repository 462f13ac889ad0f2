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
//
// No control byte from a value may get through. Instead of looking at each text before it is
// copied, the finished head is looked at once: each line that was begun here has brought two
// control bytes, its CR and LF, so any other number means that some text brought one of its own.
class Out {
 public:
  explicit Out(std::span<char> out) : begin_(out.data()), at_(begin_), end_(begin_ + out.size()) {}

  void put(std::string_view text) {
    if (!has_room(text.size())) return;
    append(text);
  }
  void put_line(std::string_view text) {  // with the end of the line
    if (!has_room(text.size() + crlf.size())) return;
    append(text);
    append_line_end();
  }
  void put_number(std::uint64_t number) {
    char digits[20];
    const auto done = std::to_chars(digits, digits + sizeof digits, number);
    put({digits, static_cast<std::size_t>(done.ptr - digits)});
  }
  void put_field(const Field& field) {
    // A name in the table is a token; another may come from a variable.
    if (field.id == FieldId::other && !is_token(field.name)) clean_ = false;
    if (!has_room(field.name.size() + field.value.size() + 2 + crlf.size())) return;
    append(field.name);
    at_[0] = ':';
    at_[1] = ' ';
    at_ += 2;
    append(field.value);
    append_line_end();
  }
  void put_field(FieldId id, std::string_view value) { put_field({id, field_name(id), value}); }
  void spoil() { clean_ = false; }

  Result<std::size_t> written() const {
    if (!fits_) return fault_error(Side::self, Fault::out_of_room);
    if (!clean_ || scan::count_controls(begin_, at_) != lines_ * crlf.size())
      return fault_error(Side::self, Fault::unsafe_outgoing_field);
    return static_cast<std::size_t>(at_ - begin_);
  }

 private:
  bool has_room(std::size_t bytes) {
    fits_ = fits_ && static_cast<std::size_t>(end_ - at_) >= bytes;
    return fits_;
  }
  void append(std::string_view text) { at_ = scan::copy_short(text.data(), text.size(), at_); }
  void append_line_end() {
    at_[0] = '\r';
    at_[1] = '\n';
    at_ += 2;
    ++lines_;
  }

  char* begin_;
  char* at_;
  char* end_;
  std::size_t lines_ = 0;
  bool fits_ = true;
  bool clean_ = true;
};

bool passed_over(FieldId id) {
  return (field_properties(id) & (field_property::one_hop | field_property::framing)) != 0;
}

void put_length(std::uint64_t length, Out& out) {
  out.put("Content-Length: ");
  out.put_number(length);
  out.put_line({});
}

void put_framing(const BodyFraming& framing, Out& out) {
  switch (framing.kind) {
    case BodyKind::length: return put_length(framing.length, out);
    case BodyKind::chunked: return out.put_line("Transfer-Encoding: chunked");
    case BodyKind::none:
      if (framing.stated) put_length(*framing.stated, out);
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
  if (separator == ", ") out.put_line({});
  if (!outgoing.upgrade.empty()) out.put_field(FieldId::upgrade, outgoing.upgrade);
  if (outgoing.te_trailers) out.put_line("TE: trailers");
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
  out.put_line(old ? " HTTP/1.0" : " HTTP/1.1");
  // Host comes first (RFC 9110 7.2).
  if (!old || head.fields.has(FieldId::host))
    out.put_field(FieldId::host, head.fields.value(FieldId::host));
  for (const Field& field : head.fields) {
    if (field.id == FieldId::host || passed_over(field.id)) continue;
    out.put_field(field);
  }
  put_framing(outgoing.framing, out);
  put_connection(outgoing, out);
  out.put_line({});
  return out.written();
}

Result<std::size_t> write_response_head(const ResponseHead& head, const Outgoing& outgoing,
                                        std::span<char> room) {
  Out out(room);
  out.put("HTTP/1.1 ");
  out.put_number(head.status);
  out.put(" ");
  out.put_line(head.reason);
  const bool interim = is_informational(head.status);
  if (!interim && !outgoing.server.empty() && !head.fields.has(FieldId::server))
    out.put_field(FieldId::server, outgoing.server);
  if (!interim && !outgoing.date.empty() && !head.fields.has(FieldId::date))
    out.put_field(FieldId::date, outgoing.date);
  for (const Field& field : head.fields) {
    if (!passed_over(field.id)) out.put_field(field);
  }
  // RFC 9110 8.6 and RFC 9112 6.1: neither field may stand in 1xx or 204.
  if (!interim && head.status != 204) put_framing(outgoing.framing, out);
  put_connection(outgoing, out);
  out.put_line({});
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
  out.put_line("0");
  for (const Field& field : trailers) {
    if (allowed_in_trailer(field)) out.put_field(field);
  }
  out.put_line({});
  return out.written();
}

std::size_t last_chunk_bytes(const Fields& trailers) {
  return last_chunk.size() + field_bytes(trailers);
}

}  // namespace weir
