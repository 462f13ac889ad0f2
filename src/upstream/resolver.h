// Resolver: asks DNS servers, through c-ares, in our event loop. Questions are tried again at the
// next server, over TCP where an answer is too long for UDP; EDNS is used.
//
// One lives for one round of questions: it reads /etc/resolv.conf when it is made. The owner must
// not destroy it inside on_answer().
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "event/loop.h"
#include "event/timer.h"
#include "event/watcher.h"
#include "os/fd.h"
#include "upstream/dns_answer.h"

struct ares_channeldata;

namespace weir {

class Resolver {
 public:
  struct Question {
    std::string name;
    DnsType type{};
    bool operator<(const Question& other) const {
      return name != other.name ? name < other.name : type < other.type;
    }
  };
  enum class State : unsigned char {
    answered,
    nothing,  // no such name, or nothing of that type
    failed,
  };
  class Owner {
   public:
    // `why` is for people; of an answer it is empty.
    virtual void on_answer(const Question& question, State state, const DnsAnswer& answer,
                           const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  // `servers`: "ADDRESS:PORT"; empty: those of the system.
  Resolver(Loop& loop, Owner& owner, const std::vector<std::string>& servers,
           std::chrono::milliseconds timeout);
  ~Resolver();
  Resolver& operator=(Resolver&&) = delete;

  const std::string& failure() const { return failure_; }  // why it can't be used; empty: it can
  void ask(Question question);                             // the owner may be called inside

 private:
  struct Asked {
    Resolver* resolver;
    Question question;
  };
  static void answered(void* asked, int status, int timeouts, unsigned char* bytes, int size);
  static void socket_changed(void* self, int fd, int readable, int writable);
  void process();
  void process_in_time();
  void wait();

  Owner& owner_;
  ares_channeldata* channel_ = nullptr;
  std::string failure_;
  std::list<Asked> asked_;  // not yet answered
  Fd epoll_;                // the sockets of c-ares, which wants to hear of them level by level
  LevelWatcher watcher_;
  Timer timer_;
  bool closing_ = false;
};

}  // namespace weir
