// List: an intrusive doubly linked list. A member derives from (or holds and hands out) a ListHook
// and takes itself off the list when it is destroyed, so no list ever points at the dead.
//
// The list owns nothing and allocates nothing. A hook is on at most one list; hooks and lists are
// pinned (others hold their addresses). Every operation is O(1) except size() and iteration.
// `Tag` lets one object stand on several lists: derive once per tag.
//
//   struct Session : ListHook<> { ... };
//   List<Session> idle;  idle.push_back(session);  session.unlink();
//
// While iterating, the current member may be unlinked or destroyed; no other one may.
#pragma once

#include <cassert>
#include <cstddef>

namespace weir {

struct DefaultListTag {};

template <class Tag = DefaultListTag>
class ListHook {
 public:
  ListHook() = default;
  ~ListHook() { unlink(); }
  ListHook& operator=(ListHook&&) = delete;  // pinned

  bool is_linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, class U>
  friend class List;

  void insert_before(ListHook& place) {
    assert(!is_linked());
    previous_ = place.previous_;
    next_ = &place;
    previous_->next_ = this;
    place.previous_ = this;
  }

  ListHook* previous_ = nullptr;
  ListHook* next_ = nullptr;
};

template <class T, class Tag = DefaultListTag>
class List {
  using Hook = ListHook<Tag>;

 public:
  // Steps on before the body of a loop runs, so that the body may destroy the member it was given.
  class Iterator {
   public:
    explicit Iterator(Hook* at) : at_(at), next_(at->next_) {}
    T& operator*() const { return *static_cast<T*>(at_); }
    T* operator->() const { return static_cast<T*>(at_); }
    Iterator& operator++() {
      at_ = next_;
      next_ = at_->next_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    Hook* at_;
    Hook* next_;
  };

  List() { end_.previous_ = end_.next_ = &end_; }
  ~List() {
    while (!empty()) end_.next_->unlink();
    end_.previous_ = end_.next_ = nullptr;
  }
  List& operator=(List&&) = delete;  // pinned

  bool empty() const { return end_.next_ == &end_; }
  void push_back(T& item) { hook(item).insert_before(end_); }
  void push_front(T& item) { hook(item).insert_before(*end_.next_); }
  T& front() {
    assert(!empty());
    return *static_cast<T*>(end_.next_);
  }
  T& back() {
    assert(!empty());
    return *static_cast<T*>(end_.previous_);
  }
  void move_to_back(T& item) {
    hook(item).unlink();
    push_back(item);
  }
  std::size_t size() const {
    std::size_t count = 0;
    for (const Hook* at = end_.next_; at != &end_; at = at->next_) ++count;
    return count;
  }

  Iterator begin() { return Iterator(end_.next_); }
  Iterator end() { return Iterator(&end_); }

 private:
  static Hook& hook(T& item) { return item; }

  Hook end_;
};

}  // namespace weir
