#include "net/transport.h"

namespace weir {

Io Transport::write(std::string_view bytes) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return write(std::span(&part, 1));
}

const Address& Transport::local() const {
  if (!local_) local_ = std::make_unique<Address>(Address::local_of(fd()).value_or(Address{}));
  return *local_;
}

}  // namespace weir
