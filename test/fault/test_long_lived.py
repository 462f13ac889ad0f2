"""What lives longer than a generation: tunnels, slow downloads, clients that never leave (F16, F21); clocks (F13); zones (F27)."""

import errno
import os
import pathlib
import re
import signal
import sys
import time

from harness import Daemon, Echo, Failure, is_long, limit, run_program, verdict, wait_until
from support import ORIGIN_SITE, SITE, Load, Shim, main_with, private_network, process_state
from support.tunnels import TunnelOrigin, echoes, open_tunnel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import control, private_socket, status  # noqa: E402

TUNNELS = ORIGIN_SITE + """
[upstream tunnels]
server = {tunnels}
[location ws]
server = web
path = /ws
upstream = tunnels
"""


@limit(180)
def test_tunnels_and_downloads_outlive_reloads():
    """Reloads under WebSockets and slow downloads: untouched, until worker_shutdown_timeout, and then all are cut."""
    private_network()
    count, turns, grace = (500, 14, 15) if is_long() else (50, 6, 7)
    with Echo("--steer") as origin, TunnelOrigin() as far:
        lines = f"worker_processes = 2\nworker_shutdown_timeout = {grace}s\nold_generations_max = 16"
        config = main_with(TUNNELS.format(origin=origin.address, tunnels=far.address), lines)
        with Daemon(config, allow=[r"did not end in time"]) as weir:
            tunnels = [open_tunnel(weir) for _ in range(count)]
            downloads = [weir.connect(limit=30) for _ in range(10)]
            for client in downloads:
                client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Echo: size=15000 drip=1000/100ms\r\n\r\n")
            first = set(weir.workers())
            reloaded = time.monotonic()
            for _ in range(turns):
                answer = control(private_socket(weir), "reload")
                assert answer["ok"], answer
            alive = sum(echoes(tunnel) for tunnel in tunnels)
            whole = sum(len(client.read_response().body) == 15000 for client in downloads)
            held = time.monotonic() - reloaded
            assert first <= set(weir.workers())
            wait_until(lambda: not first & set(weir.workers()), grace + 10, "the first workers to be forced out")
            forced = time.monotonic() - reloaded
            for client in tunnels:
                client.expect_closed()
            good = alive == count and whole == 10 and forced >= grace
            verdict("F16", f"{turns} reloads under {count} WebSockets and 10 slow downloads: {alive} echo and {whole} are whole "
                           f"after {held:.1f} s; cut {forced:.1f} s after the first reload (limit {grace} s)", good)  # fmt: skip
            assert good, (alive, whole, forced)
            for client in downloads:
                client.close()


@limit(120)
def test_old_generations_are_bounded():
    """A client holds on to each generation: the oldest are forced out by their number, memory stays bounded."""
    private_network()
    most, turns = 4, 40 if is_long() else 14
    with TunnelOrigin() as far:
        lines = f"worker_processes = 2\nold_generations_max = {most}"
        config = main_with(TUNNELS.format(origin=far.address, tunnels=far.address), lines)
        with Daemon(config, allow=[r"did not end in time"]) as weir:
            held, peak = [], 0
            for _ in range(turns):
                held.append(open_tunnel(weir))
                assert control(private_socket(weir), "reload")["ok"]
                old = [g for g in status(weir)["master"]["generations"] if g["state"] == "draining"]
                peak = max(peak, len(old))
            # the oldest give up their tunnels a second after their number was too high
            wait_until(lambda: len(status(weir)["master"]["generations"]) <= most + 1, 10, "the oldest to be gone")
            settled = len(status(weir)["master"]["generations"]) - 1
            alive = sum(echoes(client) for client in held)
            for client in held:
                client.close()
            good = settled <= most and alive == settled and peak <= 2 * most + 1
            verdict("F21", f"{turns} reloads, a tunnel in each generation: {settled} old generations stay (limit {most}), "
                           f"{peak} at most, their {alive} tunnels live", good)  # fmt: skip
            assert good, (settled, alive, peak)
            wait_until(lambda: len(status(weir)["master"]["generations"]) == 1, 10)


@limit(120)
def test_clocks_jump():
    """The wall clock steps by an hour, and all processes stand still for a while: nothing expires, nobody is killed."""
    private_network()
    shim = Shim()
    seconds = 60 if is_long() else 4
    # shorter than the stop, so that both would be over if it counted
    main, config = "worker_stall_timeout = 2s", SITE + "client_header_timeout = 2s\n"
    with Daemon(config, main=main, workers=2, environment=shim.environment) as weir:
        workers = weir.workers()
        with weir.connect(limit=90) as idle, Load(weir.port("http"), fresh=8, kept=8, timeout_ms=90000) as load:
            assert idle.request().status == 200
            for step in (3600, -3600, 0, -86400 * 365, 86400 * 365, 0):
                shim.step_clock(step)
                load.more(300)
                date = weir.get()["Date"]
                assert date.endswith("GMT"), date
            stepped = load.read()
            family = [weir.pid, *(pid for found in weir.children().values() for pid in found)]
            # the master first: one that runs while its workers stand still would be right to wonder
            for pid in family:
                os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: all(process_state(pid) == "T" for pid in family), 5)
            end = time.monotonic() + seconds
            wait_until(lambda: time.monotonic() > end, seconds + 1)
            for pid in family:
                os.kill(pid, signal.SIGCONT)
            load.more(500)
            assert idle.request().status == 200
            seen = load.stop()
        good = not seen.failed and weir.workers() == workers
        verdict("F13", f"wall clock +-1 h and +-1 year: {stepped.answered:,} answered, all processes stopped for {seconds} s: "
                       f"{sum(seen.failed.values())} lost, an idle connection lives, no worker replaced", good)  # fmt: skip
        assert good, (load.why(), weir.log[-1000:])


@limit(30)
def test_zones_cant_be_truncated():
    """A process that has a zone may write to it, and no more: neither shrink nor grow it, nor take the seals off."""
    with Daemon(SITE) as weir:
        refused = 0
        for descriptor in pathlib.Path(f"/proc/{weir.pid}/fd").iterdir():
            if not re.search("memfd:(slots|stats|rings|tickets)", os.readlink(descriptor)):
                continue
            fd = os.open(descriptor, os.O_RDWR)
            size = os.fstat(fd).st_size
            for wanted in (0, size - 4096, size + 4096):
                try:
                    os.ftruncate(fd, wanted)
                    raise Failure(f"{os.readlink(descriptor)} was truncated to {wanted}")
                except OSError as error:
                    assert error.errno == errno.EPERM, error
                    refused += 1
            os.close(fd)
        assert weir.get().body == b"ok"
        zones = run_program("weirctl", "-s", private_socket(weir), "check-zones")
        verdict("F27", f"ftruncate of each zone: {refused} of {refused} tries refused with EPERM", refused >= 12)
        assert refused >= 12 and zones.returncode == 0, (refused, zones.stdout)
