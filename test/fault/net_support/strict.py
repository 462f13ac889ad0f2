"""A strict reader of HTTP/1.1 requests (RFC 9112), written apart from weir's: the judge of what was said.

read_requests(bytes) gives the requests that stand there beyond doubt, why it stopped ("" at the end of the bytes,
"incomplete", or the rule that was broken), and how many bytes they are.
"""

import re
import threading

from harness import ScriptedOrigin

LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.([01])")
FIELD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):"
    rb"[ \t]*([\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*"
)
CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(?:[ \t]*;[\t \x21-\x7e\x80-\xff]*)?")


class Broken(Exception):
    """Not HTTP as it must be."""


class Incomplete(Exception):
    """The rest has not come."""


class Request:
    def __init__(self, method, target, minor, fields, body):
        self.method, self.target, self.minor, self.fields, self.body = method, target, minor, fields, body

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name]

    def key(self):
        return self.method, self.target, self.body

    def __repr__(self):
        return f"{self.method.decode()} {self.target.decode()} +{len(self.body)}"


def take_line(data, at):
    end = data.find(b"\r\n", at)
    line = data[at : end if end >= 0 else len(data)]
    if b"\r" in line.rstrip(b"\r") or b"\n" in line or (end >= 0 and line.endswith(b"\r")):
        raise Broken("bare CR or LF")
    if end < 0:
        raise Incomplete
    return line, end + 2


def take_fields(data, at):
    fields = []
    while True:
        line, at = take_line(data, at)
        if not line:
            return fields, at
        match = FIELD.fullmatch(line)
        if not match:
            raise Broken(f"field {line[:40]!r}")
        fields.append((match[1], match[2] or b""))


def framing_of(minor, fields):
    """"none", a length, or "chunked"."""
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if codings:
        if lengths or minor == 0 or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Broken("Transfer-Encoding")
        return "chunked"
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]+", lengths[0]) or int(lengths[0]) >= 1 << 63:
        raise Broken("Content-Length")
    return int(lengths[0])


def take_chunked(data, at):
    body = b""
    while True:
        line, at = take_line(data, at)
        match = CHUNK.fullmatch(line)
        if not match:
            raise Broken(f"chunk size {line[:40]!r}")
        size = int(match[1], 16)
        if size == 0:
            return body, take_fields(data, at)[1]
        if len(data) < at + size + 2:
            if len(data) > at + size and data[at + size : at + size + 1] != b"\r":
                raise Broken("no CRLF behind a chunk")
            raise Incomplete
        if data[at + size : at + size + 2] != b"\r\n":
            raise Broken("no CRLF behind a chunk")
        body += data[at : at + size]
        at += size + 2


def take_request(data, at):
    if data.startswith(b"\r\n", at):
        at += 2  # one empty line is allowed here (RFC 9112 §2.2)
    line, at = take_line(data, at)
    match = LINE.fullmatch(line)
    if not match:
        raise Broken(f"request line {line[:60]!r}")
    fields, at = take_fields(data, at)
    minor = int(match[3])
    hosts = [value for name, value in fields if name.lower() == b"host"]
    if len(hosts) > 1 or (minor == 1 and not hosts):
        raise Broken("Host")
    framing = framing_of(minor, fields)
    if framing == "chunked":
        body, at = take_chunked(data, at)
    else:
        if len(data) < at + framing:
            raise Incomplete
        body, at = data[at : at + framing], at + framing
    return Request(match[1], match[2], minor, fields, body), at


def read_requests(data):
    requests, at = [], 0
    while at < len(data):
        try:
            request, at = take_request(data, at)
        except Broken as broken:
            return requests, str(broken), at
        except Incomplete:
            return requests, "incomplete", at
        requests.append(request)
    return requests, "", at


class Recorder(ScriptedOrigin):
    """An origin that reads strictly and answers each request with what it was; whatever it can't read is remembered."""

    def __init__(self):
        self.seen = []  # Request, in the order they were complete
        self.doubts = []  # (why, bytes)
        self._seen_lock = threading.Lock()
        super().__init__(self._record)

    def _record(self, connection):
        while connection.fill():
            requests, why, size = read_requests(connection.buffer)
            connection.take(size)
            for request in requests:
                with self._seen_lock:
                    self.seen.append(request)
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if why not in ("", "incomplete"):
                with self._seen_lock:
                    self.doubts.append((why, connection.buffer[:1000]))
                return
