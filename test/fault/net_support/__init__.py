"""What the scenarios with thousands of clients share: a crowd of sockets, a canary, the memory of weir's workers."""

import os
import re
import resource
import sys

from harness import Failure, is_long

from .canary import Canary, compare
from .crowd import Crowd, Origin


def pick(short, full):
    """A size: that of make test, and that of make faults."""
    return full if is_long() else short


def files_for(count):
    """Lets this process, and weir with it, open `count` files; the scenario fails where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    except (OSError, ValueError) as error:
        raise Failure(f"{count} open files are needed, and {hard} are allowed ({error})") from None


def memory_of(pid):
    """Kilobytes of a process in memory: (all, its own and not of the zones that processes share)."""
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.startswith("Rss") or name == "VmRSS":
                fields[name] = int(value.split()[0])
    return fields["VmRSS"], fields["RssAnon"]


def own_memory(weir):
    """Kilobytes that weir's workers hold for themselves, all together."""
    return sum(memory_of(pid)[1] for pid in weir.workers())


def whole_memory(weir):
    """Kilobytes of all processes of weir; what they share is counted for each: more than there is, never less."""
    pids = [weir.pid, *(pid for pids in weir.children().values() for pid in pids)]
    return sum(memory_of(pid)[0] for pid in pids)


def printed_bound(weir):
    """Kilobytes: the bound that weir printed when the last generation began to serve."""
    lines = re.findall(r"memory: at most (\d+) MiB", weir.log)
    if not lines:
        raise Failure("weir printed no bound of its memory")
    return int(lines[-1]) * 1024


def counter(weir, name):
    """One of weir's counters."""
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "integration"))
    from test_process import status

    return status(weir)["counters"][name]
