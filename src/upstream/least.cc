#include "upstream/least.h"

#include <algorithm>
#include <array>
#include <limits>

#include "upstream/turns.h"

namespace weir {
namespace {

constexpr float never = std::numeric_limits<float>::infinity();
constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
constexpr int corrections_max = 12;
constexpr int refusals_max = 4;  // then whoever comes first

}  // namespace

// First turns are spread over the time that a peer has between two, beginning with next_: else all
// workers would begin with the same peers, and each of them again with each new roster.
void Least::renew(const Roster& roster) {
  const std::size_t size = roster.size();
  loads_.renew(roster);
  touched_ = std::make_shared<Touched>(size);
  for (std::size_t i = 0; i < size; ++i) roster.peers[i]->watch(touched_, i);
  const std::size_t padded = touched_->blocks() * Touched::block;
  costs_.assign(padded, never);
  scores_.assign(padded, never);
  due_.assign(padded, last);
  best_.assign(touched_->blocks(), {never, 0, last});
  time_ = 0;
  if (size != 0) next_ %= size;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t place = i >= next_ ? i - next_ : i + size - next_;
    due_[i] = turn_step(roster.weights[i]) / size * place;
  }
  renewed_ = true;
}

void Least::look(const Choice& choice) {
  const Roster& roster = choice.roster();
  const clock::Monotonic now = choice.now();
  loads_.refresh(*touched_);
  if (find_costs(roster, now, renewed_, costs_)) touched_->all();
  renewed_ = false;
  for (std::size_t block = 0; block < best_.size(); ++block) {
    bool lost = false;
    for_each_bit(touched_->take(block), [&](std::size_t bit) {
      const std::size_t index = block * Touched::block + bit;
      find_cost(roster, index, now, Ask::own, costs_);
      scores_[index] = score(index);
      lost = !stays(index) || lost;
    });
    if (lost) find_best(block);
  }
}

// What a peer's new score or turn makes of the best of its block. False: the best is worse now, so
// it may be another one.
bool Least::stays(std::size_t index) {
  Best& best = best_[index / Touched::block];
  const Best now{scores_[index], static_cast<std::uint32_t>(index), due_[index]};
  const bool worse = best < now;
  if (!worse) best = now;
  return !worse || best.index != index;
}

// The lanes make vector instructions of the first loop.
void Least::find_best(std::size_t block) {
  constexpr std::size_t lanes = 16;
  const std::size_t from = block * Touched::block;
  std::array<float, lanes> least;
  least.fill(never);
  for (std::size_t at = from; at < from + Touched::block; at += lanes) {
    for (std::size_t i = 0; i < lanes; ++i) {
      least[i] = scores_[at + i] < least[i] ? scores_[at + i] : least[i];
    }
  }
  Best best{*std::min_element(least.begin(), least.end()), static_cast<std::uint32_t>(from), last};
  for (std::size_t i = from; i < from + Touched::block; ++i) {
    const bool earlier = scores_[i] == best.score && due_[i] < best.due;
    best.index = earlier ? static_cast<std::uint32_t>(i) : best.index;
    best.due = earlier ? due_[i] : best.due;
  }
  best_[block] = best;
}

const Least::Best& Least::best() const { return *std::min_element(best_.begin(), best_.end()); }

void Least::set_score(std::size_t index, float score) {
  scores_[index] = score;
  touched_->mark(index);  // what is true of it now may not be at the next choice
  if (!stays(index)) find_best(index / Touched::block);
}

// True: it is worse than was known.
bool Least::correct(const Choice& choice, std::size_t index) {
  loads_.correct(index);
  find_cost(choice.roster(), index, choice.now(), Ask::all, costs_);
  const float now = score(index);
  if (now <= scores_[index]) return false;
  set_score(index, now);
  return true;
}

void Least::took(std::size_t index, const Roster& roster) {
  next_ = index + 1 < roster.size() ? index + 1 : 0;
  time_ = std::max(time_, due_[index]);
  due_[index] = time_ + turn_step(roster.weights[index]);
  touched_->mark(index);
}

std::size_t Least::pick(const Choice& choice) {
  const std::size_t size = choice.size();
  if (size == 0) return no_peer;
  look(choice);
  for (int corrections = 0, refusals = 0; refusals < refusals_max;) {
    const Best found = best();
    if (found.score == never) return no_peer;
    if (corrections < corrections_max && correct(choice, found.index)) {
      ++corrections;
    } else if (choice.may(found.index)) {
      took(found.index, choice.roster());
      return found.index;
    } else {
      ++refusals;
      set_score(found.index, never);
    }
  }
  for (std::size_t step = 0, index = next_; step < size;
       ++step, index = index + 1 < size ? index + 1 : 0) {
    if (scores_[index] == never || !choice.may(index)) continue;
    took(index, choice.roster());
    return index;
  }
  return no_peer;
}

}  // namespace weir
