"""Reload: make, prove, then break. No connection is lost, and what is refused changes nothing."""

import random
import signal
import socket
import threading

from harness import Closed, Daemon, Echo, Failure, RawClient, limit, run_program, wait_until
from test_process import SITE, control, private_socket, status

BROKEN = [
    "[server web]\nlisten = 127.0.0.1:@http@\nreturn = 200 ok\nnonsense = 1\n",
    "[server web]\nlisten = 127.0.0.1:@http@\nupstream = absent\n",
    "[server web]\nlisten = 192.0.2.1:80\nreturn = 200 ok\n",
    "[server web]\nlisten = 127.0.0.1:@http@ ssl\nssl_certificate = absent.pem\nssl_certificate_key = absent.key\n"
    "return = 200 ok\n",
    "[server web]\nlisten = 127.0.0.1:@http@\n[location x]\nserver = web\npath = regex (\nreturn = 200 ok\n",
    "[log access]\npath = /dev/null/access.log\n" + SITE,
]


def generation(weir):
    return status(weir)["generation"]


def settled(weir):
    """Only one generation is left."""
    return len(status(weir)["master"]["generations"]) == 1


def test_reload_says_what_changed():
    """The exit code of -s reload is the truth, and its output names the changes."""
    with Daemon(SITE) as weir:
        weir.write_config(SITE + "keepalive_timeout = 7s\n")
        done = run_program("weir", "-p", f"{weir.prefix}/", "-c", "weir.ini", "-s", "reload")
        assert done.returncode == 0, done.stderr
        assert "generation 2 serves" in done.stdout and "-> 7s in [server web]" in done.stdout, done.stdout
        assert generation(weir) == 2


def test_a_refused_reload_changes_nothing():
    """Each kind of broken configuration: refused with a reason and an exit code, the old generation serves on."""
    with Daemon(SITE) as weir:
        workers = weir.workers()
        for broken in BROKEN:
            weir.write_config(broken)
            done = run_program("weir", "-p", f"{weir.prefix}/", "-c", "weir.ini", "-s", "reload")
            assert done.returncode in (1, 6) and done.stderr, (broken, done.returncode, done.stderr)
            assert weir.get().body == b"ok"
            assert generation(weir) == 1 and weir.workers() == workers
        weir.reload(SITE)
        assert weir.get().body == b"ok"
        assert status(weir)["master"]["last_reload"]["ok"]


def test_idle_connections_are_served_once_more():
    """An idle keep-alive connection of the old generation gets one more answer, with Connection: close."""
    with Daemon(SITE) as weir:
        with weir.connect() as client:
            assert client.request().body == b"ok"
            weir.reload()
            answer = client.request()
            assert answer.body == b"ok" and answer["Connection"] == "close"
            client.expect_closed()
        wait_until(lambda: settled(weir), 5)


def test_open_answers_run_to_their_end():
    """A slow answer of the old generation arrives whole after two reloads."""
    with Echo("--delay", "2s") as origin:
        config = f"[upstream o]\nserver = {origin.address}\n[server web]\nlisten = 127.0.0.1:@http@\nupstream = o\n"
        with Daemon(config) as weir, weir.connect() as client:
            client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: status(weir)["counters"]["requests_active"] == 1, 5)
            weir.reload()
            weir.reload()
            assert client.read_response().status == 200
            wait_until(lambda: settled(weir), 10)


def test_addresses_come_and_go():
    """A new address serves after the reload, a removed one is closed after two seconds, a Unix socket too."""
    both = SITE.replace("return", "listen = 127.0.0.1:@more@\nlisten = unix:run/web.sock\nreturn")
    with Daemon(SITE) as weir:
        weir.reload(both)
        assert weir.get(name="more").body == b"ok"
        with RawClient(weir.prefix / "run" / "web.sock") as client:
            assert client.request().body == b"ok"
        weir.reload(SITE)
        assert weir.get().body == b"ok"

        def refused():
            try:
                weir.connect("more").close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(refused, 5, "the removed address to be closed")
        assert not (weir.prefix / "run" / "web.sock").exists()


def test_winch_retires_the_workers_only_of_a_daemon():
    """In the foreground WINCH comes from the terminal's size and means nothing."""
    with Daemon(SITE) as weir:
        weir.signal(signal.SIGWINCH)
        weir.wait_log("SIGWINCH from pid")
        assert weir.get().body == b"ok"


def test_too_many_old_generations_give_way():
    """Beyond old_generations_max the oldest drops its idle connections first."""
    with Daemon(SITE, main="old_generations_max = 2\ndrain_idle_timeout = 60s") as weir:
        clients = []
        for _ in range(4):
            client = weir.connect()
            client.request()
            clients.append(client)
            weir.reload()
        clients[0].expect_closed()
        weir.wait_log(r"generation 1 drops idle connections")
        assert clients[-1].request().status == 200
        for client in clients:
            client.close()
        wait_until(lambda: settled(weir), 10)


def test_reloads_within_the_interval_are_one():
    """reload_min_interval collapses HUPs; without it each is a generation."""
    with Daemon(SITE) as weir:
        weir.reload()
        weir.reload()
        assert generation(weir) == 3
        weir.reload(main_with(SITE, "reload_min_interval = 2s", weir))
        for _ in range(5):
            weir.signal(signal.SIGHUP)
        wait_until(lambda: generation(weir) == 5, 10)
        wait_until(lambda: settled(weir), 10)
        assert generation(weir) == 5


def main_with(config, line, weir):
    return f"[main]\ndaemon = off\npid = run/weir.pid\nstate_path = run\nerror_log = stderr info\n{line}\n" + config


class Load:
    """Clients that open a new connection per request, from many addresses, as fast as answers come."""

    def __init__(self, port, threads):
        self.port, self.done, self.lost, self.stop = port, 0, [], False
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        sources = random.Random(number)
        while not self.stop:
            source = (f"127.0.{number + 1}.{sources.randint(1, 250)}", 0)
            try:
                with RawClient(self.port, source=source) as client:
                    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    if client.read_response().body != b"ok":
                        raise Failure("a wrong body")
                self.done += 1
            except (OSError, Closed, Failure) as error:
                self.lost.append(repr(error))

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()


@limit(120)
def test_fifty_reloads_with_changing_worker_counts_lose_nothing():
    """50 reloads with 1 to 6 workers, addresses that come and go and every fifth refused: no connection is lost."""
    random.seed(14)
    with Daemon(SITE, workers=2) as weir:
        before = len(list((weir.prefix / "run").iterdir()))
        load = Load(weir.port("http"), 4)
        try:
            for turn in range(50):
                workers = random.randint(1, 6)
                site = SITE.replace("return", "listen = 127.0.0.1:@more@\nreturn") if turn % 3 == 0 else SITE
                if turn % 5 == 4:
                    site = random.choice(BROKEN)
                weir.write_config(main_with(site, f"worker_processes = {workers}", weir))
                answer = control(private_socket(weir), "reload")
                assert answer["ok"] == (turn % 5 != 4), answer
        finally:
            load.end()
        assert load.done > 500 and not load.lost, (load.done, load.lost[:5])
        weir.reload(main_with(SITE, "worker_processes = 1", weir))
        wait_until(lambda: settled(weir), 20)
        assert len(list((weir.prefix / "run").iterdir())) == before
        assert len(weir.workers()) == 1 and len(weir.children()["logger"]) == 1
        with socket.create_connection(("127.0.0.1", weir.port("http"))):
            pass
