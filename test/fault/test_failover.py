"""One of four origins fails under load, in each of several ways (U1); weir's own processes die meanwhile (U2, U3);
no port is left to reach the origins from (U4); what one worker learns all know (U5); the resolver fails (U6)."""

import contextlib
import functools
import json
import pathlib
import random
import select
import time

from harness import Daemon, Echo, FakeDns, RawClient, free_port, is_long, limit, run_program, verdict, wait_until
from harness.dns import A
from support import Load, private_network
from support.failover import FAULTS, VICTIM, judged, suffer
from support.failover_rows import DNS_FAULTS, FEW, KILLS, NAME, SMALL, Killer
from support.failover_servers import Weir
from support.fleet import Fleet


def peers_of(weir):
    """What weir-top shows of the peers: in flight, ejected, requests."""
    done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "status")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["upstreams"][0]["peers"]


def all_healthy(weir):
    wait_until(lambda: all(peer["status"] == "HEALTHY" for peer in peers_of(weir)), 15, "all peers to be healthy")


def shown_as_bad(weir):
    """weir-top shows that the victim is not to be used."""

    def bad():
        done = run_program("weir-top", "-c", weir.config_file, "-p", weir.prefix, "--json", "-i", "100ms")
        assert done.returncode == 0, done.stderr
        return not json.loads(done.stdout)["upstreams"][0]["peers"][VICTIM]["healthy"]

    wait_until(bad, 10, "weir-top to show it")


@limit(240)
def test_an_origin_fails_and_comes_back():
    """No request fails for an origin that is killed or flaps, few for one that hangs or errs; weir-top shows it."""
    private_network()
    wrong = []
    for fault in FAULTS if is_long() else FAULTS[:2]:
        seconds, warm = (6.0, 3.0) if is_long() else (1.5, 1.0)
        with Fleet() as fleet, Weir(fleet.ports) as weir:
            all_healthy(weir)
            # one that flaps is up when its last second is over
            look = None if fault.name == "flap" else functools.partial(shown_as_bad, weir)
            outcome = suffer(weir.port("http"), fleet, fault, warm=warm, seconds=seconds, look=look)
            if not judged("U1", "weir", fault, outcome):
                wrong.append(f"{fault.name}: {outcome.text()}\n{weir.log[-3000:]}")
    assert not wrong, "\n".join(wrong)


@limit(120)
def test_the_housekeeper_dies_each_second():
    """Nobody probes for moments, again and again, and an origin dies, too: not one request is lost."""
    private_network()
    with Fleet(answer=SMALL) as fleet, Weir(fleet.ports, allow=KILLS) as weir:
        all_healthy(weir)
        with Load(weir.port("http"), fresh=4, kept=8, pause_ms=20, path="/load", expect="ab") as load:
            killer = Killer(weir, "housekeeper", 12 if is_long() else 3, 1.0)
            killer.start()
            load.more(50)
            fleet.kill(1)
            killer.join()
            fleet.start(1)
            load.more(50)
            seen = load.stop()
        verdict("U2", f"housekeeper killed {killer.killed} times, one a second, and an origin killed meanwhile: "
                       f"{seen.answered:,} answered, {sum(seen.failed.values())} failed", not seen.failed)  # fmt: skip
        assert not seen.failed, load.why()
        all_healthy(weir)


@limit(120)
def test_nothing_leaks_with_killed_workers():
    """Workers are killed at random under load: when it has ended no peer has a request in flight."""
    private_network()
    random.seed(7)
    times = 30 if is_long() else 6
    with Fleet(answer=(*SMALL, "--delay", "20ms")) as fleet, Weir(fleet.ports, allow=KILLS, workers=3) as weir:
        all_healthy(weir)
        with Load(weir.port("http"), fresh=8, kept=24, path="/load", expect="ab") as load:
            killer = Killer(weir, "worker", times, 0.3)
            killer.start()
            most = 0
            while killer.is_alive():
                most = max(most, sum(peer["in_flight"] for peer in peers_of(weir)))
            killer.join()
            load.more(100)
            load.stop()
        start = time.monotonic()
        wait_until(lambda: sum(peer["in_flight"] for peer in peers_of(weir)) == 0, 10, "nothing to be in flight")
        verdict("U3", f"{killer.killed} workers killed at up to {most} requests in flight: none is left "
                       f"{(time.monotonic() - start) * 1000:.0f} ms after the load, {load.seen.answered:,} answered")  # fmt: skip
        assert most > 0
        # a request of a killed worker is lost, one that nobody accepted yet is not
        assert not load.seen.total["refused"] and not load.seen.total["timeout"], load.why()


@limit(60)
def test_no_port_is_left_to_reach_origins_from():
    """Without local ports requests are answered with an error at once; no peer is blamed, and ports that come are used."""
    private_network()
    ports = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    usual = ports.read_text()
    config = """
[upstream origin]
server = 127.0.0.1:{first}-{last} max_fails=1 fail_timeout=1h
[server web]
listen = unix:run/web.sock
upstream = origin
"""
    with Echo("--steer", count=4) as origin:
        with Daemon(config.format(first=origin.port, last=origin.port + 3), workers=1) as weir:
            web = weir.prefix / "run" / "web.sock"
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(RawClient(web)) for _ in range(24)]
                ports.write_text("60000 60001")  # two for each origin
                for client in clients:
                    client.send_request(fields=[("X-Echo", "delay=3s")])
                statuses = []

                def all_others_answered():
                    ready = [client for client in clients if select.select([client.sock], [], [], 0)[0]]
                    statuses.extend(client.read_response().status for client in ready)
                    for client in ready:
                        clients.remove(client)
                    return len(statuses) == 16

                start = time.monotonic()
                wait_until(all_others_answered, 20, f"an answer for those without a port: {statuses}")
                took = time.monotonic() - start
                assert set(statuses) <= {502, 503}, statuses
                assert [peer["in_flight"] for peer in peers_of(weir)] == [2, 2, 2, 2]
                assert [client.read_response().status for client in clients] == [200] * 8
            ports.write_text(usual)
            with RawClient(web) as client:
                after = [client.request().status for _ in range(20)]
            peers = peers_of(weir)
            verdict("U4", f"no local port for 16 of 24 requests: {statuses.count(502)} x 502, {statuses.count(503)} x 503 "
                           f"within {took * 1000:.0f} ms; then {after.count(200)} of 20 answered")  # fmt: skip
            assert set(after) == {200}, after
            assert not any(peer["ejected"] for peer in peers), peers
            assert all(peer["requests"] >= 5 for peer in peers), peers


@limit(120)
def test_all_workers_know_what_one_has_learnt():
    """A peer that errs is left out by all of four workers moments after the first failure; how long that took is told."""
    config = """
[log access]
path = logs/access.log
format = "$msec $status"
[upstream origin]
{servers}
retry = off
fail_on = error,timeout,invalid,http_500
[server web]
listen = 127.0.0.1:@http@
upstream = origin
keepalive_requests = 1000000
access_log = access
"""
    took = []
    rounds = 5 if is_long() else 1
    for _ in range(rounds):
        with Fleet(answer=SMALL) as fleet:
            servers = "\n".join(f"server = 127.0.0.1:{port} max_fails=1 fail_timeout=10m" for port in fleet.ports)
            with Daemon(config.format(servers=servers), workers=4) as weir:
                with Load(weir.port("http"), fresh=0, kept=32, path="/load", expect="ab") as load:
                    load.more(1000)
                    fleet.obey(VICTIM, "status=500")
                    wait_until(lambda: peers_of(weir)[VICTIM]["ejected"], 10, "the peer to be left out")
                    load.more(1000)
                    seen = load.stop()
                requests = seen.answered + sum(seen.failed.values())
                log = weir.prefix / "logs" / "access.log"
                wait_until(lambda: log.read_text().count("\n") >= requests, 20, "all lines")
                lines = [line.split() for line in log.read_text().splitlines()]
        failed = [float(when) * 1000 for when, status in lines if status == "500"]
        # Who had not heard of it would go on to send there a quarter of its requests.
        assert failed and set(seen.failed) == {"other_status"}, load.why()
        assert len(failed) < 300, len(failed)
        took.append(max(failed) - min(failed))
    verdict("U5", f"a peer that errs: from its first 500 to the last one of all of 4 workers {max(took):.0f} ms at most in {rounds} "
                   f"round(s), median {sorted(took)[rounds // 2]:.0f} ms (bar 50 ms); {len(failed)} of {requests:,} requests got one")  # fmt: skip


@limit(240)
def test_the_resolver_fails():
    """NXDOMAIN, no answer, CNAMEs in a circle, 200 records at once: not one request fails, the last good set serves."""
    private_network()
    config = """
[upstream origin]
discover = dns name={name} port={port} resolver={dns} interval_min=100ms timeout=200ms
[server web]
listen = 127.0.0.1:@http@
upstream = origin
"""
    wrong = []
    for name, begin, said, members in DNS_FAULTS:
        port = free_port()
        with FakeDns() as dns, Echo(*SMALL, port=f"0.0.0.0:{port}"):
            dns.set(NAME, A, FEW, ttl=0)
            text = config.format(name=NAME, port=port, dns=dns.address)
            with Daemon(text, workers=2, allow=[r"the last \d+ peers stay"]) as weir:

                def names(weir=weir):
                    return {peer["url"].removeprefix("http://").rpartition(":")[0] for peer in peers_of(weir)}

                wait_until(lambda: names() == set(FEW), 20, "the first peers")
                with Load(weir.port("http"), fresh=4, kept=8, pause_ms=20, path="/load", expect="ab") as load:
                    begin(dns)
                    if said:
                        weir.wait_log(said, 30)
                    wait_until(lambda: names() == set(members), 30, "the peers there should be")
                    load.more(2000 if is_long() else 200)
                    stay = names() == set(members)
                    seen = load.stop()
            good = stay and not seen.failed
            verdict("U6", f"resolver: {name}: {seen.answered:,} answered, {sum(seen.failed.values())} failed, "
                           f"{len(members)} peers serve", good)  # fmt: skip
            if not good:
                wrong.append(f"{name}: {load.why()}")
    assert not wrong, "\n".join(wrong)
