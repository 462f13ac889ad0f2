"""Log lines and counts while the logger is killed, stopped or can't write: nothing lost, doubled or torn in silence."""

import collections
import os
import pathlib
import signal
import sys
import threading

from harness import Daemon, limit, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids, status  # noqa: E402

SITE = """
[log access]
path = logs/access.log
format = combined
[server web]
listen = 127.0.0.1:@http@
return = 200 "ok"
access_log = access
"""


# Room for all lines while there is no logger on a machine that has much else to do: none is dropped.
ROOMY = "log_ring_size = 16m"


class Numbered:
    """Clients that ask for /n/1, /n/2, ... on kept connections and note which were answered."""

    def __init__(self, weir, clients, suffix=""):
        self.weir, self.suffix = weir, suffix
        self.lock = threading.Lock()
        self.last, self.answered, self.lost = 0, set(), 0
        self.stopping = False
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = None
        while not self.stopping:
            with self.lock:
                self.last += 1
                number = self.last
            try:
                client = client or self.weir.connect()
                client.send(f"GET /n/{number}{self.suffix} HTTP/1.1\r\nHost: a\r\n\r\n")
                response = client.read_response()
                assert response.status == 200
                if response.has("Connection"):  # the last of keepalive_requests
                    client.close()
                    client = None
                with self.lock:
                    self.answered.add(number)
            except Exception:  # the worker was killed
                with self.lock:
                    self.lost += 1
                client = None

    def end(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def numbers_in(weir):
    """How often each number stands in the access logs, old and new (but for a line that is just being written)."""
    found = collections.Counter()
    for path in (weir.prefix / "logs").glob("access.log*"):
        text = path.read_text()
        for line in text[: text.rfind("\n") + 1].splitlines():
            parts = line.split(" ")
            assert len(parts) == 12 and parts[6].startswith("/n/"), line
            found[int(parts[6].split("/")[2])] += 1
    return found


def whole(weir):
    """No log ends inside a line."""
    return all(path.read_text()[-1:] in ("", "\n") for path in (weir.prefix / "logs").glob("access.log*"))


def kill_one(weir, role, killed):
    """SIGKILL for a process of that role that was not killed before."""
    victim = wait_until(lambda: [pid for pid in pids(weir, role) if pid not in killed], 5, f"a {role} to be ready")[0]
    os.kill(victim, signal.SIGKILL)
    killed.add(victim)


def rotate(weir, number):
    os.rename(weir.prefix / "logs/access.log", weir.prefix / f"logs/access.log.{number}")
    weir.signal(signal.SIGUSR1)
    wait_until((weir.prefix / "logs/access.log").exists, 5, "a new log file")


def successor_writes(weir, load):
    """Whoever was at a write when it was killed: its successor has completed it, and writes what came later. What was
    begun may come twice only where the file is switched in between (log_drain.h)."""
    done = set(load.answered)
    wait_until(lambda: load.answered - done, 10, "traffic to go on")
    new = load.answered - done
    wait_until(lambda: new & set(numbers_in(weir)), 10, "a line of the new logger")


def more_answers(load):
    done = len(load.answered)
    wait_until(lambda: len(load.answered) > done + 20, 10, "traffic to go on")


@limit(90)
def test_every_answer_is_logged_once_while_loggers_are_killed():
    """Loggers and housekeepers are killed, and the log is rotated: each answered request has one whole line."""
    with Daemon(SITE, main=ROOMY, workers=2, allow=[r"from outside"]) as weir:
        load = Numbered(weir, 4)
        killed = set()
        try:
            for round_ in range(60):
                kill_one(weir, "housekeeper" if round_ % 6 == 3 else "logger", killed)
                if round_ % 20 == 19:
                    successor_writes(weir, load)
                    rotate(weir, round_)
                more_answers(load)
        finally:
            load.end()
        assert load.lost == 0, load.lost
        wait_until(lambda: load.answered <= set(numbers_in(weir)), 10, "all lines to be written")
        assert [n for n, times in numbers_in(weir).items() if times != 1] == []
        assert whole(weir)
        assert status(weir)["counters"]["requests"] == len(load.answered)
        assert status(weir)["log_lines"] == {"dropped": 0, "lost": 0, "damaged_rings": 0}


@limit(90)
def test_a_killed_worker_takes_no_line_and_no_count_with_it():
    """Only what a worker was at when it was killed may lack its line; what it had counted stays counted."""
    with Daemon(SITE, main=ROOMY, workers=2, allow=[r"from outside"]) as weir:
        load = Numbered(weir, 4)
        killed = set()
        try:
            for _ in range(30):
                kill_one(weir, "worker", killed)
                more_answers(load)
        finally:
            load.end()
        # one request per connection and kill at most: it was answered or counted, and not noted yet
        assert load.lost <= 4 * len(killed), load.lost
        wait_until(lambda: status(weir)["log_lines"] == {"dropped": 0, "lost": 0, "damaged_rings": 0}, 5)
        wait_until(lambda: len(load.answered - set(numbers_in(weir))) <= 4 * len(killed), 10, "lines to be written")
        assert [n for n, times in numbers_in(weir).items() if times != 1] == []
        assert whole(weir)
        counted = status(weir)["counters"]["requests"]
        assert len(load.answered) <= counted <= load.last, (len(load.answered), counted, load.last)


@limit(90)
def test_a_stopped_logger_stops_nobody():
    """The logger stands still until the ring is full: requests go on, and lines + dropped lines = answers."""
    with Daemon(SITE, workers=1) as weir:
        logger = pids(weir, "logger")[0]
        os.kill(logger, signal.SIGSTOP)
        load = Numbered(weir, 2, suffix="/" + "x" * 4000)  # 1 MiB of ring takes about 250 of these
        try:
            wait_until(lambda: len(load.answered) >= 1000, 30, "1000 answers without a logger")
        finally:
            load.end()
            os.kill(logger, signal.SIGCONT)
        dropped = status(weir)["log_lines"]["dropped"]
        assert dropped > 500, dropped
        answers = len(load.answered)
        wait_until(lambda: sum(numbers_in(weir).values()) + dropped == answers, 10, "lines + dropped = answers")
        assert set(numbers_in(weir)) <= load.answered and whole(weir)


@limit(60)
def test_a_full_disk_loses_lines_and_counts_them():
    """A log that can't be written: requests are answered, lines are counted as lost, the other log is complete."""
    config = SITE.replace(
        "[server web]", "[log full]\npath = /dev/full\nformat = json\n[server web]", 1
    ).replace("access_log = access", "access_log = access full")
    with Daemon(config, workers=1, allow=[r"No space left on device"]) as weir:
        load = Numbered(weir, 1)
        try:
            wait_until(lambda: len(load.answered) >= 200, 30)
        finally:
            load.end()
        wait_until(lambda: status(weir)["log_lines"]["lost"] == len(load.answered), 10, "all lines to count as lost")
        wait_until(lambda: set(numbers_in(weir)) == load.answered, 10, "the other log to be complete")
        weir.wait_log(r"No space left on device")
