// Session: one connection to weir-echo: reads a request, answers as asked, and again.
//
//   head -> body -> waiting -> writing -> head ...        any of them -> over
//
// Owned by the Server, which is told by on_over(). Holds one block of input and the answer's small
// parts; a large answer is written from one shared block of pattern, so size costs no memory.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/list.h"
#include "event/timer.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "net/transport.h"
#include "tools/echo/answer.h"
#include "tools/echo/options.h"

namespace weir::echo {

class Server;

class Session final : public TransportOwner, public ListHook<> {
 public:
  Session(Server& server, std::unique_ptr<Transport> transport, const Address& local);

  Result<Ok> start();
  std::unique_ptr<Transport> take_transport() { return std::move(transport_); }

 private:
  enum class Phase : unsigned char { head, body, waiting, writing, over };

  void on_ready(Transport& transport, Ready ready) override;
  void run();
  bool step();  // false: nothing more can be done now

  bool read_more();
  bool read_head();
  Result<Ok> begin_request(std::string_view head_bytes);
  bool read_body();
  bool send_continue();
  void request_complete();
  void pause_is_over();
  void decide();
  void forbid();
  void answer_json(std::uint16_t status, std::string_view message, bool tell_request);
  void refuse(const Error& error);
  void begin_answer(std::string_view content_type);
  void next_burst();
  bool write_some();
  void answer_complete();
  void finish(bool linger);
  std::string_view input() const { return {in_.data() + begin_, end_ - begin_}; }

  Server& server_;
  std::unique_ptr<Transport> transport_;
  Address local_;
  Timer pause_;  // --delay and --drip
  Timer limit_;  // for the client: to send its request, to take the answer
  Phase phase_ = Phase::head;

  std::vector<char> in_;
  std::size_t begin_ = 0, end_ = 0;

  // the request
  HeadScan scan_;
  RequestHead head_;
  Arena arena_;
  BodyDecoder decoder_;
  BodyRecord body_;
  std::string described_, line_;
  bool body_is_json_ = false, is_head_ = false, http_1_0_ = false, persists_ = false;
  bool continue_due_ = false, health_ = false;

  // the answer
  Behaviour behaviour_;
  bool answering_ = false;  // what Phase::waiting waits for: the next piece, else the first
  std::uint16_t status_ = 200;
  std::string_view interim_;  // what is left of "100 Continue"
  std::string content_;       // a JSON body
  std::string head_out_;
  std::uint64_t body_size_ = 0, body_sent_ = 0;
  BodyKind framing_ = BodyKind::length;
  std::string chunk_head_;
  std::array<std::string_view, 4> burst_;  // what is being written now
  bool last_burst_ = false;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace weir::echo
