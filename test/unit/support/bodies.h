// Two ends for bodies in tests: a sink with limited room that remembers all it was told, and a
// source that gives a text in pieces.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "http/body.h"

namespace weir::test {

class RecordingSink final : public BodySink {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  explicit RecordingSink(std::size_t room = unlimited) : room_(room) {}

  std::size_t write(std::string_view bytes, bool last) override {
    CHECK_FALSE(ended_);
    CHECK_FALSE(aborted_);
    const std::size_t taken = std::min(bytes.size(), room_);
    text_ += bytes.substr(0, taken);
    if (room_ != unlimited) room_ -= taken;
    ended_ = last && taken == bytes.size();
    ++writes_;
    if (meddle_) meddle_();
    return taken;
  }
  void trailers(const Fields& fields) override {
    for (const Field& field : fields) {
      trailers_.append(field.name).append("=").append(field.value).append(";");
    }
  }
  void flush() override { ++flushes_; }
  void abort(Error why) override {
    CHECK_FALSE(ended_);
    aborted_ = why;
    if (meddle_in_abort_) meddle_in_abort_();
  }

  void add_room(std::size_t room) {  // as a client that has read something
    room_ += room;
    if (source() != nullptr) source()->resume();
  }

  void set_room(std::size_t room) { room_ = room; }
  void on_write(std::function<void()> meddle) { meddle_ = std::move(meddle); }  // inside write()

  void on_abort(std::function<void()> meddle) { meddle_in_abort_ = std::move(meddle); }

  const std::string& text() const { return text_; }
  const std::string& trailer_text() const { return trailers_; }
  bool ended() const { return ended_; }
  const std::optional<Error>& aborted() const { return aborted_; }
  std::size_t writes() const { return writes_; }
  std::size_t flushes() const { return flushes_; }
  bool has_source() const { return source() != nullptr; }

 private:
  std::size_t room_, writes_ = 0, flushes_ = 0;
  std::string text_, trailers_;
  std::function<void()> meddle_, meddle_in_abort_;
  std::optional<Error> aborted_;
  bool ended_ = false;
};

class TextSource final : public BodySource {
 public:
  explicit TextSource(BodySink& sink) : sink_(sink) { sink.set_source(this); }

  // More of the body has come from the client.
  void give(std::string_view text, bool last) {
    text_ += text;
    last_ = last;
    push();
  }
  // The same before anybody asks for it.
  void hold(std::string_view text, bool last) {
    text_ += text;
    last_ = last;
  }
  void resume() override {
    full_ = false;
    ++resumed_;
    if (meddle_) meddle_();
    push();
  }
  void on_resume(std::function<void()> meddle) { meddle_ = std::move(meddle); }
  std::size_t left() const { return text_.size(); }
  std::size_t resumed() const { return resumed_; }

 private:
  void push() {
    if (full_ || ended_ || (text_.empty() && !last_)) return;
    const std::size_t taken = sink_.write(text_, last_);
    full_ = taken < text_.size();
    text_.erase(0, taken);
    ended_ = last_ && !full_;
  }

  BodySink& sink_;
  std::function<void()> meddle_;
  std::string text_;
  std::size_t resumed_ = 0;
  bool last_ = false, full_ = false, ended_ = false;
};

}  // namespace weir::test
