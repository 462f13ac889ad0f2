#include "process/channel.h"

#include <algorithm>
#include <cstring>

#include "os/socket.h"

namespace weir::process {

void Message::set_text(std::string_view words) {
  const std::size_t size = std::min(words.size(), sizeof text - 1);
  std::memcpy(text, words.data(), size);
  text[size] = '\0';
}

Result<std::pair<Channel, Channel>> Channel::make() {
  auto pair = packet_pair();
  if (!pair) return pair.error();
  return std::pair<Channel, Channel>(Channel(std::move(pair->first)),
                                     Channel(std::move(pair->second)));
}

bool Channel::send(const Message& message, const std::vector<int>& fds) const {
  return fd_ &&
         send_packet(fd_.get(), {reinterpret_cast<const char*>(&message), sizeof message}, fds);
}

bool Channel::send(Message::Kind kind, std::int64_t value) const {
  Message message;
  message.kind = kind;
  message.value = value;
  return send(message);
}

std::optional<Channel::Received> Channel::receive(bool& closed) const {
  Received out;
  Packet packet =
      receive_packet(fd_.get(), reinterpret_cast<char*>(&out.message), sizeof out.message);
  closed = packet.state == Packet::State::closed;
  if (packet.state != Packet::State::got) return std::nullopt;
  if (packet.size != sizeof out.message) {
    closed = true;  // not one of ours: no way to go on
    return std::nullopt;
  }
  out.message.text[sizeof out.message.text - 1] = '\0';
  out.fds = std::move(packet.fds);
  return out;
}

}  // namespace weir::process
