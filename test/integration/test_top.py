"""weir-top: what it shows of peers and workers, on a terminal and without one."""

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import threading

from harness import Daemon, Echo, RawClient, free_port, run_program, scratch, wait_until
from harness.daemon import child_pids, lives, program, title
from harness.screen import ScreenProgram

CONFIG = """
[upstream api]
server = 127.0.0.1:{first}-{last}
[upstream spare]
server = 127.0.0.1:{first} weight=3
[server web]
listen = 127.0.0.1:@http@
upstream = api
"""


def site(origin, **options):
    return Daemon(CONFIG.format(first=origin.port, last=origin.port + 3), **options)


def top(weir, *arguments, **options):
    return run_program("weir-top", "-c", weir.config_file, "-p", weir.prefix, *arguments, **options)


def status_of(weir):
    done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "status")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def peers_of(document, upstream="api"):
    return next(group["peers"] for group in document["upstreams"] if group["name"] == upstream)


def test_status_names_every_peer_with_what_is_known_of_it():
    """The status document has each peer of each upstream, from the master and from the housekeeper."""
    with Echo(count=4, open=True) as origin:
        config = "[admin]\nlisten = 127.0.0.1:@admin@\n" + CONFIG.format(first=origin.port, last=origin.port + 3)
        with Daemon(config) as weir:
            for _ in range(8):
                assert weir.get("/").status == 200
            for document in (status_of(weir), json.loads(weir.get("/status", name="admin").body)):
                assert [group["name"] for group in document["upstreams"]] == ["api", "spare"]
                peers = peers_of(document)
                assert [p["url"] for p in peers] == [f"http://127.0.0.1:{origin.port + i}" for i in range(4)]
                assert [p["requests"] for p in peers] == [2, 2, 2, 2]
                for peer in peers:
                    assert peer["status"] == "NOT_INITIATED" and not peer["ejected"] and peer["order"] == ""
                    assert peer["in_flight"] == 0 and peer["failures"] == 0 and peer["answers_5xx"] == 0
                    assert 0 < peer["latency_us"]["p50"] <= peer["latency_us"]["p99"]
                    assert "healthy_ms_ago" not in peer  # nobody checks it
                assert peers_of(document, "spare")[0]["weight"] == 3
                assert peers_of(document, "spare")[0]["configured"]["weight"] == 3


def test_status_counts_failures_and_answers_of_5xx():
    """What went wrong at a peer is counted at that peer, also when the request was answered by another."""
    with Echo(open=True) as good, Echo("--status", "503", open=True) as bad:
        config = f"""
[upstream good]
server = {good.address}
server = 127.0.0.1:@nobody@
[upstream bad]
server = {bad.address}
[server web]
listen = 127.0.0.1:@http@
upstream = good
[location bad]
server = web
path = exact /bad
upstream = bad
"""
        with Daemon(config) as weir:
            assert weir.get("/bad").status == 503
            for _ in range(4):
                assert weir.get("/").status == 200
            document = status_of(weir)
            assert peers_of(document, "bad")[0]["answers_5xx"] == 1
            alive, dead = peers_of(document, "good")
            assert alive["failures"] == 0 and dead["failures"] >= 1, document["upstreams"]


def test_once_prints_a_table_of_peers_and_workers():
    """--once, and a standard output that is no terminal: a plain table."""
    with Echo(count=4, open=True) as origin, site(origin, workers=2) as weir:
        assert weir.get("/").status == 200
        for arguments in (["--once"], []):
            done = top(weir, *arguments, "--interval", "100ms")
            assert done.returncode == 0 and done.stderr == "", done.stderr
            assert "\x1b" not in done.stdout
            assert re.match(r"weir/\S+  up \S+  generation 1  connections \d+  requests \d+ \(\d+ now\)", done.stdout)
            assert "upstream api  4 peers, no health check\n" in done.stdout and "upstream spare" in done.stdout
            for port in range(origin.port, origin.port + 4):
                assert re.search(rf"^  http://127.0.0.1:{port}  NOT_INITIATED  ", done.stdout, re.M), done.stdout
            for pid in weir.workers():
                assert re.search(rf"^ +{pid} +1 +ready +0\.\d+s +\d+ +\S+ +\d+\.\d", done.stdout, re.M), done.stdout


def test_json_has_rates_of_the_interval():
    """--json: requests a second, share of errors, percentiles; and what is said agrees with the status document."""
    with Echo(count=4, open=True) as origin, site(origin) as weir:
        load = subprocess.Popen(
            [str(program("weir-load")), "--rps", "100", "--duration", "30", f"http://127.0.0.1:{weir.port('http')}/"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: peers_of(status_of(weir))[3]["requests"] > 10, 20, "load")
            document = json.loads(top(weir, "--json", "-i", "1s").stdout)
        finally:
            load.terminate()
            load.wait()
        peers = peers_of(document)
        assert all(peer["requests_per_s"] > 0 for peer in peers), peers
        assert all(peer["error_share"] == 0 and peer["p50_us"] > 0 for peer in peers), peers
        assert document["requests_per_s"] > 0 and document["answers"] is True
        assert document["workers"][0]["pid"] == weir.workers()[0]


CACHED = CONFIG + """cache = pages
debug_headers = on
[cache pages]
size = 8m
default_ttl = 10m
[cache idle]
size = 4m
"""


def test_caches_are_shown():
    """What each cache holds and how many requests it answers, as a table, as JSON and on a terminal of any width."""
    with Echo(count=4, open=True) as origin:
        with Daemon(CACHED.format(first=origin.port, last=origin.port + 3), workers=2) as weir:
            assert json.loads(top(weir, "--json", "-i", "100ms").stdout)["caches"][0]["entries"] == 0
            for n in range(3):
                assert [weir.get(f"/{n}")["X-Cache"] for _ in range(4)] == ["MISS", "HIT", "HIT", "HIT"]
            document = json.loads(top(weir, "--json", "-i", "100ms").stdout)
            pages, idle = sorted(document["caches"], key=lambda cache: -cache["entries"])
            assert (pages["name"], pages["entries"], idle["name"], idle["entries"]) == ("pages", 3, "idle", 0)
            assert 0 < pages["bytes"] < pages["bytes_max"] <= 8 << 20
            assert pages["stored_per_s"] == 0 and pages["evicted_per_s"] == 0
            assert document["cache_hit_share_in_all"] == 0.75 and "cache_hit_share" not in document
            done = top(weir, "--once", "-i", "100ms")
            assert "\ncaches  hits -, 75.0% in all\n" in done.stdout, done.stdout
            assert (pages["hit_share_in_all"], "hit_share_in_all" in idle) == (0.75, False), document
            assert re.search(r"^  pages +\S+ +\S+ +3 +- +75.0 +0 +0 +0$", done.stdout, re.M), done.stdout
            with ScreenProgram(
                "weir-top", "-c", weir.config_file, "-p", weir.prefix, "-i", "1s", columns=100
            ) as screen:
                screen.wait(r"^caches  hits -, 75.0% in all")
                for n in range(3, 13):
                    weir.get(f"/{n}")
                screen.wait(r"^  pages +\S+ +\S+ +13 +\S+ +40.9 +\S+ +\S+ +0")
                screen.wait(r"in all.*\n.*\n(.*\n)?  pages +\S+ +\S+ +13 +- +40.9 +0 +0 +0")  # an interval later
                screen.resize(30, 40)
                screen.wait(r"^  CACHE +USED +OF +ENTRIES +HIT%$")
                assert all(len(line) <= 40 for line in screen.text.splitlines())
                screen.keys("q")
                screen.wait_exit(0)


def test_rates_of_caches_are_of_the_interval():
    """What is stored while weir-top measures is a rate and a share of hits."""
    with Echo(count=4, open=True) as origin:
        with Daemon(CACHED.format(first=origin.port, last=origin.port + 3)) as weir, contextlib.ExitStack() as stack:
            stopped = threading.Event()

            def ask():
                for n in itertools.count():
                    if stopped.is_set():
                        return
                    weir.get(f"/{n}")
                    weir.get(f"/{n}")

            thread = threading.Thread(target=ask)
            thread.start()
            stack.callback(thread.join)
            stack.callback(stopped.set)
            document = json.loads(top(weir, "--json", "-i", "2s").stdout)
            pages = next(cache for cache in document["caches"] if cache["name"] == "pages")
            assert pages["stored_per_s"] > 0, document
            assert 0 < document["cache_hit_share"] < 1, document
            assert pages["hit_share"] == document["cache_hit_share"] or 0 < pages["hit_share"] < 1, document


def test_it_works_while_workers_and_master_hang():
    """A stopped worker is seen to be silent; of a stopped master it is said that it does not answer."""
    with Echo(count=4, open=True) as origin, site(origin, main="worker_stall_timeout = 10m") as weir:
        with ScreenProgram(
            "weir-top", "-c", weir.config_file, "-p", weir.prefix, "-i", "100ms", columns=160
        ) as screen:
            (worker,) = weir.workers()
            screen.wait(rf"^ +{worker} +1 +ready +0\.\d+s ")
            os.kill(worker, signal.SIGSTOP)
            try:
                screen.wait(rf"^ +{worker} +1 +ready +[1-9]\.\d+s ")
                os.kill(weir.pid, signal.SIGSTOP)
                screen.wait("the master does not answer", 20)
                screen.wait(rf"^ +{worker} +1 +ready +\d+s ", 30)
            finally:
                os.kill(weir.pid, signal.SIGCONT)
                os.kill(worker, signal.SIGCONT)
            wait_until(lambda: "the master does not answer" not in screen.text, 20, "the master to answer again")
            screen.keys("q")
            screen.wait_exit(0)


def test_keys_move_sort_pause_help_and_quit():
    """The live view obeys its keys, follows the terminal's size and leaves it as it was."""
    with Echo(count=4, open=True) as origin, site(origin) as weir:
        with ScreenProgram(
            "weir-top", "-c", weir.config_file, "-p", weir.prefix, "-i", "200ms", columns=160
        ) as screen:
            url = [f"http://127.0.0.1:{origin.port + i}" for i in range(4)]
            screen.wait(rf"^> {url[0]} ")
            screen.keys("j")
            screen.wait(rf"^> {url[1]} ")
            screen.keys("\x1b[B" if "\x1b[?1h" not in screen.received.decode() else "\x1bOB")  # the arrow
            screen.wait(rf"^> {url[2]} ")
            screen.keys("kk")
            screen.wait(rf"^> {url[0]} ")
            screen.keys("jjjj")
            screen.wait(rf"upstream spare.*\n.*\n> {url[0]} ")
            screen.keys("kkkk")
            screen.keys("s")
            screen.wait(r"sort \(PEER\)")
            screen.keys("S")
            screen.wait(r"sort \(PEER, reversed\)")
            screen.wait(rf"upstream api.*\n.*\n +{url[3]} .*\n +{url[2]} .*\n +{url[1]} .*\n> {url[0]} ")
            screen.keys("h")
            screen.wait("any key goes back")
            screen.keys("x")
            screen.wait(rf"^> {url[0]} ")
            screen.keys("p")
            screen.wait(r"paused$")
            assert weir.get("/").status == 200
            screen.keys("p")
            wait_until(lambda: "paused" not in screen.text, 10, "the pause to end")
            screen.wait(r"  requests 1 ")
            screen.resize(12, 70)
            screen.wait(rf"^> {url[0]} +NOT_INITIATED")
            assert all(len(line) <= 70 for line in screen.text.splitlines())
            screen.keys("q")
            screen.wait_exit(0)
            assert screen.terminal_restored()


def test_a_peer_is_drained_and_enabled():
    """d and e give the order that weirctl upstream gives, say how it went, and the peer gets requests accordingly."""
    with Echo(count=4, open=True) as origin, site(origin) as weir:
        with ScreenProgram("weir-top", "-c", weir.config_file, "-p", weir.prefix, columns=160) as screen:
            url = f"http://127.0.0.1:{origin.port}"
            screen.wait(rf"^> {url} +NOT_INITIATED ")
            screen.keys("d")
            screen.wait(rf"drain api 127.0.0.1:{origin.port}: done")
            screen.wait(rf"^> {url} +NOT_INITIATED, drained ")
            for _ in range(6):
                assert weir.get("/").status == 200
            assert [peer["requests"] for peer in peers_of(status_of(weir))] == [0, 2, 2, 2]
            screen.keys("e")
            screen.wait(rf"enable api 127.0.0.1:{origin.port}: done")
            screen.wait(rf"^> {url} +NOT_INITIATED +0 ")
            for _ in range(4):
                assert weir.get("/").status == 200
            assert peers_of(status_of(weir))[0]["requests"] == 1
            screen.keys("q")
            screen.wait_exit(0)


def test_colours_only_where_they_are_wanted():
    """NO_COLOR, and a terminal without colours: none."""
    with Echo(count=4, open=True) as origin, site(origin) as weir:
        for environment, colored in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "vt100"}, False)):
            arguments = ("-c", weir.config_file, "-p", weir.prefix)
            with ScreenProgram("weir-top", *arguments, environment=environment) as screen:
                screen.wait(r"ready")
                assert screen.screen.colored == colored, environment
                screen.signal(signal.SIGTERM)
                screen.wait_exit(0)
                assert screen.terminal_restored()


def test_arguments_and_exit_codes():
    """--help and --version, wrong arguments, no instance, a terminal that nobody knows."""
    assert "usage: weir-top" in run_program("weir-top", "--help").stdout
    assert run_program("weir-top", "--version").stdout.startswith("weir-top version: weir/")
    for wrong in (["--nonsense"], ["--interval", "0"], ["more"]):
        done = run_program("weir-top", *wrong)
        assert done.returncode == 2 and done.stderr.startswith("weir-top: "), done
    done = run_program("weir-top", "--once", "--socket", "/nonexistent/weir.sock")
    assert done.returncode == 7 and "no instance is running" in done.stderr, done
    with Echo(count=4, open=True) as origin, site(origin) as weir:
        arguments = ("-c", weir.config_file, "-p", weir.prefix)
        with ScreenProgram("weir-top", *arguments, environment={"TERM": "no-such"}) as screen:
            screen.wait_exit(1)
            assert 'the terminal "no-such" is not known' in screen.text


def debug(config, **options):
    """weir --debug with that configuration on a terminal."""
    prefix = scratch("debug")
    (prefix / "run").mkdir()
    (prefix / "weir.ini").write_text(config)
    return ScreenProgram("weir", "--debug", "-p", prefix, "-c", "weir.ini", columns=160, cwd=prefix, **options)


DEBUG_MAIN = """[main]
pid = run/weir.pid
state_path = run
error_log = stderr info
worker_processes = 1
daemon = on
"""


def family(pid):
    """All that descends from a process, by title."""
    found = {}
    for child in child_pids(pid):
        found[child] = title(child)
        found |= family(child)
    return found


def test_debug_runs_weir_below_the_dashboard():
    """weir --debug: the tables, the log below them; q ends all in order and leaves the terminal as it was."""
    with Echo(count=4, open=True) as origin:
        port = free_port()
        config = DEBUG_MAIN + CONFIG.format(first=origin.port, last=origin.port + 3).replace("@http@", str(port))
        for end in ("q", "\x03"):
            with debug(config) as screen:
                screen.wait(rf"^> http://127.0.0.1:{origin.port} ")
                screen.wait(r"^log$")
                screen.wait(r"generation 1 serves with 1 workers")
                with RawClient(port) as client:
                    assert client.request().status == 200
                screen.wait(r"  requests 1 ")
                left = family(screen.pid)
                assert len(left) >= 5, left  # master, worker, housekeeper, logger, weir-top
                screen.keys(end)
                screen.wait_exit(0)
                assert screen.terminal_restored()
                assert "over" in screen.text, screen.text  # what weir said in the end
                wait_until(lambda: not [pid for pid in left if lives(pid)], 10, "all to be gone")


def test_debug_says_what_is_wrong():
    """weir --debug without a terminal, with a broken configuration, and when weir dies: told, with an exit code."""
    done = run_program("weir", "--debug")
    assert done.returncode == 2 and "--debug needs a terminal" in done.stderr, done
    with debug("[main]\nno_such = 1\n") as screen:
        screen.wait_exit(6)
        assert "no_such" in screen.text, screen.text
    with debug(DEBUG_MAIN + "[server web]\nlisten = 127.0.0.1:" + f"{free_port()}\nreturn = 200 ok\n") as screen:
        screen.wait(r"generation 1 serves with 1 workers")
        (master,) = [pid for pid, name in family(screen.pid).items() if name.startswith("weir: master")]
        os.kill(master, signal.SIGTERM)
        screen.wait_exit(0)
        assert screen.terminal_restored()
    with debug(DEBUG_MAIN + "[server web]\nlisten = 127.0.0.1:" + f"{free_port()}\nreturn = 200 ok\n") as screen:
        screen.wait(r"generation 1 serves with 1 workers")
        left = family(screen.pid)
        screen.signal(signal.SIGKILL)  # nothing is left to look after the others
        wait_until(lambda: not [pid for pid in left if lives(pid)], 20, "all to be gone")
