// OrderDesk: the master's side of orders that the housekeeper obeys: about peers, because it alone
// writes their cells; and to purge, because the master takes no lock of a zone. An order goes to it
// over the channel; should it die or be replaced before it has answered, the order goes to its
// successor (each order may be obeyed twice). Bounded in number and time.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "process/instance.h"
#include "process/purge_command.h"
#include "upstream/peer_command.h"

namespace weir::process {

// An order as a message; nullopt where its words are too long for one.
std::optional<Message> order_message(const PeerCommand& command, std::int64_t serial);
std::optional<PeerCommand> order_of(const Message& message);
Message ordered_message(std::int64_t serial, bool ok, std::string_view text);

class OrderDesk {
 public:
  using Done = std::function<void(bool ok, std::string text)>;

  explicit OrderDesk(Instance& instance) : instance_(instance) {}
  ~OrderDesk() { instance_.poller.cancel(timer_); }
  OrderDesk(const OrderDesk&) = delete;
  OrderDesk& operator=(const OrderDesk&) = delete;

  // `done` is called once, maybe at once.
  void give(const PeerCommand& command, Done done);
  void give(const PurgeCommand& command, Done done);
  void on_ordered(const Message& message);

 private:
  struct Waiting {
    std::int64_t serial;
    std::vector<Message> messages;
    Done done;
    Poller::Clock::time_point until;
    pid_t sent_to = 0;
  };
  void wait(std::vector<Message> messages, Done done);
  Child* housekeeper();
  void look();

  Instance& instance_;
  std::list<Waiting> waiting_;
  std::int64_t next_serial_ = 1;
  Poller::TimerId timer_ = 0;
};

}  // namespace weir::process
