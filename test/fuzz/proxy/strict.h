// A second reader of HTTP/1.1, of the fuzz tests alone: whole messages at once, nothing but what
// RFC 9112 allows to be written, and no line of code in common with ours. What it can't read to its
// end it calls partial (more bytes could help) or bad.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::fuzz {

enum class Part : unsigned char { whole, partial, bad };

struct StrictMessage {
  enum class Kind : unsigned char { none, length, chunked, until_close, tunnel };

  std::string_view start[3];                                     // the words of the first line
  std::vector<std::pair<std::string, std::string_view>> fields;  // names in lower case
  std::vector<std::string> trailers;  // "name: value", names in lower case
  std::string body;
  Kind kind = Kind::none;
  Part head = Part::partial, all = Part::partial;
  std::size_t size = 0;  // if whole

  std::size_t count(std::string_view name) const;
  std::string_view value(std::string_view name) const;             // of the first
  std::string_view last_value(std::string_view name) const;        // of the last
  bool lists(std::string_view name, std::string_view word) const;  // a member of a list, any case
  unsigned status() const;
};

// `bytes` begin with the message. One empty line in front of a request is passed over.
StrictMessage strict_request(std::string_view bytes);
// `method` is the request's; `ended`: the stream has ended in good order behind `bytes`.
StrictMessage strict_response(std::string_view bytes, std::string_view method, bool ended);

std::string lower_case(std::string_view text);
std::vector<std::string> list_words(std::string_view value);  // in lower case

}  // namespace weir::fuzz
