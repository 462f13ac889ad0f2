"""What the kernel says about a tree of processes: CPU time used and memory held."""

import os
import time

TICKS = os.sysconf("SC_CLK_TCK")


def parse_stat(text):
    """(parent, seconds used by the process, seconds used by children it has waited for) of a /proc/PID/stat."""
    # the name, in parentheses, may hold anything; fields are counted from behind it (proc(5): state is the third)
    fields = text.rpartition(")")[2].split()
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return int(fields[1]), (utime + stime) / TICKS, (cutime + cstime) / TICKS


def parse_smaps(text):
    """The figures of a /proc/PID/smaps_rollup in bytes, by name."""
    figures = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.endswith(" kB"):
            figures[name] = int(value[:-3]) * 1024
    return figures


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # gone meanwhile


def tree(pid):
    """The process and all its living descendants."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            tasks = os.listdir(f"/proc/{one}/task")
        except OSError:
            continue
        for task in tasks:
            waiting += [int(word) for word in (_read(f"/proc/{one}/task/{task}/children") or "").split()]
    return found


def cpu_seconds(pid):
    """User and system time of the whole tree, of those that have ended (and were waited for) too."""
    total = 0.0
    for one in tree(pid):
        if text := _read(f"/proc/{one}/stat"):
            _, own, children = parse_stat(text)
            total += own + children
    return total


def memory_bytes(pid, kind="Pss"):
    """Proportional memory of the tree: pages that are shared count once in sum."""
    total = 0
    for one in tree(pid):
        if text := _read(f"/proc/{one}/smaps_rollup"):
            total += parse_smaps(text).get(kind, 0)
    return total


def wait_quiet(pids, limit=30):
    """Until these trees together use less than a twentieth of a CPU; False when they did not within the limit."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before, start = sum(map(cpu_seconds, pids)), time.monotonic()
        time.sleep(0.4)
        if sum(map(cpu_seconds, pids)) - before < 0.05 * (time.monotonic() - start):
            return True
    return False
