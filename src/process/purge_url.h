// PurgeUrl: a URL in place of a request: the values of $variables as far as it tells them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "http/template.h"
#include "http/uri.h"

namespace weir::process {

class PurgeUrl {
 public:
  // `text` must outlive it.
  explicit PurgeUrl(std::string_view text);
  PurgeUrl& operator=(PurgeUrl&&) = delete;  // pinned: the head has views into the arena

  std::string_view error() const { return error_; }  // empty: it is a URL

  // A key of the URL, rendered by the rules of the server.
  struct Rendered {
    std::string text{};
    std::string with_port{};  // of requests whose Host has the URL's port; empty: it has none
    std::string unknown{};    // "$cookie_a": the URL does not tell it; empty: it is a key
    std::string_view why{};   // the server refuses such a URL; empty: it does not
  };
  Rendered key(const Template& form, const TargetRules& rules);
  // What the keys of all URLs begin with that begin with this one. `why`, too: they have nothing in
  // common, because something that goes on differently stands before the path.
  Rendered key_prefix(const Template& form, const TargetRules& rules);

 private:
  class Source;
  std::string_view resolve(const TargetRules& rules);
  std::uint16_t port() const;

  Arena arena_;
  RequestHead head_;
  std::string_view error_{};
};

}  // namespace weir::process
