#include "http/h1_body.h"

#include <cassert>
#include <cstring>
#include <limits>

#include "http/h1_parser.h"
#include "http/scan.h"

namespace weir {
namespace {

constexpr std::uint8_t chunk_digits_max = 16;
constexpr std::size_t trailer_bytes_kept = 512;
constexpr auto payload_max = std::numeric_limits<std::uint64_t>::max();

// The value of a hexadecimal digit, 16 for anything else.
constexpr unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 16;
}

}  // namespace

void BodyDecoder::start(const BodyFraming& framing, const Limits& limits, Side side) {
  limits_ = &limits;
  side_ = side;
  left_ = 0;
  payload_bytes_ = 0;
  extension_bytes_ = 0;
  digits_ = 0;
  trailers_.clear();
  // One long trailer section is no reason to hold its memory for the life of a connection.
  if (trailer_text_.capacity() > trailer_bytes_kept) trailer_text_ = std::string();
  trailer_text_.clear();
  switch (framing.kind) {
    case BodyKind::none: phase_ = Phase::done; return;
    case BodyKind::length:
      left_ = framing.length;
      phase_ = left_ == 0 ? Phase::done : Phase::counted;
      return;
    case BodyKind::chunked: phase_ = Phase::size; return;
    case BodyKind::until_close: phase_ = Phase::endless; return;
    case BodyKind::tunnel: break;
  }
  assert(false && "a tunnel has no body");
}

Result<BodyDecoder::Step> BodyDecoder::decode(std::string_view bytes) {
  std::size_t at = 0;
  for (;;) {
    switch (phase_) {
      case Phase::failed: return fault_error(side_, fault_);
      case Phase::done: return Step{at, {}};
      case Phase::counted:
      case Phase::endless:
      case Phase::data: return take_payload(bytes, at);
      case Phase::size:
      case Phase::extension:
      case Phase::size_lf:
      case Phase::data_cr:
      case Phase::data_lf:
      case Phase::trailer: break;
    }
    if (at == bytes.size()) return Step{at, {}};
    const auto used = frame(bytes.substr(at));
    if (!used) return used.error();
    at += *used;
  }
}

Result<BodyDecoder::Step> BodyDecoder::unframe(std::span<char> bytes) {
  Step all{0, {}};
  char* end = nullptr;  // of the payload so far
  while (all.consumed < bytes.size() && !done()) {
    const std::span<char> rest = bytes.subspan(all.consumed);
    const auto step = decode({rest.data(), rest.size()});
    if (!step) return step.error();
    all.consumed += step->consumed;
    const std::string_view piece = step->payload;
    if (piece.empty()) continue;
    if (end == nullptr) {
      all.payload = piece;
      end = bytes.data() + (piece.data() - bytes.data());
    } else {
      std::memmove(end, piece.data(), piece.size());
      all.payload = {all.payload.data(), all.payload.size() + piece.size()};
    }
    end += piece.size();
  }
  return all;
}

Result<Ok> BodyDecoder::end_of_input() {
  if (phase_ == Phase::failed) return fault_error(side_, fault_);
  if (phase_ == Phase::endless) phase_ = Phase::done;
  if (phase_ == Phase::done) return Ok{};
  return fail(Fault::body_cut_short).error();
}

Result<std::size_t> BodyDecoder::fail(Fault fault) {
  phase_ = Phase::failed;
  fault_ = fault;
  return fault_error(side_, fault);
}

BodyDecoder::Step BodyDecoder::take_payload(std::string_view bytes, std::size_t at) {
  std::size_t size = bytes.size() - at;
  if (phase_ != Phase::endless) {
    if (left_ < size) size = static_cast<std::size_t>(left_);
    left_ -= size;
    if (left_ == 0) phase_ = phase_ == Phase::data ? Phase::data_cr : Phase::done;
  }
  payload_bytes_ += size;
  return {at + size, bytes.substr(at, size)};
}

// Takes framing bytes of the current phase; `bytes` is not empty.
Result<std::size_t> BodyDecoder::frame(std::string_view bytes) {
  const char c = bytes.front();
  switch (phase_) {
    case Phase::size: return size_byte(c);
    case Phase::extension: return extension(bytes);
    case Phase::size_lf:
      if (c != '\n') return fail(Fault::bare_cr_or_lf);
      if (left_ > payload_max - payload_bytes_) return fail(Fault::chunk_too_large);
      phase_ = left_ == 0 ? Phase::trailer : Phase::data;
      return std::size_t{1};
    case Phase::data_cr:
      if (c != '\r') return fail(c == '\n' ? Fault::bare_cr_or_lf : Fault::malformed_chunk);
      phase_ = Phase::data_lf;
      return std::size_t{1};
    case Phase::data_lf:
      if (c != '\n') return fail(Fault::bare_cr_or_lf);
      phase_ = Phase::size;
      digits_ = 0;
      return std::size_t{1};
    case Phase::trailer: return trailer(bytes);
    case Phase::counted:
    case Phase::endless:
    case Phase::data:
    case Phase::done:
    case Phase::failed: break;
  }
  assert(false && "no framing in this phase");
  return std::size_t{0};
}

Result<std::size_t> BodyDecoder::size_byte(char c) {
  const unsigned value = hex_value(c);
  if (value < 16) {
    if (digits_ == chunk_digits_max) return fail(Fault::chunk_too_large);
    left_ = left_ * 16 + value;  // 16 digits fit; left_ is 0 when a size begins
    ++digits_;
    return std::size_t{1};
  }
  if (c == '\n') return fail(Fault::bare_cr_or_lf);
  if (digits_ == 0 || (c != '\r' && c != ';')) return fail(Fault::malformed_chunk);
  phase_ = c == '\r' ? Phase::size_lf : Phase::extension;
  return std::size_t{1};
}

Result<std::size_t> BodyDecoder::extension(std::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* const stop = scan::find_control(begin, end);
  const auto size = static_cast<std::size_t>(stop - begin);
  if (size > limits_->chunk_extension_bytes_max - extension_bytes_)
    return fail(Fault::chunk_extensions_too_large);
  extension_bytes_ += size;
  if (stop == end) return size;
  if (*stop == '\n') return fail(Fault::bare_cr_or_lf);
  if (*stop != '\r') return fail(Fault::malformed_chunk);
  // An extension costs at least its ';', or empty ones would be free.
  if (extension_bytes_ == limits_->chunk_extension_bytes_max)
    return fail(Fault::chunk_extensions_too_large);
  ++extension_bytes_;
  phase_ = Phase::size_lf;
  return size + 1;
}

// Collects the trailer section line by line; it ends with an empty line.
Result<std::size_t> BodyDecoder::trailer(std::string_view bytes) {
  const auto at = bytes.find('\n');
  const std::size_t size = at == bytes.npos ? bytes.size() : at + 1;
  if (trailer_text_.size() + size > limits_->trailer_bytes_max + 2)  // the empty line is free
    return fail(Fault::trailers_too_large);
  trailer_text_.append(bytes.data(), size);
  if (at == bytes.npos) return size;
  const std::string_view text = trailer_text_;
  if (!text.ends_with("\r\n")) return fail(Fault::bare_cr_or_lf);
  if (text.size() > 2 && !text.ends_with("\n\r\n")) return size;
  const auto parsed = parse_fields(text, *limits_, limits_->trailers_max, side_, trailers_);
  if (!parsed) {
    phase_ = Phase::failed;
    fault_ = Fault::malformed_field;
    return parsed.error();
  }
  phase_ = Phase::done;
  return size;
}

// Some readers merge trailers into the head, and '_' into '-': no spelling of a field that may not
// stand here gets through, nor does one of the X-Forwarded family, which is ours alone to say.
bool allowed_in_trailer(const Field& field) {
  const FieldId id = field.id == FieldId::other ? field_id_of_alias(field.name) : field.id;
  return (field_properties(id) & field_property::no_trailer) == 0 && !is_forwarded_name(field.name);
}

}  // namespace weir
