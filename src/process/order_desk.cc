#include "process/order_desk.h"

#include <algorithm>

#include <fmt/format.h>

#include "process/purge_message.h"

namespace weir::process {
namespace {

constexpr std::size_t waiting_max = 64;
constexpr std::chrono::seconds answer_time{10};
constexpr std::chrono::milliseconds look_interval{50};

constexpr std::uint32_t persist_flag = 1, backup_flag = 2;

// False: the channel is full. The one who reads begins anew with the first of them.
bool send_all(const Channel& channel, const std::vector<Message>& messages) {
  return std::all_of(messages.begin(), messages.end(),
                     [&](const Message& message) { return channel.send(message); });
}

}  // namespace

std::optional<Message> order_message(const PeerCommand& command, std::int64_t serial) {
  Message out;
  out.kind = Message::Kind::order;
  out.index = static_cast<std::uint32_t>(command.action);
  out.shard = command.weight;
  out.reserved = (command.persist ? persist_flag : 0) | (command.backup ? backup_flag : 0);
  out.value = serial;
  const std::string words = command.group + '\n' + command.peer;
  if (words.size() >= sizeof out.text || words.find('\0') != words.npos ||
      std::count(words.begin(), words.end(), '\n') != 1) {
    return std::nullopt;
  }
  out.set_text(words);
  return out;
}

std::optional<PeerCommand> order_of(const Message& message) {
  const std::string_view words(message.text);
  const std::size_t middle = words.find('\n');
  if (middle == words.npos || message.index >= PeerCommand::action_names.size() ||
      message.shard > 65'535) {
    return std::nullopt;
  }
  PeerCommand out;
  out.action = static_cast<PeerCommand::Action>(message.index);
  out.group = words.substr(0, middle);
  out.peer = words.substr(middle + 1);
  out.weight = static_cast<std::uint16_t>(message.shard);
  out.persist = (message.reserved & persist_flag) != 0;
  out.backup = (message.reserved & backup_flag) != 0;
  return out;
}

Message ordered_message(std::int64_t serial, bool ok, std::string_view text) {
  Message out;
  out.kind = Message::Kind::ordered;
  out.index = ok ? 1 : 0;
  out.value = serial;
  out.set_text(text);
  return out;
}

void OrderDesk::give(const PeerCommand& command, Done done) {
  const auto message = order_message(command, next_serial_);
  if (!message) return done(false, "the names are too long");
  wait({*message}, std::move(done));
}

void OrderDesk::give(const PurgeCommand& command, Done done) {
  std::vector<Message> messages = purge_messages(command, next_serial_);
  if (messages.empty()) return done(false, "the text is too long");
  wait(std::move(messages), std::move(done));
}

void OrderDesk::wait(std::vector<Message> messages, Done done) {
  if (waiting_.size() >= waiting_max) return done(false, "too many orders wait already");
  waiting_.push_back({next_serial_++, std::move(messages), std::move(done),
                      Poller::Clock::now() + answer_time, 0});
  look();
}

// The one that works, or is about to: an order stays in its channel until then.
Child* OrderDesk::housekeeper() {
  for (Child* child : instance_.children.of_role(shm::Role::housekeeper)) {
    if (child->state == Child::State::serving && instance_.current != nullptr &&
        child->generation == instance_.current->number) {
      return child;
    }
  }
  return nullptr;
}

void OrderDesk::look() {
  instance_.poller.cancel(timer_);
  Child* const keeper = housekeeper();
  const auto now = Poller::Clock::now();
  bool full = false;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (now >= it->until) {
      const Done done = std::move(it->done);
      const bool was_sent = it->sent_to != 0;
      it = waiting_.erase(it);
      done(false, was_sent ? "the housekeeper does not answer" : "no housekeeper works");
      continue;
    }
    if (!full && keeper != nullptr && it->sent_to != keeper->pid) {
      full = !send_all(keeper->channel, it->messages);  // the others keep their turn
      if (!full) it->sent_to = keeper->pid;
    }
    ++it;
  }
  if (!waiting_.empty()) {
    timer_ = instance_.poller.after(look_interval, [this] {
      timer_ = 0;
      look();
    });
  }
}

void OrderDesk::on_ordered(const Message& message) {
  const auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.serial == message.value;
  });
  if (it == waiting_.end()) return;  // it came too late
  const Done done = std::move(it->done);
  waiting_.erase(it);
  done(message.index == 1, message.text);
}

}  // namespace weir::process
