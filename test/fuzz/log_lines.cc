// Access lines in every format with any values, and the rings they go through: a worker's ring is
// read by the logger, who may not trust it.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/json.h"
#include "observe/access_log.h"
#include "shm/ring.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

struct OneValue final : Values {
  explicit OneValue(std::string_view its_text) : text(its_text) {}
  bool append(const VariableRef& variable, std::string& out) const override {
    out += text;
    return variable.id != VariableId::upstream_addr;
  }
  std::string_view text;
};

// Format and value are the parts of the input before and behind the first NUL.
void run_formats(std::string_view input) {
  const auto cut = std::min(input.find('\0'), input.size());
  const std::string_view format = input.substr(0, cut);
  const OneValue values(input.substr(std::min(cut + 1, input.size())));
  conf::LogConf conf;
  TemplateProblem problem;
  std::string line;
  using Kind = conf::LogFormat::Kind;
  for (const Kind kind : {Kind::combined, Kind::json, Kind::custom}) {
    conf.format.value.kind = kind;
    if (kind == Kind::custom && !Template::compile(format, conf.format.value.custom, problem))
      break;
    for (const auto escape :
         {conf::LogEscape::standard, conf::LogEscape::json, conf::LogEscape::none}) {
      conf.escape.value = escape;
      observe::AccessFormat(conf).render(values, line);
      check(line.size() <= shm::line_bytes_max);
      check(line.find('\n') == line.size() - 1);
      if (kind == Kind::combined) {
        for (const char c : line.substr(0, line.size() - 1)) check(c >= 0x20 && c < 0x7f);
      }
      if (kind == Kind::json) check(!parse_json(line).is_discarded());
    }
  }
}

// The input as a ring that somebody scribbled over: 16 bytes of positions, then its data.
void run_ring(std::string_view input) {
  if (input.size() < 16) return;
  constexpr std::size_t size = 4096;
  const auto control = std::make_unique<shm::RingControl>();
  std::vector<std::byte> data(size);
  std::uint64_t head = 0, tail = 0;
  std::memcpy(&head, input.data(), sizeof head);
  std::memcpy(&tail, input.data() + 8, sizeof tail);
  // Mostly near one another, or nothing but damage would ever be seen.
  if (head % 4 != 0) head = tail + head % (size + 64);
  control->head = head;
  control->tail = tail;
  input.remove_prefix(16);
  std::memcpy(data.data(), input.data(), std::min(input.size(), size));
  const shm::Ring ring{control.get(), data};
  shm::RingReader reader(ring);
  auto walk = reader.walk();
  shm::RingReader::Record record;
  std::size_t lines = 0;
  while (walk.next(record)) {
    const auto* const begin = reinterpret_cast<const char*>(data.data());
    check(record.line.data() >= begin && record.line.size() <= shm::line_bytes_max &&
          record.line.data() + record.line.size() <= begin + size);
    check(record.stream < shm::stream_count);
    check(++lines <= size / 8);
  }
  if (walk.damaged()) {
    reader.skip_damage();
  } else {
    reader.advance(walk.position());
  }
  check(reader.head() == reader.tail());
  // The next owner of the slot goes on.
  shm::RingWriter writer(ring);
  check(writer.push(1, "line\n"));
  auto next = reader.walk();
  check(next.next(record) && record.line == "line\n" && !next.next(record) && !next.damaged());
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(log_lines) {
  if (input.size() > 65536) return;
  weir::fuzz::run_formats(input);
  weir::fuzz::run_ring(input);
}
