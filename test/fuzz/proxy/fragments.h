// Fragments: what came of one representation, at their places in it, and whether an answer can have
// been put together from them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "test/fuzz/proxy/strict.h"

namespace weir::fuzz {

// The parts that a 206 says it has. `bytes` may be cut short.
struct Piece {
  std::size_t first, size, total;
  std::string_view bytes;
};
// False: it does not say so, or what it has is something else than it says.
bool read_pieces(const StrictMessage& answer, std::vector<Piece>& pieces);

class Fragments {
 public:
  void add(const StrictMessage& answer);  // a 200 or a 206; must live on
  bool empty() const { return all_.empty(); }

  bool are_whole(const StrictMessage& answer) const;   // or its beginning, if it is cut short
  bool have_parts(const StrictMessage& answer) const;  // all that a 206 has

 private:
  struct Fragment {
    std::size_t first;
    std::string_view bytes;
    std::size_t total;  // of the representation; 0: not known
  };
  bool cover(std::size_t at, std::string_view bytes) const;
  bool is_total(std::size_t size) const;

  std::vector<Fragment> all_;
};

}  // namespace weir::fuzz
