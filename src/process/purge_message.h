// PurgeMessage: an order to purge as messages of the channel: its text in as many as it takes, then
// the order itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/channel.h"
#include "process/purge_command.h"

namespace weir::process {

// Empty: it can't be said in messages.
std::vector<Message> purge_messages(const PurgeCommand& command, std::int64_t serial);

// Puts together what comes. A sender that could not go on begins anew: then so does this.
class PurgeReader {
 public:
  void add_text(const Message& part);
  // The order is there. nullopt: a part of it is missing, or it makes no sense.
  std::optional<PurgeCommand> take(const Message& order);

 private:
  std::string text_{};
  std::int64_t serial_ = 0;  // whose parts they are
  std::uint32_t parts_ = 0;
};

}  // namespace weir::process
