// ExchangeValues: the values of $variables for one exchange, at any moment of it: what is not known
// yet has no value.
#pragma once

#include <string>

#include "http/template.h"
#include "proxy/exchange_state.h"

namespace weir {

class ExchangeValues final : public Values {
 public:
  explicit ExchangeValues(const ExchangeState& state) : state_(state) {}
  bool append(const VariableRef& variable, std::string& out) const override;

 private:
  bool request_value(const VariableRef& variable, std::string& out) const;
  bool connection_value(const VariableRef& variable, std::string& out) const;
  bool answer_value(const VariableRef& variable, std::string& out) const;
  bool upstream_value(const VariableRef& variable, std::string& out) const;

  const ExchangeState& state_;
};

}  // namespace weir
