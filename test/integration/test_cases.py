"""The cases of test/cases: one conversation per file, many served by one daemon per configuration."""

import socket
import time

from harness import Daemon, limit
from harness.case_file import load_cases
from harness.case_player import Player
from harness.support import ROOT

CASES = ROOT / "test" / "cases"
BATCH = 80  # cases of one daemon: enough to start few, few enough to run some at a time


def batches():
    """What the runner runs: (name, cases) for each daemon."""
    by_config = {}
    for case in load_cases(CASES):
        by_config.setdefault(case.config, []).append(case)
    for config, cases in sorted(by_config.items()):
        for at in range(0, len(cases), BATCH):
            yield config, cases[at : at + BATCH]


@limit(180)
def run_batch(config, cases, report):
    """Starts weir with that configuration and plays the cases, each whole and byte by byte."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with Daemon((CASES / "configs" / f"{config}.ini").read_text(), ready=False) as weir:
            listener.bind(("127.0.0.1", weir.port("origin")))
            listener.listen(64)
            weir.wait_ready()
            player = Player(weir, listener)
            for case in cases:
                start = time.monotonic()
                problem = player.play(case) or player.play(case, chop=True)
                report(case, problem, time.monotonic() - start)
                if not weir.alive():
                    break
