#include "tools/top/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tools/top/format.h"

namespace weir::top {
namespace {

template <class Row>
struct Column {
  std::string_view title;
  int rank;     // those of the highest rank go first when there is no room
  bool number;  // set to the right; sorted from large to small
  std::string (*text)(const Row&);
  double (*value)(const Row&);  // of a number, to sort by
};

std::string ago(const std::optional<std::int64_t>& ms) { return ms ? duration(*ms) : "-"; }

double value_of(const std::optional<std::int64_t>& ms) {
  return ms ? static_cast<double>(*ms) : -1;
}

std::string load_text(const PeerRow& row) {
  if (!row.load) return "-";
  return fmt::format("{}/{}", (row.load->cpu * 100U + 32767U) / 65535U,
                     (row.load->memory * 100U + 32767U) / 65535U);
}

constexpr Column<PeerRow> peer_columns[] = {
    {"PEER", 0, false, [](const PeerRow& row) { return printable(row.url); }, nullptr},
    {"STATUS", 0, false, [](const PeerRow& row) { return row.status; }, nullptr},
    {"FAILS", 0, true, [](const PeerRow& row) { return count(row.failures); },
     [](const PeerRow& row) { return static_cast<double>(row.failures); }},
    {"PROBES", 3, true,  // in a row, of all
     [](const PeerRow& row) {
       return fmt::format("{}/{}", count(row.failed_in_a_row), count(row.probe_failures));
     },
     [](const PeerRow& row) { return static_cast<double>(row.failed_in_a_row); }},
    {"HEALTHY", 1, true, [](const PeerRow& row) { return ago(row.healthy_ms_ago); },
     [](const PeerRow& row) { return value_of(row.healthy_ms_ago); }},
    {"SINCE", 5, true, [](const PeerRow& row) { return ago(row.in_state_ms); },
     [](const PeerRow& row) { return value_of(row.in_state_ms); }},
    {"BUSY", 0, true, [](const PeerRow& row) { return count(row.in_flight); },
     [](const PeerRow& row) { return static_cast<double>(row.in_flight); }},
    {"REQ/S", 0, true,
     [](const PeerRow& row) { return row.rates ? rate(row.rates->requests) : "-"; },
     [](const PeerRow& row) { return row.rates ? row.rates->requests : -1; }},
    {"ERR%", 0, true,
     [](const PeerRow& row) { return row.rates ? percent(row.rates->errors) : "-"; },
     [](const PeerRow& row) { return row.rates ? row.rates->errors : -1; }},
    {"P50", 1, true, [](const PeerRow& row) { return latency(row.rates ? row.rates->p50_us : 0); },
     [](const PeerRow& row) { return row.rates ? static_cast<double>(row.rates->p50_us) : 0; }},
    {"P99", 0, true, [](const PeerRow& row) { return latency(row.rates ? row.rates->p99_us : 0); },
     [](const PeerRow& row) { return row.rates ? static_cast<double>(row.rates->p99_us) : 0; }},
    {"WEIGHT", 2, true, [](const PeerRow& row) { return count(row.weight); },
     [](const PeerRow& row) { return static_cast<double>(row.weight); }},
    {"PROBE", 6, true, [](const PeerRow& row) { return latency(row.probe_us); },
     [](const PeerRow& row) { return static_cast<double>(row.probe_us); }},
    {"LOAD", 7, true, load_text,
     [](const PeerRow& row) { return row.load ? static_cast<double>(row.load->cpu) : -1; }},
};

constexpr Column<WorkerRow> worker_columns[] = {
    {"WORKER", 0, true, [](const WorkerRow& row) { return fmt::format("{}", row.pid); }, nullptr},
    {"GEN", 0, true, [](const WorkerRow& row) { return count(row.generation); }, nullptr},
    {"STATE", 0, false, [](const WorkerRow& row) { return row.state; }, nullptr},
    {"SILENT", 0, true, [](const WorkerRow& row) { return ago(row.silent_ms); }, nullptr},
    {"CONNS", 0, true, [](const WorkerRow& row) { return count(row.connections); }, nullptr},
    {"REQ/S", 0, true,
     [](const WorkerRow& row) { return row.requests ? rate(*row.requests) : "-"; }, nullptr},
    {"CPU%", 0, true, [](const WorkerRow& row) { return row.cpu ? percent(*row.cpu) : "-"; },
     nullptr},
    {"AT", 1, false, [](const WorkerRow& row) { return printable(row.at); }, nullptr},
};

std::string share(const std::optional<double>& hits) { return hits ? percent(*hits) : "-"; }

std::string size_rate(const std::optional<double>& bytes) {
  return bytes ? size(static_cast<std::uint64_t>(*bytes)) : "-";
}

constexpr Column<CacheRow> cache_columns[] = {
    {"CACHE", 0, false, [](const CacheRow& row) { return printable(row.name); }, nullptr},
    {"USED", 0, true, [](const CacheRow& row) { return size(row.bytes); }, nullptr},
    {"OF", 0, true, [](const CacheRow& row) { return size(row.bytes_max); }, nullptr},
    {"ENTRIES", 0, true, [](const CacheRow& row) { return count(row.entries); }, nullptr},
    {"HIT%", 1, true, [](const CacheRow& row) { return share(row.hits.now); }, nullptr},
    {"IN ALL", 2, true, [](const CacheRow& row) { return share(row.hits.in_all); }, nullptr},
    {"OUT/S", 4, true, [](const CacheRow& row) { return size_rate(row.bytes_out); }, nullptr},
    {"STORED/S", 3, true, [](const CacheRow& row) { return row.stored ? rate(*row.stored) : "-"; },
     nullptr},
    {"EVICTED/S", 5, true,
     [](const CacheRow& row) { return row.evicted ? rate(*row.evicted) : "-"; }, nullptr},
};

constexpr Column<CodingRow> coding_columns[] = {
    {"CODING", 0, false, [](const CodingRow& row) { return row.name; }, nullptr},
    {"IN", 0, true, [](const CodingRow& row) { return size(row.bytes_in); }, nullptr},
    {"OUT", 0, true, [](const CodingRow& row) { return size(row.bytes_out); }, nullptr},
    {"RATIO", 0, true,
     [](const CodingRow& row) { return row.ratio > 0 ? fmt::format("{:.2f}", row.ratio) : "-"; },
     nullptr},
    {"IN/S", 1, true, [](const CodingRow& row) { return size_rate(row.in_rate); }, nullptr},
    {"OUT/S", 1, true, [](const CodingRow& row) { return size_rate(row.out_rate); }, nullptr},
};

constexpr std::string_view indent = "  ", gap = "  ";

// The columns that have room, and how wide each is. The last one may be cut by the screen.
struct Layout {
  std::vector<std::size_t> widths;  // 0: left out
};

template <class Row, std::size_t N>
Layout lay_out(const Column<Row> (&columns)[N], const std::vector<Row>& rows, std::size_t width) {
  Layout layout;
  for (const Column<Row>& column : columns) {
    std::size_t most = column.title.size();
    for (const Row& row : rows) most = std::max(most, column.text(row).size());
    layout.widths.push_back(most);
  }
  const auto needs = [&] {
    std::size_t sum = 0;
    for (const std::size_t one : layout.widths) sum += one != 0 ? one + gap.size() : 0;
    return sum;
  };
  while (needs() > width) {
    std::size_t victim = N;
    for (std::size_t i = 0; i < N; ++i) {
      if (layout.widths[i] == 0 || columns[i].rank == 0) continue;
      if (victim == N || columns[i].rank >= columns[victim].rank) victim = i;
    }
    // The last column of the workers is words of any length: cut, not left out.
    if (victim == N || (victim == N - 1 && !columns[victim].number)) break;
    layout.widths[victim] = 0;
  }
  return layout;
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

template <class Row, std::size_t N>
Line titles(const Column<Row> (&columns)[N], const Layout& layout) {
  std::string text;
  for (std::size_t i = 0; i < N; ++i) {
    if (layout.widths[i] == 0) continue;
    text.append(gap).append(padded(columns[i].title, layout.widths[i], columns[i].number));
  }
  return {{{text, Mood::dim}}, nullptr};
}

template <class Row, std::size_t N>
Line line_of(const Column<Row> (&columns)[N], const Layout& layout, const Row& row,
             std::string_view of_the_mood) {
  Line line;
  for (std::size_t i = 0; i < N; ++i) {
    if (layout.widths[i] == 0) continue;
    const Mood mood = columns[i].title == of_the_mood ? row.mood : Mood::plain;
    line.spans.push_back({std::string(gap), Mood::plain});
    line.spans.push_back({padded(columns[i].text(row), layout.widths[i], columns[i].number), mood});
  }
  return line;
}

Span health_of(const GroupRows& group) {
  if (!group.checked) return {fmt::format("  {} peers, no health check", group.peers.size())};
  const auto healthy = static_cast<std::size_t>(std::count_if(
      group.peers.begin(), group.peers.end(), [](const PeerRow& peer) { return peer.healthy; }));
  return {fmt::format("  {} of {} healthy", healthy, group.peers.size()),
          healthy == 0                   ? Mood::bad
          : healthy < group.peers.size() ? Mood::fair
                                         : Mood::good};
}

// What the tables have no column for: the last error of peers that are not well.
void add_errors(const GroupRows& group, std::vector<Line>& lines) {
  for (const PeerRow& peer : group.peers) {
    if (peer.error.empty() || (peer.mood != Mood::bad && peer.mood != Mood::fair)) continue;
    lines.push_back(
        {{{std::string(indent) + printable(peer.url) + ": " + printable(peer.error), Mood::dim}},
         nullptr});
  }
}

Line disk_line(const CacheRow& cache) {
  Line line{
      {{fmt::format("{}{} on disk: {} of {}, {} answers, {} hits/s", indent, printable(cache.name),
                    size(cache.disk_bytes), size(cache.disk_bytes_max), count(cache.disk_entries),
                    cache.disk_hits ? rate(*cache.disk_hits) : "-")}},
      nullptr};
  if (cache.disk_write_errors != 0) {
    line.spans.push_back(
        {fmt::format(", {} write errors", count(cache.disk_write_errors)), Mood::fair});
  }
  return line;
}

void add_caches(const Frame& frame, std::size_t width, std::vector<Line>& lines) {
  if (frame.caches.empty()) return;
  const auto marked = [](const std::optional<double>& hits) {
    return hits ? share(hits) + "%" : std::string("-");
  };
  lines.push_back({});
  lines.push_back(
      {{{"caches", Mood::title},
        {fmt::format("  hits {}, {} in all", marked(frame.hits.now), marked(frame.hits.in_all))}},
       nullptr});
  const Layout layout = lay_out(cache_columns, frame.caches, width);
  lines.push_back(titles(cache_columns, layout));
  for (const CacheRow& cache : frame.caches) {
    lines.push_back(line_of(cache_columns, layout, cache, ""));
  }
  for (const CacheRow& cache : frame.caches) {
    if (cache.disk_bytes_max != 0) lines.push_back(disk_line(cache));
  }
}

void add_codings(const Frame& frame, std::size_t width, std::vector<Line>& lines) {
  if (frame.codings.empty()) return;
  lines.push_back({});
  const Layout layout = lay_out(coding_columns, frame.codings, width);
  lines.push_back(titles(coding_columns, layout));
  for (const CodingRow& coding : frame.codings) {
    lines.push_back(line_of(coding_columns, layout, coding, ""));
  }
}

}  // namespace

std::string Line::text() const {
  std::string all;
  for (const Span& span : spans) all += span.text;
  return all.substr(0, all.find_last_not_of(' ') + 1);
}

std::size_t sortings() { return std::size(peer_columns) + 1; }

std::string_view sorting_name(std::size_t column) {
  return column == 0 ? "as configured" : peer_columns[column - 1].title;
}

void sort(Frame& frame, const Sorting& sorting) {
  for (GroupRows& group : frame.groups) {
    if (sorting.column != 0) {
      const auto& column = peer_columns[sorting.column - 1];
      std::stable_sort(group.peers.begin(), group.peers.end(),
                       [&](const PeerRow& a, const PeerRow& b) {
                         return column.number ? column.value(a) > column.value(b)
                                              : column.text(a) < column.text(b);
                       });
    }
    if (sorting.reverse) std::reverse(group.peers.begin(), group.peers.end());
  }
}

Line header_of(const Frame& frame) {
  Line line;
  const MasterReading& master = frame.master;
  line.spans.push_back(
      {master.version.empty() ? "weir" : "weir/" + printable(master.version), Mood::title});
  if (master.pid != 0) {
    line.spans.push_back(
        {fmt::format("  up {}  generation {}", duration(master.uptime_ms), master.generation)});
  }
  if (!master.answers) line.spans.push_back({"  the master does not answer", Mood::bad});
  line.spans.push_back(
      {fmt::format("  connections {}  requests {} ({} now)", count(frame.connections),
                   count(frame.requests), count(frame.requests_active))});
  if (frame.requests_rate) {
    line.spans.push_back({fmt::format("  {}/s", rate(*frame.requests_rate)), Mood::title});
    line.spans.push_back({fmt::format("  5xx {}%", percent(*frame.errors)),
                          *frame.errors > 0 ? Mood::bad : Mood::plain});
  }
  return line;
}

std::vector<Line> lines_of(const Frame& frame, std::size_t width) {
  std::vector<Line> lines;
  for (const GroupRows& group : frame.groups) {
    lines.push_back({});
    lines.push_back(
        {{{"upstream " + printable(group.name), Mood::title}, health_of(group)}, nullptr});
    const Layout layout = lay_out(peer_columns, group.peers, width);
    lines.push_back(titles(peer_columns, layout));
    for (const PeerRow& peer : group.peers) {
      lines.push_back(line_of(peer_columns, layout, peer, "STATUS"));
      lines.back().peer = &peer;
    }
    add_errors(group, lines);
  }
  add_caches(frame, width, lines);
  add_codings(frame, width, lines);
  lines.push_back({});
  const Layout layout = lay_out(worker_columns, frame.workers, width);
  lines.push_back(titles(worker_columns, layout));
  for (const WorkerRow& worker : frame.workers) {
    lines.push_back(line_of(worker_columns, layout, worker, "STATE"));
  }
  return lines;
}

}  // namespace weir::top
