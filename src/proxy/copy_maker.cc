#include "proxy/copy_maker.h"

#include <algorithm>
#include <utility>

#include "cache/key.h"
#include "filter/coder_turns.h"
#include "proxy/body_coder.h"
#include "proxy/coded_copy.h"
#include "proxy/wanted_copy.h"

namespace weir {
namespace {

bool read_whole(cache::Reader& reader, std::string& out) {
  const auto length = reader.length();
  if (!length || *length > CopyMaker::body_bytes_max) return false;
  out.clear();
  out.reserve(static_cast<std::size_t>(*length));
  while (out.size() < *length) {
    const std::string_view part = reader.read(out.size());
    if (part.empty()) return false;
    out.append(part);
  }
  return true;
}

std::uint64_t coder_bytes(const conf::LocationConf& conf) {
  if (conf.cache->target == nullptr) return 0;
  std::uint64_t bytes = 0;
  for (const ContentCoding coding : conf.compress->codings) {
    const int level = conf.compress_cached_level->of(coding);
    if (level == conf::CachedLevels::off || level <= conf.compress_level->of(coding)) continue;
    EncoderSpec spec = encoder_spec(conf, coding);
    spec.level = level;
    bytes = std::max(bytes, CoderPool::bytes_of(spec, std::nullopt));
  }
  return bytes;
}

}  // namespace

std::uint64_t copy_coder_bytes(const conf::Config& config) {
  std::uint64_t bytes = 0;
  for (const conf::ServerConf& server : config.servers) {
    bytes = std::max(bytes, coder_bytes(server.base));
    for (const conf::LocationConf& location : server.locations)
      bytes = std::max(bytes, coder_bytes(location));
  }
  return bytes;
}

bool CopyMaker::take() {
  while (auto wish = store_.take_wish())
    if (begin(*wish)) return true;
  return false;
}

// What was wished for twice, or is of no use any more, is not.
bool CopyMaker::begin(cache::Store::Wish& wish) {
  const auto spec = spec_of_wish(wish.how);
  if (!spec || !wish.reader) return false;
  cache::Reader& reader = wish.reader;
  if ((reader.facts().flags & (cache::fact::sliced | cache::fact::copy)) != 0) return false;
  copy_key_ = key_ = wish.key;
  word_ = reader.body_word();
  cache::append_copy_key(coding_name(spec->coding), word_, copy_key_);
  const cache::Found copy = store_.find(store_.key(copy_key_));
  if (copy.kind != cache::Found::Kind::answer ||
      copy.reader.facts().level >= static_cast<unsigned>(spec->level))
    return false;
  if (!read_whole(reader, plain_)) return false;
  tags_.assign(reader.tags().begin(), reader.tags().end());
  spec_ = *spec;
  coded_.clear();
  at_ = 0;
  lease_ = coders_.encoder(spec_, plain_.size());
  return busy();
}

CopyMaker::Step CopyMaker::drop() {
  lease_.release();
  plain_ = coded_ = {};
  return Step::dropped;
}

CopyMaker::Step CopyMaker::step() {
  const std::string_view rest = std::string_view(plain_).substr(at_);
  const std::string_view now = rest.substr(0, CoderTurns::slice_bytes);
  const bool last = now.size() == rest.size();
  const auto step = lease_.encoder().run(now, lease_.output(),
                                         last ? Encoder::Upto::end : Encoder::Upto::whenever);
  if (step.failed) return drop();
  coded_.append(lease_.output().data(), step.made);
  at_ += step.taken;
  if (!last || !step.done) return Step::goes_on;
  return finish();
}

// Only beside the body that it is of. Where harder was not smaller the copy stays as it is, and is
// said to be of that level: it is not tried again.
CopyMaker::Step CopyMaker::finish() {
  lease_.release();
  const cache::Found answer = store_.find(store_.key(key_));
  if (answer.kind != cache::Found::Kind::answer || answer.reader.body_word() != word_)
    return drop();
  const cache::Key key = store_.key(copy_key_);
  if (cache::Found copy = store_.find(key); copy.kind == cache::Found::Kind::answer &&
                                            copy.reader.body_bytes() <= coded_.size() &&
                                            !read_whole(copy.reader, coded_))
    return drop();
  cache::Joined joined = store_.join(key, *this);
  cache::Fill& fill = joined.fill;
  const bool stored = fill && fill.begin(copy_facts(spec_.level), {}, coded_.size(), tags_) &&
                      fill.append(coded_) && fill.commit();
  plain_ = coded_ = {};
  return stored ? Step::made : Step::dropped;
}

}  // namespace weir
