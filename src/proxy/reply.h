// Reply: an answer of our own: errors, redirects, `return`. Says what the status says and nothing
// else: no path, no peer, no version, no reason that would help an attacker.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/body.h"
#include "http/message.h"

namespace weir {

class Arena;

struct Reply {
  std::uint16_t status = 500;
  std::string_view body{};  // with its type; empty for an error or redirect: the standard page
  std::string_view content_type{};
  std::string_view location{};   // of a redirect
  std::string_view challenge{};  // WWW-Authenticate of a 401
  bool plain = false;            // `body` is the body even if it is empty
  bool allow = false;            // tell the methods that are served
};

// Head and body of the reply. The head's fields point to literals, the reply's text and the arena.
std::string_view build_reply(const Reply& reply, const RequestHead& request, ResponseHead& head,
                             Arena& arena);

// Gives text that lives long enough as a message body.
class TextSource final : public BodySource {
 public:
  void start(std::string_view text, BodySink& sink);
  void resume() override;
  void stop() { sink_ = nullptr; }

 private:
  std::string_view rest_{};
  BodySink* sink_ = nullptr;
};

}  // namespace weir
