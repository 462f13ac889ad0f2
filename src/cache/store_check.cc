// What must hold in a cache zone while nobody changes it.
#include <fmt/format.h>

#include "cache/cores.h"

namespace weir::cache {
namespace {

class Check {
 public:
  explicit Check(Inner& inner) : inner_(inner), live_(inner.memory.geometry.segments) {}

  std::vector<std::string> run() {
    expect(!inner_.memory.has_damage(), "damaged for writing");
    for (std::uint32_t number = 0; number < inner_.index.capacity(); ++number) entry(number);
    const Derived& it = inner_.memory.derived();
    expect(entries_ == it.entries.load(), "{} entries, counted as {}", entries_, it.entries.load());
    expect(units_ == it.live.load(), "{} live units, counted as {}", units_, it.live.load());
    std::uint32_t free = 0;
    for (std::uint32_t segment = 0; segment < live_.size(); ++segment) {
      free += inner_.segments.word(segment).state == SegmentState::free;
      check_segment(segment);
    }
    expect(free == it.free_segments.load(), "{} free segments, counted as {}", free,
           it.free_segments.load());
    check_queues();
    check_cells();
    return std::move(found_);
  }

 private:
  template <class... Args>
  void expect(bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds) found_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void live(Ref ref, std::uint32_t units, std::uint32_t number) {
    const bool current = inner_.segments.is_current(ref);
    expect(current, "entry {}: refers to a segment that is another's", number);
    if (!current) return;
    expect(std::uint64_t{ref.place()} + units <= inner_.memory.books[ref.segment()].written,
           "entry {}: reaches beyond what segment {} has", number, ref.segment());
    live_[ref.segment()] += units;
    of_entry_ += units;
  }

  void entry(std::uint32_t number) {
    const std::uint64_t tag = inner_.index.tag(number).load();
    if (tag == 0) return;
    ++entries_;
    of_entry_ = 0;
    const Ref ref = inner_.index.ref(number);
    Head* const head = inner_.sound_head(ref, tag);
    expect(head != nullptr, "entry {}: its head is damaged", number);
    expect(inner_.index.find(tag) == number, "entry {}: can't be found", number);
    if (head == nullptr) return;
    live(ref, head->units, number);
    const auto body = Body::of(head->body.load());
    expect(body && body->progress != Body::Progress::growing, "entry {}: is not complete", number);
    const auto pieces = inner_.objects.pieces_of(*head);
    expect(pieces.has_value(), "entry {}: its table is damaged", number);
    if (!pieces) return;
    for (const Piece& piece : *pieces) {
      live(Ref(piece.ref.load()), piece_units(piece.bytes.load()), number);
    }
    if (const Ref table = Objects::table_of(*head)) {
      live(table, table_units(inner_.segments.chunk<Part>(table, Magic::table)->number), number);
    }
    expect(of_entry_ == inner_.index.entry(number).units, "entry {}: {} units, counted as {}",
           number, of_entry_, inner_.index.entry(number).units);
    units_ += of_entry_;
  }

  void check_segment(std::uint32_t segment) {
    const SegmentWord word = inner_.segments.word(segment);
    const Book& book = inner_.memory.books[segment];
    expect(word.state <= SegmentState::drain, "segment {}: no such state", segment);
    expect(book.written <= inner_.memory.geometry.segment_units, "segment {}: over-full", segment);
    if (!word.may_be_read()) {
      expect(live_[segment] == 0, "segment {}: something lives there", segment);
      return;
    }
    expect(live_[segment] == book.live, "segment {}: {} live units, counted as {}", segment,
           live_[segment], book.live);
    const Derived& it = inner_.memory.derived();
    expect(word.state != SegmentState::open || it.open[0] == segment || it.open[1] == segment,
           "segment {}: open and forgotten", segment);
  }

  void check_queues() {
    const Derived& it = inner_.memory.derived();
    const std::uint32_t capacity = inner_.index.capacity();
    std::uint64_t queued = 0;
    for (std::uint32_t queue = 0; queue < queues; ++queue) {
      std::uint32_t at = it.queue[queue].next;
      for (; at < capacity && queued <= entries_; ++queued) at = inner_.index.entry(at).next;
      expect(at == capacity + queue, "queue {}: does not end where it began", queue);
    }
    expect(queued == entries_, "{} entries in queues, {} in the index", queued, entries_);
  }

  void check_cells() {
    const std::uint32_t high = inner_.memory.control->slots_high.load();
    for (std::uint32_t i = 0; i < fill_cells; ++i) {
      const CellWord word = CellWord::of(inner_.memory.cells[i].word.load());
      expect(word.state <= CellState::orphaned, "fill {}: no such state", i);
      expect(!word.is_active() || word.slot < high || word.slot == disk_slot,
             "fill {}: of slot {}, which nobody had", i, word.slot);
    }
  }

  Inner& inner_;
  std::vector<std::uint64_t> live_;
  std::vector<std::string> found_;
  std::uint64_t units_ = 0, of_entry_ = 0;
  std::uint32_t entries_ = 0;
};

}  // namespace

std::vector<std::string> Store::check_now() const {
  constexpr std::chrono::seconds patience{2};
  if (inner_->memory.has_damage()) return {"damaged for writing: it is being repaired"};
  const Lock lock(inner_->memory, patience);
  if (!lock) return {"its lock could not be had"};
  return check();
}

std::vector<std::string> Store::check() const { return Check(*inner_).run(); }

}  // namespace weir::cache
