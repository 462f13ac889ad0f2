#include "process/purge_message.h"

#include <utility>

#include "process/control_protocol.h"

namespace weir::process {
namespace {

constexpr std::size_t part_bytes = sizeof Message::text - 1;

}  // namespace

std::vector<Message> purge_messages(const PurgeCommand& command, std::int64_t serial) {
  if (command.text.size() > control_line_max || command.cache.size() > part_bytes ||
      command.text.find('\0') != command.text.npos ||
      command.cache.find('\0') != command.cache.npos) {
    return {};
  }
  std::vector<Message> out;
  std::string_view rest = command.text;
  while (!rest.empty()) {
    Message& part = out.emplace_back();
    part.kind = Message::Kind::purge_text;
    part.index = static_cast<std::uint32_t>(out.size() - 1);
    part.value = serial;
    part.set_text(rest.substr(0, part_bytes));
    rest.remove_prefix(std::min(part_bytes, rest.size()));
  }
  Message order;
  order.kind = Message::Kind::purge;
  order.index = static_cast<std::uint32_t>(command.what);
  order.shard = static_cast<std::uint32_t>(out.size());
  order.reserved = command.soft ? 1 : 0;
  order.value = serial;
  order.set_text(command.cache);
  out.push_back(order);
  return out;
}

void PurgeReader::add_text(const Message& part) {
  if (part.index == 0) {
    text_.clear();
    parts_ = 0;
    serial_ = part.value;
  }
  if (part.value != serial_ || part.index != parts_) return;  // take() finds that it is missing
  text_ += part.text;
  ++parts_;
}

std::optional<PurgeCommand> PurgeReader::take(const Message& order) {
  const bool mine = serial_ == order.value;
  PurgeCommand out;
  out.text = std::exchange(text_, {});
  const std::uint32_t parts = std::exchange(parts_, 0);
  if (order.shard == 0) {
    out.text.clear();
  } else if (!mine || parts != order.shard) {
    return std::nullopt;
  }
  if (order.index >= PurgeCommand::what_names.size()) return std::nullopt;
  out.what = static_cast<PurgeCommand::What>(order.index);
  if (out.text.empty() != (out.what == PurgeCommand::What::all)) return std::nullopt;
  out.cache = order.text;
  out.soft = order.reserved != 0;
  return out;
}

}  // namespace weir::process
