"""The table of cache_cases.py, each case against the real daemon and an origin that remembers what reached it."""

import collections
import threading
import time

from cache_cases import ABSENT, ANY, CASES, CONFIGS, dated
from harness import Daemon, Failure, ScriptedOrigin, limit, wait_until

HEAD = """
[upstream origin]
server = {address} max_fails=0
[cache pages]
{section}
[api_keys ops]
# of test-api-key-123
key = ops sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464
[server web]
listen = 127.0.0.1:@http@
upstream = origin
cache = pages
{place}
"""


def batches():
    for config in CONFIGS:
        yield config, [case for case in CASES if case.config == config]


class Origin:
    """Answers by path what the case at hand says; remembers the requests of each path."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = collections.defaultdict(collections.deque)
        self.requests = collections.defaultdict(list)

    def expect(self, path, answer):
        with self.lock:
            self.answers[path].append(answer)

    def seen(self, path):
        with self.lock:
            return list(self.requests[path])

    def serve(self, connection):
        while True:
            request = connection.read_request()
            path = request.target.partition("?")[0]
            with self.lock:
                self.requests[path].append(request)
                waiting = self.answers[path]
                answer = waiting[0] if waiting else None
                # One that closes does so until it is told otherwise: a request is tried again.
                if answer is not None and not (answer.cut and len(waiting) == 1):
                    waiting.popleft()
            if answer is not None and answer.cut:
                return
            connection.send(bytes_of(answer, path))
            if answer is not None and answer.framing == "close":
                return


def bytes_of(answer, path):
    if answer is None:
        return b"HTTP/1.1 500 Unexpected\r\nContent-Length: 10\r\n\r\nunexpected"
    root = "/" + path.split("/")[1]
    lines = [f"HTTP/1.1 {answer.status} Said"]
    lines += [f"{name}: {value.replace('@', root)}" for name, value in answer.fields]
    body = answer.body or ""
    if answer.framing in ("chunked", "trailer"):
        lines.append("Transfer-Encoding: chunked")
        body = f"{len(body):x}\r\n{body}\r\n0\r\n{'X-Trailer: 1' + chr(13) + chr(10) if answer.framing == 'trailer' else ''}\r\n"
    elif answer.framing == "close":
        lines.append("Connection: close")
    elif answer.body is not None:
        lines.append(f"Content-Length: {len(answer.body)}")
    elif answer.status not in (204, 304) and not any(name == "Content-Length" for name, _ in answer.fields):
        lines.append("Content-Length: 3")  # to HEAD
    early = "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n" if answer.framing == "interim" else ""
    return (early + "\r\n".join(lines) + "\r\n\r\n" + body).encode()


def fields_differ(message, wanted):
    for name, value in wanted.items():
        said = message.all(name)
        if value is ABSENT:
            if said:
                return f"{name} is {said}, and should be absent"
        elif value is ANY:
            if not said:
                return f"{name} is absent"
        elif isinstance(value, tuple):
            if said != list(value):
                return f"{name} is {said}, and should be {list(value)}"
        elif isinstance(value, set) and ABSENT in value and not said:
            continue
        elif len(said) != 1 or said[0] not in (value if isinstance(value, set) else {value}):
            return f"{name} is {said}, and should be {value}"
    return None


def differs(ask, response):
    """What is wrong with an answer; None: nothing."""
    if ask.status is not None and response.status != ask.status:
        return f"status {response.status}, and should be {ask.status}"
    if ask.word is not None and response.all("X-Cache") != [ask.word]:
        return f"X-Cache is {response.all('X-Cache')}, and should be {ask.word}"
    if ask.gets is not None and response.text != ask.gets:
        return f"the body is {response.text!r}, and should be {ask.gets!r}"
    return fields_differ(response, ask.has)


def play(case, weir, origin):
    """None, or what went wrong at which request."""
    for number, ask in enumerate(case.asks, 1):
        path = f"/{case.id}" + ask.at
        key = path.partition("?")[0]
        before = len(origin.seen(key))
        answers = ask.origin if isinstance(ask.origin, tuple) else (ask.origin,) if ask.origin else ()
        for one in answers:
            origin.expect(key, one)

        def answer():
            return weir.get(path, method=ask.method, fields=list(ask.fields), body=ask.body, host="origin.test")

        if ask.until:
            wait_until(lambda: differs(ask, answer()) is None, 10, f"request {number} to get {ask.gets!r}")
            continue
        problem = differs(ask, answer())
        if problem:
            return f"request {number}: {problem}"
        if answers:  # what is done behind the client's back comes later
            wait_until(lambda: len(origin.seen(key)) >= before + len(answers), 10, f"request {number} to reach the origin")
        reached = origin.seen(key)[before:]
        cut = any(one.cut for one in answers)
        if len(reached) != len(answers) and not (cut and reached):
            return f"request {number}: {len(reached)} requests reached the origin"
        problem = reached and fields_differ(reached[0], ask.sends)
        if problem:
            return f"request {number} at the origin: {problem}"
    return None


@limit(180)
def run_batch(config, cases, report):
    section, place = CONFIGS[config]
    if "cache = off" in place:
        head = HEAD.replace("cache = pages\n", "")
    else:
        head = HEAD
    origin = Origin()
    with ScriptedOrigin(origin.serve) as server:
        with Daemon(head.format(address=server.address, section=section, place=place)) as weir:
            for case in cases:
                start = time.monotonic()
                try:
                    problem = play(dated(case, time.time()), weir, origin)
                except (Failure, OSError) as error:
                    problem = str(error) or type(error).__name__
                report(case, problem, time.monotonic() - start)
                if not weir.alive():
                    break
