#include "upstream/resolver.h"

#include <ares.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

constexpr int tries = 2;          // of each server
constexpr int edns_bytes = 1232;  // what passes everywhere unfragmented
constexpr int class_internet = 1;

std::string words_of(int status) {
  switch (status) {
    case ARES_ENODATA: return "nothing of that kind";
    case ARES_ENOTFOUND: return "no such name (NXDOMAIN)";
    case ARES_ETIMEOUT: return "no answer in time";
    // What it says when it has tried all of them, whatever was wrong with each.
    case ARES_ECONNREFUSED: return "the resolvers fail (SERVFAIL), refuse or can't be reached";
    case ARES_EBADRESP: return "an answer that makes no sense";
    default: return ares_strerror(status);
  }
}

std::string joined(const std::vector<std::string>& servers) {
  std::string out;
  for (const std::string& server : servers) out.append(out.empty() ? "" : ",").append(server);
  return out;
}

}  // namespace

Resolver::Resolver(Loop& loop, Owner& owner, const std::vector<std::string>& servers,
                   std::chrono::milliseconds timeout)
    : owner_(owner),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      watcher_(
          loop, [](void* self) { static_cast<Resolver*>(self)->process(); }, this),
      timer_(
          loop, [](void* self) { static_cast<Resolver*>(self)->process_in_time(); }, this) {
  if (!epoll_ || !watcher_.watch(epoll_.get())) {
    failure_ = fmt::format("its sockets can't be watched ({}: {})", errno, std::strerror(errno));
    return;
  }
  ares_options options{};
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = edns_bytes;
  options.timeout = static_cast<int>(timeout.count());
  options.tries = tries;
  options.sock_state_cb = &Resolver::socket_changed;
  options.sock_state_cb_data = this;
  const int made = ares_init_options(&channel_, &options,
                                     ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
                                         ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (made != ARES_SUCCESS) {
    channel_ = nullptr;
    failure_ = words_of(made);
    return;
  }
  if (servers.empty()) return;
  const int set = ares_set_servers_ports_csv(channel_, joined(servers).c_str());
  if (set != ARES_SUCCESS) failure_ = words_of(set);
}

Resolver::~Resolver() {
  closing_ = true;
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Resolver::ask(Question question) {
  Asked& asked = asked_.emplace_back(Asked{this, std::move(question)});
  ares_query(channel_, asked.question.name.c_str(), class_internet,
             static_cast<int>(asked.question.type), &Resolver::answered, &asked);
  wait();
}

void Resolver::answered(void* asked, int status, int, unsigned char* bytes, int size) {
  Resolver& self = *static_cast<Asked*>(asked)->resolver;
  if (self.closing_) return;
  const Question question = std::move(static_cast<Asked*>(asked)->question);
  self.asked_.remove_if([asked](const Asked& other) { return &other == asked; });
  if (status == ARES_ENODATA || status == ARES_ENOTFOUND) {
    return self.owner_.on_answer(question, State::nothing, {}, words_of(status));
  }
  if (status != ARES_SUCCESS) {
    return self.owner_.on_answer(question, State::failed, {}, words_of(status));
  }
  const auto answer =
      parse_dns_answer({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)},
                       question.name, question.type);
  if (!answer) {
    return self.owner_.on_answer(question, State::failed, {}, std::string(answer.error().what));
  }
  const bool empty = answer->addresses.empty() && answer->services.empty();
  self.owner_.on_answer(question, empty ? State::nothing : State::answered, *answer,
                        empty ? words_of(ARES_ENODATA) : "");
}

void Resolver::socket_changed(void* self, int fd, int readable, int writable) {
  const int epoll = static_cast<Resolver*>(self)->epoll_.get();
  epoll_event wanted{};
  wanted.events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
  wanted.data.fd = fd;
  if (wanted.events == 0) {
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
  } else if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &wanted) != 0) {
    // Where this fails the question runs into its timeout.
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
  }
}

void Resolver::process() {
  std::array<epoll_event, 16> ready;
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = ready[static_cast<std::size_t>(i)];
    const bool ill = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    ares_process_fd(channel_,
                    ill || (event.events & EPOLLIN) != 0 ? event.data.fd : ARES_SOCKET_BAD,
                    ill || (event.events & EPOLLOUT) != 0 ? event.data.fd : ARES_SOCKET_BAD);
  }
  wait();
}

void Resolver::process_in_time() {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  wait();
}

void Resolver::wait() {
  timeval time{};
  if (ares_timeout(channel_, nullptr, &time) == nullptr) return timer_.cancel();
  timer_.arm(std::chrono::milliseconds(time.tv_sec * 1000 + time.tv_usec / 1000 + 1));
}

}  // namespace weir
