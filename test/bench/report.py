"""What a person reads of a run: tables in text or Markdown, verdicts; and the JSON that keeps it."""

import json
import sys

from statistic import Spread, median, ratios

# figure: (heading, format)
COLUMNS = {
    "rps": ("requests/s", "{:,.0f}"),
    "cpu_us": ("CPU µs", "{:.2f}"),
    "sent_kib": ("body KiB", "{:.1f}"),
    "p50_ms": ("p50 ms", "{:.2f}"),
    "p99_ms": ("p99 ms", "{:.2f}"),
    "late_ms": ("load's own p99 ms", "{:.2f}"),
    "resumed_percent": ("resumed %", "{:.1f}"),
    "base_mib": ("PSS MiB before", "{:.1f}"),
    "pss_mib": ("PSS MiB", "{:.1f}"),
    "errors": ("errors", "{:,.0f}"),
    "peak_mib": ("peak PSS MiB", "{:.1f}"),
    "cut": ("cut off", "{:,.0f}"),
    "idle_bytes": ("bytes each", "{:,.0f}"),
    "idle_cpu_ms": ("idle CPU ms/s", "{:.1f}"),
    "ms": ("ms", "{:.1f}"),
    "cpu_ms": ("CPU ms", "{:.0f}"),
}

ROUNDS_TO_JUDGE, RUNS_TO_JUDGE = 7, 2
SUMS = ("errors", "cut")  # over all rounds; of the others the median


def shown(figure, value):
    return "–" if value is None else COLUMNS[figure][1].format(value)


def colour(text, code):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def table(rows, align="<"):
    """Rows of cells in columns: the first column by `align`, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [f"{cell:{align if at == 0 else '>'}{width}}" for at, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())


def series(result, server, figure):
    """A figure of a server, round by round; None where it could not be measured."""
    return [figures.get(figure) if figures else None for figures in result["rounds"][server]]


def spread(result, peer, figure=None):
    """The ratios of weir to a peer, or None when there is none."""
    figure = figure or result["main"]
    if "weir" not in result["rounds"] or peer not in result["rounds"]:
        return None
    values = ratios(series(result, "weir", figure), series(result, peer, figure))
    return Spread(values) if values else None


def verdict(result):
    """(met or None when nothing can be said, the sentence)."""
    bar = result.get("bar")
    if bar is None:
        return None, ""
    if result["bar_of"] == "ratio":
        peer = result.get("bar_peer", "nginx")
        judged = spread(result, peer)
        of = f"of {peer}"
    else:
        own = [value for value in series(result, "weir", result["main"]) if value is not None]
        judged = Spread(own) if own else None
        of = COLUMNS[result["main"]][0]
    if judged is None:
        return None, f"bar {bar:g} {of}: not measured"
    met = judged.median <= bar
    text = f"bar {bar:g} {of}: {judged} over {len(judged.values)} rounds: {'met' if met else 'missed'}"
    if len(judged.values) < ROUNDS_TO_JUDGE:
        text += f" so far ({ROUNDS_TO_JUDGE} rounds of 8 s judge)"
    return met, text


def print_result(result):
    """One scenario: its rounds with their ratios, medians, the verdict."""
    servers = list(result["rounds"])
    peers = [server for server in servers if server != "weir"] if "weir" in servers else []
    main = result["main"]
    heading, _ = COLUMNS[main]
    print(colour(f"{result['scenario']}: {result['what']}", 1))
    rows = [["round"]]
    for server in servers:
        rows[0].append(f"{server} {heading}")
    rows[0] += [f"weir/{peer}" for peer in peers]
    for at in range(len(result["rounds"][servers[0]])):
        row = [str(at + 1)]
        row += [shown(main, series(result, server, main)[at]) for server in servers]
        for peer in peers:
            one = ratios([series(result, "weir", main)[at]], [series(result, peer, main)[at]])
            row.append(f"{one[0]:.3f}" if one else "–")
        rows.append(row)
    table(rows, ">")
    print()
    rows = [["median", *(COLUMNS[column][0] for column in result["columns"]), "weir's ratio (quartiles)"]]
    for server in servers:
        row = [server]
        for column in result["columns"]:
            values = [value for value in series(result, server, column) if value is not None]
            total = sum if column in SUMS else median
            row.append(shown(column, total(values) if values else None))
        row.append(str(spread(result, server) or "–") if server in peers else "")
        rows.append(row)
    table(rows)
    met, text = verdict(result)
    if text:
        print("  " + colour(text, {True: 32, False: 31}.get(met, 33)))
    for problem in result["problems"]:
        print("  " + colour(problem, 31))
    print(flush=True)


def print_markdown(runs):
    """The table for docs/performance.md; of several runs the medians stand side by side."""
    print("| scenario | figure | weir | nginx | HAProxy | weir/nginx (quartiles) | with its own buffers | weir/HAProxy | bar | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    names = dict.fromkeys(result["scenario"] for run in runs for result in run["results"])
    for name in names:
        results = [result for run in runs for result in run["results"] if result["scenario"] == name]
        main = results[0]["main"]
        cells = [name, COLUMNS[main][0]]
        for server in ("weir", "nginx", "haproxy"):
            values = [
                value
                for result in results
                for value in (series(result, server, main) if server in result["rounds"] else [])
                if value is not None
            ]
            cells.append(shown(main, median(values)) if values else "–")
        cells.append("; ".join(str(spread(result, "nginx") or "–") for result in results))
        for other in ("nginx-default", "haproxy"):
            cells.append("; ".join(f"{s.median:.2f}" if (s := spread(result, other)) else "–" for result in results))
        bar = results[0].get("bar")
        cells.append(f"≤ {bar:g}" if bar is not None else "")
        verdicts = [verdict(result)[0] for result in results]
        word = "" if None in verdicts else "met" if all(verdicts) else "missed"
        rounds = min(len(result["rounds"].get("weir", [])) for result in results)
        judged = len(results) >= RUNS_TO_JUDGE and rounds >= ROUNDS_TO_JUDGE
        cells.append(word if judged or not word else f"({word})")
        print("| " + " | ".join(cells) + " |")


def save(path, run):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1) + "\n")


def load(path):
    return json.loads(path.read_text())
