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
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "test/fuzz/proxy/kernel.h"
#include "test/fuzz/proxy/strict.h"

namespace weir::fuzz {

struct LogLine;

class Judge {
 public:
  Judge(const Kernel& kernel, const std::vector<LogLine>& log);
  void all() const;

 private:
  // A client's connection: requests[i] is answered by answers[i].
  struct Client {
    const Wire* wire;
    std::vector<StrictMessage> requests, answers;  // the last request may be bad or partial
    std::string_view to_tunnel, from_tunnel;       // behind a 101
  };
  // A request at an origin, and its answer.
  struct Served {
    const Wire* wire;
    std::size_t client, index;
    StrictMessage request, answer;  // answer.head is whole where there is one
    std::string_view to_tunnel, from_tunnel;
  };

  void read_client(const Wire& wire);
  bool read_answer(Client& client, std::string_view& output) const;
  void read_origin(const Wire& wire);
  void check_request(const Served& served) const;
  void check_target(const Served& served, const StrictMessage& asked) const;
  void check_fields(const Served& served, const StrictMessage& asked) const;
  void check_answer(std::size_t client, std::size_t index) const;
  void check_log() const;

  const std::vector<LogLine>& log_;
  std::vector<Client> clients_;
  std::vector<Served> served_;
  std::vector<unsigned> early_;  // statuses of answers to requests whose head was not whole yet
};

}  // namespace weir::fuzz
