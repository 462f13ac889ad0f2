"""Reloads that fail in each state, and processes killed at a bad moment (needs a build with test hooks)."""

import os
import pathlib
import random
import signal
import sys

from harness import Daemon, limit, modes, scratch, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import SITE, control, pids, private_socket, status  # noqa: E402
from test_reload import Load, main_with, settled  # noqa: E402


@modes("hooks", "asan")
@limit(60)
def test_a_reload_that_fails_in_any_state_leaves_the_old_generation():
    """prepare, start, barrier and commit: rolled back under load, nothing lost, nothing left behind."""
    faults = scratch("faults") / "point"
    with Daemon(SITE, workers=2, environment={"WEIR_TEST_FAULTS": str(faults)}) as weir:
        sockets = status(weir)["master"]["listening_sockets"]
        descriptors = len(os.listdir(f"/proc/{weir.pid}/fd"))
        workers = weir.workers()
        load = Load(weir.port("http"), 3)
        more = SITE.replace("return", "listen = 127.0.0.1:@more@\nreturn")
        try:
            for state in ("prepare", "start", "barrier", "commit", "worker"):
                faults.write_text(state)
                weir.write_config(main_with(more, "worker_processes = 4", weir))
                answer = control(private_socket(weir), "reload")
                assert not answer["ok"], state
                expected = "before it was ready" if state == "worker" else f"failure in {state}"
                assert expected in answer["error"], answer
                facts = status(weir)
                assert facts["generation"] == 1 and facts["master"]["listening_sockets"] == sockets, facts
                assert weir.workers()[: len(workers)] == workers
            faults.unlink()
        finally:
            load.end()
        assert load.done > 50 and not load.lost, (load.done, load.lost[:5])
        wait_until(lambda: weir.workers() == workers and settled(weir), 5)
        wait_until(lambda: len(os.listdir(f"/proc/{weir.pid}/fd")) == descriptors, 5, "no descriptor to be left")
        assert control(private_socket(weir), "reload")["ok"]
        assert weir.get(name="more").body == b"ok"


@modes("hooks", "asan")
@limit(60)
def test_killed_workers_lose_only_what_they_had_accepted():
    """A worker is killed every moment: no connection is refused, the queue survives, zones stay sound."""
    with Daemon(SITE, workers=3, allow=[r"from outside"]) as weir:
        load = Load(weir.port("http"), 4)
        random.seed(1)
        killed = 0
        try:
            while killed < 30:
                victims = pids(weir, "worker")
                if not victims:
                    continue
                os.kill(random.choice(victims), signal.SIGKILL)
                killed += 1
                done = load.done
                wait_until(lambda: load.done > done + 20, 5, "traffic to go on")
        finally:
            load.end()
        assert not any("refused" in lost for lost in load.lost), load.lost[:5]
        # four clients have at most four connections open; a kill fails no more than those
        assert len(load.lost) <= 4 * killed, len(load.lost)
        wait_until(lambda: len(pids(weir, "worker")) == 3, 5)
        zones = __import__("harness").run_program("weirctl", "-s", private_socket(weir), "check-zones")
        assert zones.returncode == 0, zones.stdout
