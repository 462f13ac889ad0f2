#include "proxy/refresher.h"

#include "http/hop_by_hop.h"
#include "proxy/errors.h"

namespace weir {

bool Refresher::begin(const ExchangeState& for_whom) {
  const WorkerContext& context = for_whom.context;
  if (context.refreshers >= refreshers_max || context.draining) return false;
  return begin(for_whom, nullptr);
}

// Of a worker that leaves, too: its clients get their answers to the end.
bool Refresher::fetch_slice(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order) {
  if (for_whom.context.slice_fetches >= slice_fetches_max) return false;
  return begin(for_whom, std::move(order));
}

bool Refresher::begin(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order) {
  WorkerContext& context = for_whom.context;
  std::unique_ptr<Refresher> made(new Refresher(for_whom, std::move(order)));
  if (!made->copy_request(for_whom)) return false;
  Refresher& refresher = *made;
  context.sessions.add(std::move(made));
  refresher.start();
  return true;
}

Refresher::Refresher(const ExchangeState& for_whom, std::unique_ptr<SliceOrder> order)
    : context_(for_whom.context),
      remote_(for_whom.client.facts().remote),
      facts_{remote_, nullptr, for_whom.client.facts().serial, 1, for_whom.client.facts().is_tls,
             nullptr},
      order_(std::move(order)),
      memory_(context_.memories),
      over_(context_.loop, &over, this),
      exchange_(context_, *this, for_whom.listen, *memory_, clock::now()) {
  ++count();
  exchange_.state().refreshes = true;
  exchange_.state().slice = order_.get();
}

Refresher::~Refresher() { --count(); }

unsigned& Refresher::count() const {
  return order_ == nullptr ? context_.refreshers : context_.slice_fetches;
}

bool Refresher::copy_request(const ExchangeState& from) {
  Arena& arena = memory_->arena;
  const RequestHead& there = from.request();
  RequestHead& here = memory_->request;
  here.method = Method::get;
  here.version = there.version;
  here.method_text = method_name(Method::get);
  here.target = arena.copy(there.target);
  here.line = arena.copy(there.line);
  for (const Field& field : there.fields) {
    const bool known = field.id != FieldId::other;
    here.fields.add(field.id, known ? field_name(field.id) : arena.copy(field.name),
                    arena.copy(field.value));
  }
  memory_->to_origin.version = here.version;
  memory_->to_origin.method = here.method;
  memory_->to_origin.fields = here.fields;
  // Who began this has passed; its key has been taken out of the fields.
  exchange_.state().remote_user = arena.copy(from.remote_user);
  traits_.started = clock::now();
  return !arena.exhausted() && take_hop_by_hop(memory_->to_origin, context_.own_names);
}

ClientFacts Refresher::facts() const { return facts_; }

void Refresher::send_body_to(BodySink* sink) {
  if (sink != nullptr) sink->set_source(this);
}

std::size_t Refresher::write(std::string_view bytes, bool last) {
  if (last) over_.schedule();
  return bytes.size();
}

void Refresher::abort(Error why) {
  exchange_.on_answer_aborted(why);
  over_.schedule();
}

void Refresher::drop() { over_.schedule(); }

void Refresher::over(void* self) {
  auto& refresher = *static_cast<Refresher*>(self);
  if (refresher.gone_) return;
  refresher.gone_ = true;
  refresher.exchange_.on_answer_sent();
  refresher.context_.sessions.gone(refresher);
}

}  // namespace weir
