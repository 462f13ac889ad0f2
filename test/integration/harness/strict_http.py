"""HTTP/1.1 read as strictly as RFC 9112 lets one: the judge of what weir wrote, sharing no code with it.

parse_request() and parse_response() take all bytes that are there: they give a Parsed message and how many bytes it
took, None when more must come, or raise Malformed. `ended` says that nothing more will come.
"""

import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
TARGET = re.compile(rb"[\x21-\x7e]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
REASON = VALUE
REQUEST_LINE = re.compile(rb"([^ ]+) ([^ ]+) HTTP/1\.([01])\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) (.*)\Z", re.S)
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}\Z")
# What only we may say to the next hop, and what no message may carry on.
NEVER_PASSED_ON = {"keep-alive", "proxy-connection", "trailer", "proxy"}
OWN_OPTIONS = {"close", "keep-alive", "upgrade", "te"}


class Malformed(Exception):
    """The bytes are no HTTP/1.1 message that a strict reader takes."""


class Parsed:
    def __init__(self, raw_head, start, fields):
        self.raw_head = raw_head
        self.start = start  # the first line as text
        self.fields = fields  # [(name, value)]
        self.body = b""
        self.trailers = []
        self.framing = "none"  # none, length, chunked, until-close, tunnel
        self.method = self.target = self.reason = ""
        self.status = 0

    def all(self, name):
        return [value for n, value in self.fields if n.lower() == name.lower()]

    def tokens(self, name):
        """The elements of a list field."""
        return [item.strip().lower() for value in self.all(name) for item in value.split(",") if item.strip()]


def take_line(data, at):
    """(line without CRLF, where the next begins), or None; a bare CR or LF is never taken."""
    end = data.find(b"\n", at)
    text = data[at:] if end < 0 else data[at:end]
    bare = text.find(b"\r")
    if bare >= 0 and bare != len(text) - 1:
        raise Malformed(f"bare CR in {text[:80]!r}")
    if end < 0:
        return None
    if not text.endswith(b"\r"):
        raise Malformed(f"bare LF after {text[:80]!r}")
    return text[:-1], end + 1


def take_fields(data, at):
    """(field list, where the body begins), or None."""
    fields = []
    while True:
        taken = take_line(data, at)
        if taken is None:
            return None
        line, at = taken
        if not line:
            return fields, at
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"field name in {line[:80]!r}")
        value = value.strip(b" \t")
        if not VALUE.match(value):
            raise Malformed(f"control byte in field {line[:80]!r}")
        fields.append((name.decode("latin-1"), value.decode("latin-1")))


def stated_length(message):
    lengths = message.all("content-length")
    if len(lengths) > 1:
        raise Malformed("more than one Content-Length")
    if lengths and not re.fullmatch(r"[0-9]+", lengths[0]):
        raise Malformed(f"Content-Length {lengths[0]!r}")
    codings = message.all("transfer-encoding")
    if codings and lengths:
        raise Malformed("Content-Length beside Transfer-Encoding")
    if codings and codings != ["chunked"]:
        raise Malformed(f"Transfer-Encoding {codings!r}")
    if codings:
        return "chunked", 0
    return ("length", int(lengths[0])) if lengths else ("none", 0)


def take_chunks(data, at, message):
    """Where the message ends, or None."""
    parts = []
    while True:
        taken = take_line(data, at)
        if taken is None:
            return None
        line, at = taken
        if not CHUNK_SIZE.match(line):  # an extension isn't ours to pass on either
            raise Malformed(f"chunk size line {line[:80]!r}")
        size = int(line, 16)
        if size == 0:
            break
        if len(data) < at + size + 2:
            message.body = b"".join(parts) + data[at : at + size]
            return None
        parts.append(data[at : at + size])
        at += size
        if data[at : at + 2] != b"\r\n":
            raise Malformed("no CRLF behind a chunk")
        at += 2
    message.body = b"".join(parts)
    taken = take_fields(data, at)
    if taken is None:
        return None
    message.trailers, at = taken
    for name, _ in message.trailers:
        if name.lower() in ("content-length", "transfer-encoding", "host", "trailer", "connection", "authorization"):
            raise Malformed(f"field {name} among the trailers")
    return at


def take_body(data, at, message, ended, kind, length):
    message.framing = kind
    if kind in ("none", "tunnel"):
        return at
    if kind == "length":
        message.body = data[at : at + length]
        return at + length if len(data) >= at + length else None
    if kind == "chunked":
        return take_chunks(data, at, message)
    message.body = data[at:]
    return len(data) if ended else None


def check_hop(message):
    for name, _ in message.fields:
        if name.lower() in NEVER_PASSED_ON:
            raise Malformed(f"hop-by-hop field {name} was passed on")
    strange = set(message.tokens("connection")) - OWN_OPTIONS
    if strange:
        raise Malformed(f"Connection names {strange}")
    if bool(message.all("upgrade")) != ("upgrade" in message.tokens("connection")):
        raise Malformed("Upgrade and Connection disagree")


def parse_request(data, body=True):
    """(message, bytes taken) or None. With body=False the head alone."""
    taken = take_line(data, 0)
    if taken is None:
        return None
    line, at = taken
    match = REQUEST_LINE.match(line)
    if not match or not TOKEN.match(match[1]) or not TARGET.match(match[2]):
        raise Malformed(f"request line {line[:80]!r}")
    taken = take_fields(data, at)
    if taken is None:
        return None
    fields, at = taken
    message = Parsed(data[:at], line.decode("latin-1"), fields)
    message.method, message.target = match[1].decode(), match[2].decode()
    if match[3] != b"1":
        raise Malformed("a request to the origin is HTTP/1.1's")
    if len(message.all("host")) != 1 or message.fields[0][0].lower() != "host":
        raise Malformed("a request has one Host, and it comes first")
    check_hop(message)
    for name in ("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "x-request-id", "forwarded", "via"):
        if len(message.all(name)) != 1:
            raise Malformed(f"a request to the origin has one {name}, not {len(message.all(name))}")
    kind, length = stated_length(message)
    if not body:
        message.framing = kind
        return message, at
    end = take_body(data, at, message, False, kind, length)
    return None if end is None else (message, end)


def parse_response(data, method="GET", ended=False):
    """(message, bytes taken) or None; `method` is that of the request it answers."""
    taken = take_line(data, 0)
    if taken is None:
        return None
    line, at = taken
    match = STATUS_LINE.match(line)
    if not match or not REASON.match(match[2]):
        raise Malformed(f"status line {line[:80]!r}")
    taken = take_fields(data, at)
    if taken is None:
        return None
    fields, at = taken
    message = Parsed(data[:at], line.decode("latin-1"), fields)
    message.status, message.reason = int(match[1]), match[2].decode("latin-1")
    check_hop(message)
    kind, length = stated_length(message)
    if message.status < 200 or message.status == 204:
        if kind != "none":
            raise Malformed(f"a {message.status} with framing fields")
        return message, take_body(data, at, message, ended, "tunnel" if message.status == 101 else "none", 0)
    if len(message.all("date")) < 1:
        raise Malformed("an answer without Date")
    if message.status == 304 or method == "HEAD":
        return message, take_body(data, at, message, ended, "none", 0)
    if kind == "none":
        kind = "until-close"
        if "close" not in message.tokens("connection"):
            raise Malformed("a body that ends with the connection, but no Connection: close")
    end = take_body(data, at, message, ended, kind, length)
    return None if end is None else (message, end)
