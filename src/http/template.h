// Template: text with $variables, compiled once when the configuration is read, rendered per
// request without allocation (the output keeps its capacity).
//
// $name, ${name} and $1 to $9 are replaced; "$$" is one '$'. Any other '$' is an error, as is a
// name that is not in http/variables.h. (nginx has no way to write a '$'; "$$" is ours.) A regular
// expression is not a Template: there '$' is literal.
//
// Immutable after compile(), copyable, shared by all requests of a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/escape.h"
#include "http/variables.h"

namespace weir {

// Gives the values during a render. Implemented by the proxy for a request.
class Values {
 public:
  // Appends the value to `out`; false when there is none (logged as "-").
  virtual bool append(const VariableRef& variable, std::string& out) const = 0;

 protected:
  ~Values() = default;
};

// Why a text is not a template: `position` counts bytes from 0 and points at the '$'.
struct TemplateProblem {
  std::string_view what;
  std::size_t position = 0;
  std::string_view name{};  // the unknown name, else empty; a view into the text
};

class Template {
 public:
  Template() = default;  // renders to nothing

  // True: `out` is the template. False: `problem` says why, `out` is untouched.
  static bool compile(std::string_view text, Template& out, TemplateProblem& problem);
  static Template literal(std::string_view text);  // '$' has no meaning

  // Appends to `out`. Values are escaped, the template's own text is not; with Escape::log a
  // variable without a value is "-".
  void render(const Values& values, std::string& out, Escape escape = Escape::none) const;

  std::string_view source() const { return source_; }  // the text it was compiled from
  bool is_constant() const;                            // no variables
  bool uses(VariableId id) const;
  bool told_by_request() const;  // all of its variables are (http/variables.def)
  int captures() const;          // the highest $1 to $9 in use, 0: none
  bool operator==(const Template& other) const { return source_ == other.source_; }

 private:
  struct Piece {
    std::uint32_t start, size;  // in text_: literal text, or the suffix of a variable
    bool is_variable;
    VariableId id;
    std::uint8_t capture;
  };
  void add_text(std::string_view text);
  void add_variable(const VariableRef& variable);

  std::string source_, text_;
  std::vector<Piece> pieces_;
};

}  // namespace weir
