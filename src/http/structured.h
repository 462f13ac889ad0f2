// Dictionaries of Structured Fields (RFC 8941 3.2): what RFC 9213 writes CDN-Cache-Control in.
//
// Strict as the specification: anything that is not exactly a dictionary fails as a whole. Of
// parameters and inner lists only the syntax is checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::structured {

enum class Type : std::uint8_t { integer, decimal, string, token, bytes, boolean, inner_list };

struct Member {  // views into the field
  std::string_view key;
  Type type = Type::boolean;
  bool truth = true;      // of a boolean
  std::string_view text;  // of an integer, a token; of a string what is between the quotes
};

class Dictionary {
 public:
  static constexpr std::size_t members_max = 32;

  // Adds what one field line holds: the lines of a field are one list. A key that is there already
  // gets its new value. False: not a dictionary, or too large; the members mean nothing then.
  bool parse(std::string_view line);
  std::span<const Member> members() const { return {members_.data(), count_}; }

 private:
  bool put(const Member& member);

  std::array<Member, members_max> members_{};
  std::size_t count_ = 0;
};

}  // namespace weir::structured
