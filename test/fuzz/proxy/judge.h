// Judge: reads all that went over the wires of a run, with the strict reader, and says whether it
// is what a proxy may do:
//
// - What reaches an origin is well-framed requests, one after the other, each one a client's: its
//   method, its path by the rules, its body; a body that is not whole at the client is not whole at
//   the origin. Nothing of one hop, no key, nothing that is answered here or refused.
// - A connection to an origin is used again only behind a whole answer, with nothing in between.
// - What reaches a client is well-framed answers in the order of its requests, one for each; whole
//   only if the origin's answer was whole.
// - Behind a 101 the bytes are the other side's.
// - Each request is logged once, with the status and the bytes that the client got.
//
// Where there is a cache or a content coding (judge_stored.cc, judge_coded.cc):
//
// - What reaches an origin is made for a request of a client for the same: that one's, or one that
//   refreshes. Its conditions and its range are the client's, or the cache's: with what an origin
//   has said of the same.
// - What reaches a client is, decoded, what an origin gave to a request for the same: the whole or
//   its beginning, or those parts that Content-Range says of it; after a loss the rest by a range
//   of the same version, of a large one slices of one version. 206, 304 and 416 are for those who
//   asked so. What is for one client, or chosen by Vary for others, comes from no store, what was
//   purged is not found again, and a hit is not older than its lifetime.
// - What is compressed is so for who takes it, and is not what the strong ETag names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/fuzz/proxy/configuration.h"
#include "test/fuzz/proxy/kernel.h"
#include "test/fuzz/proxy/strict.h"
#include "test/fuzz/proxy/target.h"

namespace weir::fuzz {

struct LogLine;

class Judge {
 public:
  // `purged_all`: the step in which all that was stored was purged the last time.
  Judge(const Kernel& kernel, const std::vector<LogLine>& log, unsigned purged_all);
  void all() const;
  // Whether each request has a line in the log: not those that refresh, or come again at a place
  // without one.
  bool each_is_logged() const;

 private:
  // A client's connection: requests[i] is answered by answers[i].
  struct Client {
    const Wire* wire = nullptr;
    std::vector<StrictMessage> requests{}, answers{};  // the last request may be bad or partial
    std::string_view to_tunnel{}, from_tunnel{};       // behind a 101
    std::vector<std::size_t> begins{};                 // of the requests, in the wire's input
    std::vector<std::size_t> ends{};                   // of the answers, in its output
    bool quiet = false;                                // some of it is not logged
  };
  // A request at an origin, and its answer.
  struct Served {
    const Wire* wire;
    std::size_t client, index;
    StrictMessage request, answer;  // answer.head is whole where there is one
    std::size_t answer_end = 0;     // in the wire's input
    std::string_view to_tunnel, from_tunnel;
    bool is_of(std::size_t its_client, std::size_t its_index) const {
      return client == its_client && index == its_index;
    }
  };
  // What an origin gave, or what may have been made of it.
  struct Content {
    const Served& source;
    std::string_view body;
    bool whole;
  };
  struct Asking {  // and what came of it
    std::size_t client, index;
    const StrictMessage& asked;
    const StrictMessage& got;
    Place place;
  };

  void read_client(const Wire& wire);
  bool read_answer(Client& client, std::string_view& output) const;
  void read_origin(const Wire& wire);
  void check_tries() const;
  void check_request(const Served& served) const;
  void check_own_request(const Served& served) const;
  static void check_body(const Served& served, const StrictMessage& asked);
  void check_target(const Served& served, const StrictMessage& asked) const;
  static void check_fields(const Served& served, const StrictMessage& asked);
  void check_answer(std::size_t client, std::size_t index) const;
  bool came_early(const StrictMessage& got) const;
  void check_log() const;

  void check_stored_request(const Served& served) const;
  bool is_made_for(const Served& served, std::size_t index) const;
  void check_conditions(const Served& served, const StrictMessage& asked) const;
  bool was_said(const Served& of, std::string_view field, std::string_view value) const;
  void check_stored_answer(const Asking& it) const;
  void check_word(const Asking& it) const;
  bool may_serve(const Served& source, const Asking& it) const;
  bool was_stale(const Served& source, const Asking& it) const;
  bool was_purged(const Served& source, const Asking& it) const;
  bool is_resumed(const Served& source, const Asking& it) const;
  bool is_of_slices(const Asking& it) const;
  static bool explains(const Content& content, const Asking& it);
  static bool carries(const Content& content, const Asking& it);
  static bool has_parts_of(const Content& content, const Asking& it);

  const std::vector<LogLine>& log_;
  const unsigned purged_all_;
  std::vector<Client> clients_;
  std::vector<Served> served_;
  std::vector<unsigned> early_;  // statuses of answers to requests whose head was not whole yet
};

}  // namespace weir::fuzz
