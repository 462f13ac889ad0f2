// The fields by which a request tells the upstream who asks (http/forwarded.h writes them).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "http/field_id.h"

namespace weir {

// Those of them that a location wants.
struct ForwardedSet {
  static constexpr std::array fields = {FieldId::x_forwarded_for,
                                        FieldId::x_forwarded_host,
                                        FieldId::x_forwarded_proto,
                                        FieldId::x_forwarded_port,
                                        FieldId::x_real_ip,
                                        FieldId::forwarded,
                                        FieldId::via,
                                        FieldId::x_request_id};
  static constexpr std::uint8_t all = (1U << fields.size()) - 1;  // a bit for each, in that order

  std::uint8_t bits = all;

  // 0 for any other field.
  static constexpr std::uint8_t bit_of(FieldId id) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] == id) return static_cast<std::uint8_t>(1U << i);
    }
    return 0;
  }
  constexpr bool has(FieldId id) const { return (bits & bit_of(id)) != 0; }
  bool operator==(const ForwardedSet&) const = default;
};

}  // namespace weir
