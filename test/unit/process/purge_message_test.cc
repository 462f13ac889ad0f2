#include "process/purge_message.h"

#include <doctest/doctest.h>

#include "process/control_protocol.h"

using namespace weir::process;

namespace {

using What = PurgeCommand::What;

std::optional<PurgeCommand> read(PurgeReader& reader, const std::vector<Message>& messages) {
  for (std::size_t i = 0; i + 1 < messages.size(); ++i) reader.add_text(messages[i]);
  return reader.take(messages.back());
}

}  // namespace

TEST_CASE("purge: a command of any length passes through the channel") {
  PurgeReader reader;
  std::int64_t serial = 0;
  for (const std::size_t size : {1U, 230U, 231U, 232U, 462U, 1000U, 4096U}) {
    CAPTURE(size);
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
    const PurgeCommand command{What::prefix, text, "pages", true};
    const auto messages = purge_messages(command, ++serial);
    CHECK(messages.size() == (size + 230) / 231 + 1);
    CHECK(messages.back().value == serial);
    CHECK(read(reader, messages) == command);
  }
  const PurgeCommand all{What::all, "", "", false};
  CHECK(purge_messages(all, 9).size() == 1);
  CHECK(read(reader, purge_messages(all, 9)) == all);
}

TEST_CASE("purge: a command that the channel can't carry is refused") {
  CHECK(purge_messages({What::url, std::string(4097, 'x'), {}, false}, 1).empty());
  CHECK(purge_messages({What::url, std::string("a\0b", 3), {}, false}, 1).empty());
  CHECK(purge_messages({What::all, {}, std::string(232, 'x'), false}, 1).empty());
}

TEST_CASE("purge: a text that broke off is begun anew, and never mixed with another") {
  const PurgeCommand one{What::url, std::string(600, 'a'), {}, false};
  const PurgeCommand two{What::key, std::string(500, 'b'), "c", true};
  const auto first = purge_messages(one, 1), second = purge_messages(two, 2);
  PurgeReader reader;
  reader.add_text(first[0]);
  reader.add_text(first[1]);
  CHECK(read(reader, first) == one);
  reader.add_text(first[0]);
  CHECK(read(reader, second) == two);
  reader.add_text(first[0]);
  CHECK_FALSE(reader.take(first.back()));  // two of three are missing
  for (const std::size_t part : {0, 2, 2}) reader.add_text(first[part]);
  CHECK_FALSE(reader.take(first.back()));  // three, but not those
  reader.add_text(second[0]);
  reader.add_text(second[1]);
  reader.add_text(second[2]);
  CHECK_FALSE(reader.take(first.back()));  // of another order
}

TEST_CASE("purge: an order that makes no sense is none") {
  PurgeReader reader;
  Message strange = purge_messages({What::all, {}, {}, false}, 1).back();
  strange.index = 99;
  CHECK_FALSE(reader.take(strange));
  strange.index = static_cast<std::uint32_t>(What::url);
  CHECK_FALSE(reader.take(strange));  // of no URL
}
