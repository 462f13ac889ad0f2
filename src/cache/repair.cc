// Repair: makes all that is derived anew from what is authoritative, after a process died in the
// middle of a change or something was found that can't be. Entries that don't prove right are
// dropped. Hits go on meanwhile; nobody changes anything, as the mark of the damage stands.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "cache/cores.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

class Repair {
 public:
  explicit Repair(Inner& inner) : inner_(inner), ends_(inner.memory.geometry.segments) {}

  void run() {
    walk_segments();
    take_entries();
    std::sort(kept_.begin(), kept_.end(),
              [](const Kept& one, const Kept& other) { return one.seq < other.seq; });
    const std::uint64_t now = inner_.memory.control->generation.load();
    inner_.queues.reset();
    derived().oldest = now - std::min<std::uint64_t>(now, queues - 1);
    derived().live.store(0);
    derived().entries.store(static_cast<std::uint32_t>(kept_.size()));
    for (const Kept& it : kept_) {
      derived().live.store(derived().live.load() + it.units);
      inner_.queues.insert_again(it.number, it.units);
    }
  }

 private:
  struct Kept {
    std::uint64_t seq;
    std::uint32_t number, units;
  };
  Derived& derived() const { return inner_.memory.derived(); }

  void walk_segments() {
    const Geometry& geometry = inner_.memory.geometry;
    Derived& it = derived();
    it.open[0] = it.open[1] = it.victim = nothing;
    it.place = it.free_hint = it.draining = 0;
    std::uint32_t free = 0;
    for (std::uint32_t segment = 0; segment < geometry.segments; ++segment) {
      SegmentWord word = inner_.segments.word(segment);
      if (word.state > SegmentState::drain || word.state == SegmentState::open) {
        word.state = SegmentState::sealed;
        inner_.memory.states[segment].store(word.word());
      }
      free += word.state == SegmentState::free;
      it.draining += word.state == SegmentState::drain;
      Book& book = inner_.memory.books[segment];
      book.live = 0;
      book.written = ends_[segment] =
          word.state == SegmentState::sealed ? end_of(segment, book.written) : 0;
    }
    it.free_segments.store(free);
  }

  // How far one comes from chunk to chunk.
  std::uint32_t end_of(std::uint32_t segment, std::uint32_t written) const {
    written = std::min(written, inner_.memory.geometry.segment_units);
    std::uint32_t place = 0;
    while (place < written) {
      const auto* const chunk =
          reinterpret_cast<const Chunk*>(inner_.segments.bytes(Ref(1, segment, place)));
      if (chunk->units == 0 || chunk->units > written - place) break;
      place += chunk->units;
    }
    return place;
  }

  bool lies_within(Ref ref, std::uint32_t units) const {
    return inner_.segments.is_current(ref) &&
           std::uint64_t{ref.place()} + units <= ends_[ref.segment()];
  }

  void take_entries() {
    for (std::uint32_t number = 0; number < inner_.index.capacity(); ++number) {
      if (inner_.index.tag(number).load() == 0) {
        inner_.index.entry(number).ref.store(0);
        continue;
      }
      if (const std::uint32_t units = take(number); units != 0) {
        kept_.push_back({inner_.objects.head_of(number)->seq, number, units});
      } else {
        const bool hidden = is_hidden(number);  // removed while there was no lock to be had
        inner_.index.clear(number);
        count(hidden ? inner_.memory.control->purged : inner_.memory.control->damaged);
      }
    }
  }

  bool is_hidden(std::uint32_t number) const {
    const Head* const head = inner_.objects.head_of(number);
    const auto body = head == nullptr ? std::nullopt : Body::of(head->body.load());
    return body && body->progress == Body::Progress::failed;
  }

  // The units of a sound object, which are counted as living; 0: it is not sound.
  std::uint32_t take(std::uint32_t number) {
    const std::uint64_t tag = inner_.index.tag(number).load();
    const Ref ref = inner_.index.ref(number);
    if (!inner_.segments.is_current(ref) || inner_.index.find(tag) != number) return 0;
    Head* const head = inner_.sound_head(ref, tag);
    if (head == nullptr || !lies_within(ref, head->units)) return 0;
    const auto body = Body::of(head->body.load());
    if (!body || body->progress != Body::Progress::complete) return 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> chunks{{ref.segment(), head->units}};
    if (head->in_pieces != 0 && !take_pieces(*head, chunks)) return 0;
    std::uint32_t units = 0;
    for (const auto& [segment, its_units] : chunks) {
      inner_.memory.books[segment].live += its_units;
      units += its_units;
    }
    return units;
  }

  bool take_pieces(Head& head, std::vector<std::pair<std::uint32_t, std::uint32_t>>& chunks) const {
    if (const Ref table = Objects::table_of(head)) {
      const Part* const part = inner_.segments.chunk<Part>(table, Magic::table);
      if (part == nullptr || !lies_within(table, table_units(part->number))) return false;
      chunks.emplace_back(table.segment(), table_units(part->number));
    }
    const auto pieces = inner_.objects.pieces_of(head);
    if (!pieces) return false;
    for (const Piece& piece : *pieces) {
      const Ref ref(piece.ref.load());
      const std::uint32_t units = piece_units(piece.bytes.load());
      const Part* const part = inner_.segments.chunk<Part>(ref, Magic::piece);
      if (part == nullptr || part->hash != head.hash || part->body_seq != list_of(head).body_seq ||
          units > part->units || !lies_within(ref, units)) {
        return false;
      }
      chunks.emplace_back(ref.segment(), units);
    }
    return true;
  }

  Inner& inner_;
  std::vector<std::uint32_t> ends_;
  std::vector<Kept> kept_;
};

}  // namespace

void Inner::repair() {
  // Who is inside may have found the damage and not be done: it has to leave first.
  pthread_mutex_t& mutex = memory.control->mutex;
  const int result = lock_within(mutex, Lock::patient);
  if (result == EOWNERDEAD) {
    ::pthread_mutex_consistent(&mutex);
  } else if (result != 0) {
    count(memory.control->lock_timeouts);
    return;
  }
  ::pthread_mutex_unlock(&mutex);
  SHM_POINT(cache_repairing);
  Repair(*this).run();
  SHM_POINT(cache_repaired);
  memory.control->damage.store(0, std::memory_order_release);
}

}  // namespace weir::cache
