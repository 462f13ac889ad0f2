#include "tools/top/screen.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#define NCURSES_NOMACROS 1  // they have names that others have, too
#include <curses.h>
#include <fmt/format.h>

#include "tools/top/format.h"
#include "tools/top/log_tail.h"
#include "tools/top/table.h"

namespace weir::top {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

volatile std::sig_atomic_t asked_to_end = 0;
void end_soon(int) { asked_to_end = 1; }

// The terminal in the state that a full-screen program wants, for as long as it lives.
class Terminal {
 public:
  Terminal() : screen_(::newterm(nullptr, stdout, stdin)) {
    if (screen_ == nullptr) return;
    ::cbreak();
    ::noecho();
    ::nonl();
    ::keypad(stdscr, true);
    ::nodelay(stdscr, true);
    ::set_escdelay(25);
    ::curs_set(0);
    const char* const no_color = std::getenv("NO_COLOR");
    if ((no_color == nullptr || *no_color == '\0') && ::has_colors()) {
      ::start_color();
      ::use_default_colors();
      for (short pair = 1; pair < 4; ++pair) ::init_pair(pair, colors[pair], -1);
      colored_ = true;
    }
    struct sigaction action {};  // without SA_RESTART: poll() shall end
    action.sa_handler = end_soon;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      ::sigaction(number, &action, nullptr);
    }
  }
  ~Terminal() {
    if (screen_ == nullptr) return;
    ::endwin();
    ::delscreen(screen_);
  }
  Terminal& operator=(Terminal&&) = delete;

  explicit operator bool() const { return screen_ != nullptr; }

  chtype attribute(Mood mood) const {
    switch (mood) {
      case Mood::plain: return A_NORMAL;
      case Mood::good: return colored_ ? COLOR_PAIR(1) : A_NORMAL;
      case Mood::fair: return colored_ ? COLOR_PAIR(2) : A_BOLD;
      case Mood::bad: return colored_ ? COLOR_PAIR(3) | A_BOLD : A_BOLD;
      case Mood::dim: return A_DIM;
      case Mood::title: return A_BOLD;
    }
    return A_NORMAL;
  }

 private:
  static constexpr short colors[] = {0, COLOR_GREEN, COLOR_YELLOW, COLOR_RED};
  SCREEN* screen_;
  bool colored_ = false;
};

constexpr std::string_view help_text[] = {
    "weir-top",
    "",
    "  up, down, k, j    another peer; beyond the last one: what is below",
    "  page up, down     a screenful",
    "  s                 sort the peers of each upstream by the next column",
    "  S                 the other way round",
    "  d                 drain the peer under the cursor: no new clients",
    "  e                 enable it again",
    "  p, space          pause: keep what is shown",
    "  q                 quit",
    "",
    "  FAILS    requests that ended without a whole answer",
    "  PROBES   failed health checks: in a row / in all",
    "  HEALTHY  since the last sign of health",
    "  BUSY     requests in flight, over all workers",
    "  ERR%     of the last interval: failures and answers with 5xx",
    "  P50 P99  of the last interval: until the head of the answer",
    "  SILENT   since a worker's last sign of life",
    "",
    "any key goes back",
};

class View {
 public:
  View(Source& source, const Options& options, const Terminal& terminal)
      : source_(source), options_(options), terminal_(terminal) {}

  std::string open() { return options_.log.empty() ? std::string() : log_.open(options_.log); }
  void run();

 private:
  void take_reading();
  bool obey(int key);  // false: quit
  void select(int step);
  void scroll(int lines);
  void order(PeerCommand::Action action);

  void draw();
  void draw_body(int height);
  void draw_log(int first, int height);
  void put(int row, const Line& line, chtype with);
  int log_height() const { return log_.is_open() ? std::min(std::max(LINES / 3, 3), 12) : 0; }
  int body_height() const { return std::max(LINES - 2 - log_height(), 1); }

  Source& source_;
  const Options& options_;
  const Terminal& terminal_;
  LogTail log_;
  std::optional<Reading> before_, now_;
  Frame frame_;
  std::vector<Line> lines_;
  Sorting sorting_;
  std::string group_, address_;  // of the peer under the cursor
  int offset_ = 0;
  bool follow_ = true;  // the cursor must be seen
  bool paused_ = false, helping_ = false;
  std::string message_;
};

void View::take_reading() {
  before_ = std::move(now_);
  now_ = source_.read();
  message_.clear();
}

void View::put(int row, const Line& line, chtype with) {
  ::move(row, 0);
  int room = COLS;
  for (const Span& span : line.spans) {
    const std::string text = span.text.substr(0, static_cast<std::size_t>(std::max(room, 0)));
    ::attrset(static_cast<int>(terminal_.attribute(span.mood) | with));
    ::addstr(text.c_str());
    room -= static_cast<int>(text.size());
  }
  ::attrset(A_NORMAL);
}

void View::draw_body(int height) {
  int at = 0, selected = -1;
  for (const Line& line : lines_) {
    if (line.peer != nullptr && line.peer->group == group_ && line.peer->address == address_) {
      selected = at;
    }
    ++at;
  }
  const int most = std::max(static_cast<int>(lines_.size()) - height, 0);
  if (follow_ && selected >= 0) {
    if (selected < offset_ + 3) offset_ = selected - 3;  // with the titles above it
    if (selected >= offset_ + height) offset_ = selected - height + 1;
  }
  follow_ = false;
  offset_ = std::clamp(offset_, 0, most);
  for (int row = 0; row < height; ++row) {
    const int index = offset_ + row;
    if (index >= static_cast<int>(lines_.size())) break;
    const bool here = index == selected;
    put(1 + row, lines_[static_cast<std::size_t>(index)], here ? A_REVERSE : A_NORMAL);
    if (here) mvaddch(1 + row, 0, '>');
  }
}

void View::draw_log(int first, int height) {
  if (height <= 0) return;
  put(first, {{{"log", Mood::title}}, nullptr}, A_NORMAL);
  const auto& lines = log_.lines();
  const int shown = std::min(height - 1, static_cast<int>(lines.size()));
  for (int i = 0; i < shown; ++i) {
    const auto& text = lines[lines.size() - static_cast<std::size_t>(shown - i)];
    put(first + 1 + i, {{{text, Mood::plain}}, nullptr}, A_NORMAL);
  }
}

void View::draw() {
  frame_ = frame_of(before_ ? &*before_ : nullptr, *now_);
  sort(frame_, sorting_);
  lines_ = lines_of(frame_, static_cast<std::size_t>(std::max(COLS, 1)));
  const auto is_here = [this](const Line& line) {
    return line.peer != nullptr && line.peer->group == group_ && line.peer->address == address_;
  };
  if (std::none_of(lines_.begin(), lines_.end(), is_here)) {
    const auto first = std::find_if(lines_.begin(), lines_.end(),
                                    [](const Line& line) { return line.peer != nullptr; });
    group_ = first != lines_.end() ? first->peer->group : "";
    address_ = first != lines_.end() ? first->peer->address : "";
  }
  ::erase();
  Line header = header_of(frame_);
  if (paused_) header.spans.push_back({"  paused", Mood::fair});
  put(0, header, A_NORMAL);
  if (helping_) {
    int row = 1;
    for (const std::string_view text : help_text) {
      if (row >= LINES - 1) break;
      put(row++, {{{std::string(text), Mood::plain}}, nullptr}, A_NORMAL);
    }
  } else {
    draw_body(body_height());
    draw_log(1 + body_height(), log_height());
  }
  const std::string keys =
      !message_.empty() ? message_
                        : fmt::format(
                              "q quit  h help  j k move  s sort ({}{})  d drain  e enable  "
                              "p pause",
                              sorting_name(sorting_.column), sorting_.reverse ? ", reversed" : "");
  if (LINES > 1) put(LINES - 1, {{{keys, Mood::dim}}, nullptr}, A_NORMAL);
  ::refresh();
}

void View::select(int step) {
  std::vector<const PeerRow*> peers;
  for (const Line& line : lines_) {
    if (line.peer != nullptr) peers.push_back(line.peer);
  }
  const auto here = std::find_if(peers.begin(), peers.end(), [this](const PeerRow* peer) {
    return peer->group == group_ && peer->address == address_;
  });
  const std::ptrdiff_t at = here - peers.begin() + step;
  if (at < 0 || at >= static_cast<std::ptrdiff_t>(peers.size())) return scroll(step);
  group_ = peers[static_cast<std::size_t>(at)]->group;
  address_ = peers[static_cast<std::size_t>(at)]->address;
  follow_ = true;
}

void View::scroll(int lines) { offset_ += lines; }

void View::order(PeerCommand::Action action) {
  if (address_.empty()) return;
  const std::string why = source_.order(action, group_, address_);
  const std::string_view verb = PeerCommand::action_names[static_cast<std::size_t>(action)];
  const std::string what = fmt::format("{} {} {}", verb, printable(group_), printable(address_));
  if (why.empty()) take_reading();
  message_ = why.empty() ? what + ": done" : what + ": " + printable(why);
}

bool View::obey(int key) {
  if (key == KEY_RESIZE) return true;
  if (helping_) {
    helping_ = false;
    return key != 'q';
  }
  switch (key) {
    case 'q': return false;
    case 'h':
    case '?': helping_ = true; break;
    case 'j':
    case KEY_DOWN: select(1); break;
    case 'k':
    case KEY_UP: select(-1); break;
    case KEY_NPAGE: scroll(body_height() - 1); break;
    case KEY_PPAGE: scroll(1 - body_height()); break;
    case 's': sorting_.column = (sorting_.column + 1) % sortings(); break;
    case 'S': sorting_.reverse = !sorting_.reverse; break;
    case 'd': order(PeerCommand::Action::drain); break;
    case 'e': order(PeerCommand::Action::enable); break;
    case 'p':
    case ' ': paused_ = !paused_; break;
    default: break;
  }
  return true;
}

void View::run() {
  constexpr milliseconds log_tick{250};
  take_reading();
  auto due = Clock::now() + options_.interval;
  while (asked_to_end == 0) {
    draw();
    auto wait = std::max(std::chrono::ceil<milliseconds>(due - Clock::now()), milliseconds(0));
    if (log_.is_open()) wait = std::min(wait, log_tick);
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, static_cast<int>(wait.count()));
    bool any = false;
    for (int key = ::getch(); key != ERR; key = ::getch()) {
      any = true;
      if (!obey(key)) return;
    }
    if (ready > 0 && !any && asked_to_end == 0) return;  // nobody is there any more
    log_.read();
    if (Clock::now() < due) continue;
    due = Clock::now() + options_.interval;
    if (!paused_) take_reading();
  }
}

}  // namespace

int show(Source& source, const Options& options) {
  const Terminal terminal;
  if (!terminal) {
    const char* const name = std::getenv("TERM");
    fmt::print(stderr, "weir-top: the terminal \"{}\" is not known\n", name != nullptr ? name : "");
    return process::exit_failure;
  }
  View view(source, options, terminal);
  if (const std::string why = view.open(); !why.empty()) {
    ::endwin();
    fmt::print(stderr, "weir-top: {}\n", why);
    return process::exit_failure;
  }
  view.run();
  return process::exit_ok;
}

}  // namespace weir::top
