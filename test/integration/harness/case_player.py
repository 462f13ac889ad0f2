"""Plays a case against a running weir and says what was not as expected, with the whole conversation."""

import json
import os
import re
import urllib.request

from .case_file import BadCase, unescape
from .case_wire import Mismatch, Wires
from .daemon import ALARMS
from .strict_http import Malformed, parse_request, parse_response
from .support import ROOT, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUIET = ("requests_active", "upstream_active")


class Player:
    """One daemon and its origin's listening socket; play() runs case after case."""

    def __init__(self, weir, listener):
        self.weir, self.listener = weir, listener

    def play(self, case, chop=False):
        """None, or what went wrong as text."""
        conversation = Conversation(self, case, chop)
        log_from = len(self.weir.log)
        problem = None
        try:
            for step in case.steps:
                conversation.step(step)
            conversation.finish()
        except (Mismatch, Malformed, BadCase, OSError, ValueError) as error:
            at = conversation.line
            problem = f"{os.path.relpath(case.path, ROOT)}:{at}: {conversation.text}\n{type(error).__name__}: {error}"
        finally:
            conversation.wires.close_all()
            conversation.wires.pump(0)
        problem = problem or self.aftermath(log_from)
        if problem is None:
            return None
        how = " (sent byte by byte)" if chop else ""
        return f"{problem}{how}\n  conversation:\n{conversation.wires.story()}\n  log:\n{self.weir.log[log_from:]}"

    def counters(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.weir.port('admin')}/status", timeout=10) as answer:
            return json.loads(answer.read())["counters"]

    def aftermath(self, log_from):
        """What holds after every case."""
        if not self.weir.alive():
            return f"weir ended with {self.weir.process.returncode}"
        left = {}

        def quiet():
            left.update({name: self.counters()[name] for name in QUIET})
            return not any(left.values())

        try:
            wait_until(quiet, 5)
        except AssertionError:
            return f"counters did not return to 0: {left}"
        bad = [line for line in self.weir.log[log_from:].splitlines() if ALARMS.search(line)]
        return "weir's log: " + "\n".join(bad) if bad else None


class Conversation:
    def __init__(self, player, case, chop):
        self.weir, self.case = player.weir, case
        self.wires = Wires(player.listener, chop)
        self.line, self.text = 1, ""
        self.logs = {name: self.weir.prefix / "logs" / f"{name}.log" for name in ("access", "json")}
        self.logs_from = {name: path.stat().st_size if path.exists() else 0 for name, path in self.logs.items()}

    # steps

    def step(self, step):
        self.line, self.text = step.line, repr(step) if step.what != "send" else f"{step.name}> ..."
        handler = getattr(self, f"{step.what}_{step.who}", None)
        if handler is None:
            raise BadCase("no such step")
        handler(step)

    def filled(self, data):
        """@name@ is the port of that name, as in the configuration."""
        if b"@" not in data:
            return data
        return re.sub(rb"@(https?|origin|dead)@", lambda m: str(self.weir.port(m[1].decode())).encode(), data)

    def client(self, number):
        wire = self.wires.client(number)
        if wire is None:
            wire = self.wires.connect(number, self.weir.port("http"), False)
        return wire

    def send_C(self, step):
        self.wires.send(self.client(step.number), self.filled(step.text))

    def send_O(self, step):
        self.wires.send(self.wires.origin(step.number), self.filled(step.text))

    def do_C(self, step):
        if step.text == "tls":
            self.wires.connect(step.number, self.weir.port("https"), True)
            return
        if match := re.fullmatch(r"connect(?: (https?))?", step.text):
            self.wires.connect(step.number, self.weir.port(match[1] or "http"), False)
            return
        self.end(self.client(step.number), step.text)

    def do_O(self, step):
        wire = self.wires.origin(step.number)
        if step.text == "ok":
            self.wires.send(wire, OK)
        elif step.text == "tls":
            self.wires.origin_tls(wire)
        elif step.text == "ignore":
            wire.ignored = True
        else:
            self.end(wire, step.text)

    def end(self, wire, how):
        self.wires.say(wire.name, "!", f"[{how}]".encode())
        if how == "half-close":
            wire.half_close()
        elif how in ("close", "reset"):
            wire.close(how == "reset")
        else:
            raise BadCase(f"unknown action {how!r}")

    # what the client gets

    def expect_C(self, step):
        wire = self.client(step.number)
        if self.expect_stream(wire, step):
            return
        if match := re.fullmatch(r"head ([1-5][0-9]{2})", step.text):
            self.wires.until(lambda: True if b"\r\n\r\n" in wire.inbox or wire.eof else None, "the head of an answer")
            return self.check_status(match[1], Head(wire.inbox))
        match = re.fullmatch(r"([1-9x][0-9x]{2}(?:\|[1-9x][0-9x]{2})*)(?: to ([A-Z]+))?(?: (cut))?", step.text)
        if not match:
            raise BadCase(f"unknown expectation {step.text!r}")
        method = match[2] or "GET"
        if match[3]:
            return self.expect_cut(wire, step, match[1], method)

        def answer():
            parsed = parse_response(wire.inbox, method, wire.eof)
            if parsed is None and wire.eof:
                raise Mismatch(f"{step.text} was expected, the connection ended after {wire.inbox[:500]!r}")
            return parsed

        message, taken = self.wires.until(answer, f"an answer {step.text}")
        wire.inbox = wire.inbox[taken:]
        self.check_status(match[1], message)
        self.check(step, message)

    def expect_cut(self, wire, step, status, method):
        self.wires.until(lambda: True if wire.eof else None, "the connection to be cut")
        # A body that ends with the connection is cut by a reset, every other one by being short.
        parsed = parse_response(wire.inbox, method, wire.eof and wire.reset is False)
        if parsed is not None:
            raise Mismatch(f"the answer is whole: {wire.inbox[:500]!r}")
        if wire.inbox:
            self.check_status(status, Head(wire.inbox))
        wire.inbox = b""

    def check_status(self, wanted, message):
        text = str(message.status)
        if not any(re.fullmatch(one.replace("x", "[0-9]"), text) for one in wanted.split("|")):
            raise Mismatch(f"status {wanted} was expected, not {message.start!r}")

    # what the origin gets

    def expect_O(self, step):
        if step.text == "nothing":
            return  # finish() sees whatever came unexpectedly
        match = re.fullmatch(r"(\d+) connections?", step.text)
        if match:
            if len(self.wires.origins) != int(match[1]):
                raise Mismatch(f"{match[1]} connections were expected, not {len(self.wires.origins)}")
            return
        wire = self.wires.origin(step.number)
        if self.expect_stream(wire, step):
            return
        whole, text = True, step.text
        if text == "rest":  # the body of a request whose head was taken before
            wire.inbox = wire.head + wire.inbox
            text = wire.head_text
        elif text.startswith("head "):
            whole, text = False, text[5:]
        if text == "cut":  # the beginning of a request whose rest never comes
            self.wires.until(lambda: True if wire.eof else None, "the request to be cut")
            if parse_request(wire.inbox) is not None:
                raise Mismatch(f"the request is whole: {wire.inbox[:500]!r}")
            wire.inbox = b""
            return

        def request():
            parsed = parse_request(wire.inbox, body=whole)
            if parsed is None and wire.eof:
                raise Mismatch(f"a request was expected, the connection ended after {wire.inbox[:500]!r}")
            return parsed

        message, taken = self.wires.until(request, f"the request {text}")
        wire.inbox = wire.inbox[taken:]
        wire.head, wire.head_text = message.raw_head, text
        wanted = self.filled(unescape(text)).decode("latin-1")
        if message.start != f"{wanted} HTTP/1.1":
            raise Mismatch(f"expected: {wanted} HTTP/1.1\n     got: {message.start}")
        self.check(step, message)

    # what both get

    def expect_stream(self, wire, step):
        """Bytes and ends of connections. True when the step was one of these."""
        if step.text == "closed":
            self.wires.until(lambda: True if wire.eof or wire.inbox else None, f"{wire.name} to be closed")
            if wire.inbox:
                raise Mismatch(f"the end was expected, there came {wire.inbox[:500]!r}")
            return True
        match = re.fullmatch(r'bytes "(.*)"', step.text)
        if not match:
            return False
        wanted = self.filled(unescape(match[1]))
        self.wires.until(lambda: True if len(wire.inbox) >= len(wanted) or wire.eof else None, repr(wanted))
        if not wire.inbox.startswith(wanted):
            raise Mismatch(f"expected: {wanted!r}\n     got: {wire.inbox[:500]!r}")
        wire.inbox = wire.inbox[len(wanted) :]
        return True

    def check(self, step, message):
        for text, line in step.checks:
            self.line, self.text = line, f"{step.name}<   {text}"
            problem = check(message, text, self.filled)
            if problem:
                raise Mismatch(problem)

    def expect_L(self, step):
        """A line of the access log since the case began; `json`: a line of the JSON log, which is JSON."""
        name = "json" if step.text == "json" else "access"
        wanted = re.compile("." if step.text == "json" else step.text.lstrip("!"))

        def said():
            return self.logs[name].read_bytes()[self.logs_from[name] :].decode("latin-1")

        if step.text.startswith("!"):
            if wanted.search(said()):
                raise Mismatch(f"the log has {wanted.pattern!r}:\n{said()}")
            return
        try:
            wait_until(lambda: wanted.search(said()), 5)
        except AssertionError:
            raise Mismatch(f"no line matches {wanted.pattern!r}; the log says:\n{said()}") from None
        if name == "json":
            for line in said().splitlines():
                json.loads(line)

    # the end

    def finish(self):
        """Nothing more comes on either side: both say that they are done and wait for weir to end as well."""
        self.line, self.text = self.case.steps[-1].line, "after the last step"
        for who, wires in (("client", list(self.wires.clients.values())), ("origin", self.wires.origins)):
            for wire in wires:
                if not wire.closed:
                    self.end_quietly(who, wire)
        for wire in self.wires.origins:  # made while the others ended
            self.demand_empty("origin", wire)

    def end_quietly(self, who, wire):
        if hasattr(wire.sock, "cipher"):  # TLS has no half-close here
            self.demand_empty(who, wire)
            wire.close()
            return
        wire.half_close()

        def ended():
            for origin in self.wires.origins:
                self.demand_empty("origin", origin)
            return True if wire.eof else None

        self.wires.until(ended, f"{wire.name} to be closed at the end")
        self.demand_empty(who, wire)

    def demand_empty(self, who, wire):
        if wire.inbox and not wire.closed and not wire.ignored:
            raise Mismatch(f"the {who} got what nobody expected: {wire.inbox[:1000]!r}")


class Head:
    """The first line of a message that is not whole."""

    def __init__(self, data):
        self.start = data.split(b"\r\n")[0].decode("latin-1")
        match = re.match(r"HTTP/1\.1 (\d\d\d)", self.start)
        if not match:
            raise Mismatch(f"no head of an answer: {data[:500]!r}")
        self.status = int(match[1])


def check(message, text, filled):
    """One indented line against a message: None, or what differs."""
    raw = message.raw_head.decode("latin-1")
    if match := re.fullmatch(r"body (\d+) bytes", text):
        return None if len(message.body) == int(match[1]) else f"the body has {len(message.body)} bytes"
    if match := re.fullmatch(r'body "(.*)"', text):
        wanted = filled(unescape(match[1]))
        return None if message.body == wanted else f"expected: body {wanted[:300]!r}\n     got: {message.body[:300]!r}"
    if match := re.fullmatch(r"body ~ (.+)", text):
        found = re.search(match[1], message.body.decode("latin-1"))
        return None if found else f"the body is {message.body[:300]!r}"
    if match := re.fullmatch(r'with(out)? "(.*)"', text):
        found = filled(unescape(match[2])) in message.raw_head + message.body
        return None if found != bool(match[1]) else f"the message: {raw}"
    if match := re.fullmatch(r"trailer ([^: ]+): (.*)", text):
        found = [v for n, v in message.trailers if n.lower() == match[1].lower()]
        return None if found == [match[2]] else f"trailers are {message.trailers}"
    if text == "no trailers":
        return f"trailers are {message.trailers}" if message.trailers else None
    if match := re.fullmatch(r"framing (length|chunked|until-close|none)", text):
        return None if message.framing == match[1] else f"framing is {message.framing}"
    if match := re.fullmatch(r'reason "(.*)"', text):
        wanted = unescape(match[1]).decode("latin-1")
        return None if message.reason == wanted else f"reason is {message.reason!r}"
    return check_field(message, text, filled, raw)


def check_field(message, text, filled, raw):
    if text.startswith("!"):
        return f"there is {text[1:]}:\n{raw}" if message.all(text[1:]) else None
    if match := re.fullmatch(r"([^: ]+) ~ (.+)", text):
        found = message.all(match[1])
        good = len(found) == 1 and re.search(match[2], found[0])
        return None if good else f"{match[1]} is {found}"
    if match := re.fullmatch(r"([^: ]+): ?(.*)", text):
        wanted = filled(unescape(match[2])).decode("latin-1")
        found = message.all(match[1])
        return None if found == [wanted] else f"expected: {match[1]}: {wanted}\n     got: {found}"
    if re.fullmatch(r"[^: ]+", text):
        return None if message.all(text) else f"no {text}:\n{raw}"
    raise BadCase(f"unknown check {text!r}")
