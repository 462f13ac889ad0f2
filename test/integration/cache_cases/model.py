"""What a case is made of, and short words for what many have in common."""

import dataclasses
import email.utils
import re



def date_in(seconds):
    """A date so many seconds from when the case is played, as a field has it: dated() puts it in."""
    return f"<date {seconds:+d}>"


def dated(part, now):
    """A case, or part of one, with dates for those words."""
    if isinstance(part, str):
        return re.sub(r"<date ([+-]\d+)>", lambda match: email.utils.formatdate(now + int(match[1]), usegmt=True), part)
    if dataclasses.is_dataclass(part):
        return dataclasses.replace(part, **{field.name: dated(getattr(part, field.name), now) for field in dataclasses.fields(part)})
    if isinstance(part, dict):
        return {name: dated(value, now) for name, value in part.items()}
    if isinstance(part, (tuple, set)):
        return type(part)(dated(one, now) for one in part)
    return part


OLD, LATER = date_in(-86400), date_in(86400)
ABSENT = None
ANY = object()  # a field that must be there


@dataclasses.dataclass
class Answer:
    """What the origin says. `body` None: none is sent (304, or an answer to HEAD). `cut`: it closes instead. `framing`:
    length, chunked, trailer (chunked, with the field X-Trailer behind it), close, or interim (behind a 103 with the
    field X-Early)."""

    status: int = 200
    fields: tuple = ()
    body: str | None = "one"
    cut: bool = False
    framing: str = "length"


@dataclasses.dataclass
class Ask:
    """One request, and what must become of it."""

    word: str | None  # of X-Cache; None: of no interest
    origin: Answer | tuple | None = None  # one answer, several to as many requests; None: it must not reach the origin
    method: str = "GET"
    fields: tuple = ()
    body: str | None = None  # of the request
    at: str = ""  # behind the case's own path
    status: int = 200
    gets: str | None = "one"  # the body; None: of no interest
    has: dict = dataclasses.field(default_factory=dict)  # fields of the answer; ABSENT, ANY, text, a set of these, or a tuple of lines
    sends: dict = dataclasses.field(default_factory=dict)  # the same, of the (first) request at the origin
    until: bool = False  # repeated until it is so: something is done behind the client's back


@dataclasses.dataclass
class Case:
    id: str
    source: str
    sentence: str
    asks: tuple
    config: str = "plain"


def ok(*fields, body="one", status=200):
    return Answer(status, fields, body)


def cc(text, *fields, body="one", status=200):
    return Answer(status, (("Cache-Control", text), *fields), body)


def not_modified(*fields):
    return Answer(304, fields, None)


def miss(answer, **more):
    return Ask("MISS", answer, **{"gets": answer.body, "status": answer.status, **more})


def hit(**more):
    return Ask("HIT", **more)


def asked(*fields, **more):
    """Keyword arguments of a request with these fields."""
    return {"fields": fields, **more}


def age_of(seconds):
    """The Age of an answer that was so old when it came; the run may be a few seconds late."""
    return {"Age": {str(n) for n in range(seconds, seconds + 12)}}


TAG = ("ETag", '"a"')
NEW = ("ETag", '"b"')
DATED = ("Last-Modified", OLD)
FRESH = "max-age=3600"
AGED = ("Age", "100")  # with max-age=60: stale when it comes

CONFIGS = {
    "plain": ("", ""),
    "ttl": ("default_ttl = 300s\nttl = 404:60s 302:1m 503:0\n", ""),
    "any": ("ttl = any:60s\n", ""),
    "stale": ("stale_while_revalidate = 1h\nstale_if_error = 1h\n", ""),
    "get": ("cache_methods = GET\n", ""),
    "key": ("key_headers = X-Tenant\nbypass = $arg_bypass\nno_store = $arg_keep_out $upstream_http_x_secret\n", ""),
    "uri": ("", "cache_key = $host$uri\n"),
    "off": ("", "cache = off\n"),
    "purge": ("stale_while_revalidate = 1h\nkey_headers = X-Tenant\n", "purge = api_keys:ops\n"),
}


def refuses(name, source, sentence, answer, config="plain", **request):
    """An answer that is not stored: the second request is another miss."""
    again = dataclasses.replace(answer, body="two" if answer.body is not None else None)
    return Case(name, source, sentence, (miss(answer, **request), miss(again, **request)), config)


def stores(name, source, sentence, answer, config="plain", **request):
    second = hit(gets=answer.body, status=answer.status, **request)
    return Case(name, source, sentence, (miss(answer, **request), second), config)


def asks_again(name, source, sentence, answer, **request):
    """A stored answer that this request may only have once the origin said that it is still good."""
    validates = Ask("REVALIDATED", not_modified(TAG), sends={"If-None-Match": '"a"'}, **request)
    return Case(name, source, sentence, (miss(answer), validates))


KEY = ("X-API-Key", "test-api-key-123")


def purges(*fields, at="", status=200):
    return Ask(None, None, method="PURGE", fields=(KEY, *fields), at=at, status=status, gets=None)
