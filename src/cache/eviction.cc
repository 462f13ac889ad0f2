#include "cache/eviction.h"

#include <algorithm>

namespace weir::cache {

void Queues::found(Entry& entry) const {
  const std::uint16_t used = entry.used.load(std::memory_order_relaxed);
  if (is_lru()) {
    const auto now =
        static_cast<std::uint16_t>(memory_.control->generation.load(std::memory_order_relaxed));
    if (used != now) entry.used.store(now, std::memory_order_relaxed);
  } else if (used < 3) {
    entry.used.store(static_cast<std::uint16_t>(used + 1), std::memory_order_relaxed);
  }
}

unsigned Queues::warmth(const Entry& entry) const {
  const std::uint16_t used = entry.used.load(std::memory_order_relaxed);
  if (!is_lru()) return std::min<unsigned>(used + (entry.queue == main ? 1U : 0U), warmest);
  const std::uint64_t now = memory_.control->generation.load(std::memory_order_relaxed);
  const auto age = static_cast<std::uint16_t>(now - used);
  const std::uint64_t oldest = now - memory_.derived().oldest;
  return age <= 1 ? 3 : age <= oldest / 8 ? 2 : age <= oldest / 2 ? 1 : 0;
}

// The links are bounds-checked where they are followed: a bit that flips makes damage, not a crash.
bool Queues::get_link(std::uint32_t number, Link& link) const {
  const std::uint32_t capacity = index_.capacity();
  if (number >= capacity + queues) return false;
  link = number < capacity ? Link{index_.entry(number).next, index_.entry(number).previous}
                           : memory_.derived().queue[number - capacity];
  return link.next < capacity + queues && link.previous < capacity + queues;
}

void Queues::set_next(std::uint32_t number, std::uint32_t next) const {
  const std::uint32_t capacity = index_.capacity();
  (number < capacity ? index_.entry(number).next
                     : memory_.derived().queue[number - capacity].next) = next;
}

void Queues::set_previous(std::uint32_t number, std::uint32_t previous) const {
  const std::uint32_t capacity = index_.capacity();
  (number < capacity ? index_.entry(number).previous
                     : memory_.derived().queue[number - capacity].previous) = previous;
}

std::uint32_t Queues::oldest_of(std::uint32_t queue) const {
  Link link{};
  if (!get_link(head_of(queue), link)) {
    memory_.found_damage();
    return nothing;
  }
  return link.next < index_.capacity() ? link.next : nothing;
}

void Queues::push(std::uint32_t queue, std::uint32_t number) const {
  const std::uint32_t head = head_of(queue);
  Link link{};
  if (!get_link(head, link)) return memory_.found_damage();
  set_next(number, head);
  set_previous(number, link.previous);
  set_next(link.previous, number);
  set_previous(head, number);
}

void Queues::unlink(std::uint32_t number) const {
  Link link{}, next{}, previous{};
  if (!get_link(number, link) || !get_link(link.next, next) || !get_link(link.previous, previous) ||
      next.previous != number || previous.next != number) {
    return memory_.found_damage();
  }
  set_next(link.previous, link.next);
  set_previous(link.next, link.previous);
}

void Queues::reset() const {
  Derived& it = memory_.derived();
  for (std::uint32_t queue = 0; queue < queues; ++queue) {
    it.queue[queue] = {head_of(queue), head_of(queue)};
  }
  for (int queue = 0; queue < 2; ++queue) it.queue_units[queue] = it.queue_entries[queue] = 0;
  it.oldest = memory_.control->generation.load(std::memory_order_relaxed);
  it.inserted = 0;
}

void Queues::insert(std::uint32_t number, std::uint64_t hash, std::uint32_t units) const {
  Entry& entry = index_.entry(number);
  entry.units = units;
  if (!is_lru()) {
    entry.used.store(0, std::memory_order_relaxed);
    return enqueue(recall(hash) ? main : small, number, units);
  }
  const std::uint64_t now = memory_.control->generation.load(std::memory_order_relaxed);
  entry.used.store(static_cast<std::uint16_t>(now), std::memory_order_relaxed);
  push(static_cast<std::uint32_t>(now % queues), number);
  begin_generation();
}

void Queues::replace(std::uint32_t number, std::uint32_t units) const {
  Entry& entry = index_.entry(number);
  if (!is_lru()) {
    std::uint64_t& sum = memory_.derived().queue_units[entry.queue & 1];
    sum += units;
    sum -= entry.units;
  }
  entry.units = units;
  found(entry);
}

void Queues::insert_again(std::uint32_t number, std::uint32_t units) const {
  Entry& entry = index_.entry(number);
  entry.units = units;
  if (!is_lru()) return enqueue(entry.queue == small ? small : main, number, units);
  push(static_cast<std::uint32_t>(generation_of(entry) % queues), number);
}

void Queues::erase(std::uint32_t number) const {
  if (is_lru()) return unlink(number);
  dequeue(number);
}

void Queues::relocate(std::uint32_t from, std::uint32_t to) const {
  const Entry& old = index_.entry(from);
  Entry& fresh = index_.entry(to);
  fresh.used.store(old.used.load(std::memory_order_relaxed), std::memory_order_relaxed);
  fresh.queue = old.queue;
  fresh.units = old.units;
  Link link{};
  if (!get_link(from, link)) return memory_.found_damage();
  set_next(to, link.next);
  set_previous(to, link.previous);
  set_next(link.previous, to);
  set_previous(link.next, to);
}

std::uint32_t Queues::choose(Limit limit) const {
  return is_lru() ? choose_lru() : choose_s3fifo(limit);
}

bool Queues::is_colder(const Entry& one, const Entry& other) const {
  if (is_lru()) return generation_of(one) < generation_of(other);
  return one.used.load(std::memory_order_relaxed) < other.used.load(std::memory_order_relaxed);
}

}  // namespace weir::cache
