"""What a shared cache must do and must not do: a table. Each row is a case of its own URI, and cites its section.

A case is a list of requests. Each says what the client asks, what the origin answers, and what the client must see;
a request without an answer of the origin must not reach it. Nothing waits for time to pass: an answer that says
"Age: 100" is 100 seconds old when it comes.
"""

import dataclasses
import email.utils
import time

OLD, LATER = (email.utils.formatdate(time.time() + offset, usegmt=True) for offset in (-86400, 86400))
ABSENT = None


@dataclasses.dataclass
class Answer:
    """What the origin says. `body` None: none is sent (304, or an answer to HEAD). `cut`: it closes instead."""

    status: int = 200
    fields: tuple = ()
    body: str | None = "one"
    cut: bool = False


@dataclasses.dataclass
class Ask:
    """One request, and what must become of it."""

    word: str | None  # of X-Cache; None: of no interest
    origin: Answer | None = None  # None: it must not reach the origin
    method: str = "GET"
    fields: tuple = ()
    body: str | None = None  # of the request
    at: str = ""  # behind the case's own path
    status: int = 200
    gets: str | None = "one"  # the body; None: of no interest
    has: dict = dataclasses.field(default_factory=dict)  # fields of the answer; ABSENT, or text, or a set of texts
    sends: dict = dataclasses.field(default_factory=dict)  # the same, of the request at the origin
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


STORED = [
    stores("store-max-age", "RFC 9111 §5.2.2.1", "max-age makes an answer fresh", cc(FRESH)),
    stores("store-s-maxage", "RFC 9111 §5.2.2.10", "s-maxage is for shared caches, over max-age", cc("max-age=0, s-maxage=60")),
    stores("store-expires", "RFC 9111 §5.3", "Expires makes an answer fresh", ok(("Expires", LATER))),
    stores("store-expires-over", "RFC 9111 §5.3", "max-age is over an Expires in the past", cc(FRESH, ("Expires", OLD))),
    stores("store-heuristic", "RFC 9111 §4.2.2", "a tenth of the time since Last-Modified is the lifetime", ok(DATED)),
    stores("store-quoted", "RFC 9111 §5.2", "an argument may be a quoted text", cc('max-age="3600"')),
    stores("store-case", "RFC 9111 §5.2", "names of directives have no case", cc("MaX-aGe=3600")),
    stores("store-unknown", "RFC 9111 §5.2.3", "unknown directives are passed over", cc("foo, bar=3, max-age=3600")),
    stores("store-huge", "RFC 9111 §1.2.2", "a lifetime beyond 2^31 is a long one", cc("max-age=99999999999")),
    stores("store-404", "RFC 9110 §15.1", "a 404 that says so is kept", cc(FRESH, status=404)),
    stores("store-410", "RFC 9110 §15.1", "a 410 that says so is kept", cc(FRESH, status=410)),
    stores("store-301", "RFC 9110 §15.1", "a redirect that says so is kept", cc(FRESH, ("Location", "/x"), status=301)),
    stores("store-302", "RFC 9111 §3", "any final status that says so is kept", cc(FRESH, ("Location", "/x"), status=302)),
    stores("store-500", "RFC 9111 §3", "even an error that says so is kept", cc(FRESH, status=500)),
    stores("store-599", "RFC 9111 §3", "an unknown status that says so is kept", cc(FRESH, status=299)),
    stores("store-204", "RFC 9110 §15.3.5", "an answer without a body is kept", cc(FRESH, status=204, body=None)),
    stores("store-empty", "RFC 9111 §3", "an empty body is a body", cc(FRESH, body="")),
    stores("store-cdn", "RFC 9213 §2.2", "CDN-Cache-Control is over Cache-Control", cc("no-store", ("CDN-Cache-Control", "max-age=60"))),
    stores("store-understood", "RFC 9111 §5.2.2.3", "must-understand lifts no-store", cc("must-understand, no-store, max-age=60")),
    stores("store-cookie", "RFC 9111 §7.3", "Set-Cookie is kept where the answer is public", cc("public, max-age=60", ("Set-Cookie", "a=b"))),
    stores("store-authorized", "RFC 9111 §3.5", "public: also of a request with Authorization", cc("public, max-age=60"),
           fields=(("Authorization", "x"),)),
    stores("store-authorized-s", "RFC 9111 §3.5", "s-maxage: also of a request with Authorization", cc("s-maxage=60"),
           fields=(("Authorization", "x"),)),
    stores("store-revalidated", "RFC 9111 §3.5", "must-revalidate: also of a request with Authorization",
           cc("must-revalidate, max-age=60"), fields=(("Authorization", "x"),)),
    stores("store-default", "weir.ini(5)", "default_ttl keeps what says nothing", ok(), "ttl"),
    stores("store-status-ttl", "weir.ini(5)", "ttl keeps what says nothing, by status", ok(status=404), "ttl"),
    stores("store-302-ttl", "weir.ini(5)", "ttl keeps a status that HTTP does not", ok(("Location", "/x"), status=302), "ttl"),
    stores("store-any", "weir.ini(5)", "any: is for all other statuses", ok(status=500), "any"),
]  # fmt: skip

REFUSED = [
    refuses("keep-nothing", "weir.ini(5)", "an answer that says nothing is not kept", ok()),
    refuses("keep-etag", "weir.ini(5)", "an ETag says nothing of a lifetime", ok(TAG)),
    refuses("keep-no-store", "RFC 9111 §5.2.2.5", "no-store", cc("no-store, max-age=60")),
    refuses("keep-no-store-case", "RFC 9111 §5.2.2.5", "No-Store", cc("No-Store, max-age=60")),
    refuses("keep-private", "RFC 9111 §5.2.2.7", "private", cc("private, max-age=60")),
    refuses("keep-private-s", "RFC 9111 §5.2.2.7", "private beside s-maxage", cc("private, s-maxage=60")),
    refuses("keep-two-fields", "RFC 9110 §5.3", "directives on two lines count together",
            Answer(200, (("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")))),
    refuses("keep-invalid", "RFC 9111 §4.2.1", "a max-age that is no number is 0", cc("max-age=a")),
    refuses("keep-negative", "RFC 9111 §4.2.1", "a max-age below 0 is 0", cc("max-age=-1")),
    refuses("keep-conflict", "RFC 9111 §4.2.1", "of two max-age the smaller counts", cc("max-age=60, max-age=0")),
    refuses("keep-zero", "RFC 9111 §4.2.1", "max-age=0 over Expires", cc("max-age=0", ("Expires", LATER))),
    refuses("keep-expires-0", "RFC 9111 §5.3", "Expires: 0 is in the past", ok(("Expires", "0"))),
    refuses("keep-expires-past", "RFC 9111 §5.3", "Expires in the past", ok(("Expires", OLD))),
    refuses("keep-age", "RFC 9111 §4.2.3", "an answer that is too old when it comes", cc("max-age=60", AGED)),
    refuses("keep-date", "RFC 9111 §4.2.3", "an answer that was made too long ago", cc("max-age=60", ("Date", OLD))),
    refuses("keep-vary", "RFC 9111 §4.1", "Vary: * never matches", cc(FRESH, ("Vary", "*"))),
    refuses("keep-vary-list", "RFC 9111 §4.1", "a '*' in a list of names", cc(FRESH, ("Vary", "Accept, *"))),
    refuses("keep-cookie", "weir.ini(5)", "Set-Cookie is for one client", cc(FRESH, ("Set-Cookie", "a=b"))),
    refuses("keep-authorized", "RFC 9111 §3.5", "of a request with Authorization", cc(FRESH), fields=(("Authorization", "x"),)),
    refuses("keep-proxy-revalidate", "RFC 9111 §5.2.2.8", "proxy-revalidate permits nothing", cc("proxy-revalidate, max-age=60"),
            fields=(("Authorization", "x"),)),
    refuses("keep-asked-no-store", "RFC 9111 §5.2.1.5", "no-store of the request", cc(FRESH),
            fields=(("Cache-Control", "no-store"),)),
    refuses("keep-206", "RFC 9111 §3.3", "a part that nobody asked for",
            Answer(206, (("Cache-Control", FRESH), ("Content-Range", "bytes 0-2/9")), "one")),
    refuses("keep-not-understood", "RFC 9111 §5.2.2.3", "must-understand of an unknown status",
            cc("must-understand, max-age=60", status=299)),
    refuses("keep-302", "RFC 9110 §15.1", "a 302 that says nothing", ok(DATED, ("Location", "/x"), status=302)),
    refuses("keep-cdn", "RFC 9213 §2.2", "CDN-Cache-Control forbids over Cache-Control",
            cc(FRESH, ("CDN-Cache-Control", "no-store"))),
    refuses("keep-cdn-expires", "RFC 9213 §2.2", "CDN-Cache-Control is over Expires",
            ok(("Expires", LATER), ("CDN-Cache-Control", "max-age=0"))),
    refuses("keep-status-ttl", "weir.ini(5)", "ttl of 0 keeps nothing", ok(status=503), "ttl"),
    refuses("keep-default-500", "weir.ini(5)", "default_ttl is not for errors", ok(status=500), "ttl"),
    refuses("keep-by-argument", "weir.ini(5)", "no_store by what the client asks", cc(FRESH), "key", at="?keep_out=1"),
    refuses("keep-by-answer", "weir.ini(5)", "no_store by what the origin says", cc(FRESH, ("X-Secret", "1")), "key"),
    refuses("keep-post", "RFC 9110 §9.3.3", "an answer to POST", cc(FRESH), method="POST", body="x"),
    refuses("keep-put", "RFC 9110 §9.3.4", "an answer to PUT", cc(FRESH), method="PUT", body="x"),
    refuses("keep-options", "RFC 9110 §9.3.7", "an answer to OPTIONS", cc(FRESH), method="OPTIONS"),
    refuses("keep-unknown-method", "RFC 9111 §3", "an answer to a method that nobody knows", cc(FRESH), method="FOO"),
]  # fmt: skip

REUSED = [
    Case("reuse-age", "RFC 9111 §5.1", "a stored answer has an Age, and the origin's counts",
         (miss(cc(FRESH, ("Age", "30"))), hit(has={"Age": {"30", "31", "32", "33"}}))),
    Case("reuse-fields", "RFC 9111 §3.1", "all fields are stored but those of one hop",
         (miss(cc(FRESH, ("X-A", "1"), ("X-B", "2"), ("Connection", "X-B"), ("Content-Type", "text/x"))),
          hit(has={"X-A": "1", "X-B": ABSENT, "Content-Type": "text/x"}))),
    Case("reuse-private-field", "RFC 9111 §5.2.2.7", "a field that private= names is not stored",
         (miss(cc('private="X-A", max-age=60', ("X-A", "1"), ("X-B", "2")), has={"X-A": "1"}),
          hit(has={"X-A": ABSENT, "X-B": "2"}))),
    Case("reuse-no-cache-field", "RFC 9111 §5.2.2.4", "a field that no-cache= names is not reused",
         (miss(cc('no-cache="X-A", max-age=60', ("X-A", "1"), ("X-B", "2"))), hit(has={"X-A": ABSENT, "X-B": "2"}))),
    Case("reuse-date", "RFC 9110 §6.6.1", "Date stays what the origin said", (miss(cc("max-age=999999", ("Date", OLD))), hit(has={"Date": OLD}))),
    Case("reuse-query", "RFC 9111 §2", "another query is another URI",
         (miss(cc(FRESH), at="?a"), miss(cc(FRESH, body="two"), at="?b"), hit(at="?a"))),
    Case("reuse-key-uri", "weir.ini(5)", "cache_key says what is the same",
         (miss(cc(FRESH), at="?a"), hit(at="?b")), "uri"),
    Case("reuse-key-field", "weir.ini(5)", "key_headers tell requests apart",
         (miss(cc(FRESH), fields=(("X-Tenant", "a"),)), miss(cc(FRESH, body="two"), fields=(("X-Tenant", "b"),)),
          hit(fields=(("X-Tenant", "a"),))), "key"),
    Case("reuse-head", "RFC 9110 §9.3.2", "HEAD is answered from what GET stored",
         (miss(cc(FRESH, TAG)), hit(method="HEAD", gets="", has={"ETag": '"a"', "Content-Length": "3"}))),
    Case("reuse-head-first", "RFC 9111 §3", "HEAD stores nothing that GET could be answered with",
         (miss(cc(FRESH, body=None), method="HEAD", gets=""), miss(cc(FRESH)))),
    Case("reuse-head-off", "weir.ini(5)", "HEAD goes to the origin where cache_methods has no HEAD",
         (miss(cc(FRESH)), miss(cc(FRESH, body=None), method="HEAD", gets="")), "get"),
    Case("reuse-authorized", "RFC 9111 §3.5", "what is for all is also for those with Authorization",
         (miss(cc("public, max-age=60")), hit(fields=(("Authorization", "x"),)))),
    Case("reuse-not-authorized", "weir.ini(5)", "what does not say so is not",
         (miss(cc(FRESH)), Ask(None, cc(FRESH, body="two"), fields=(("Authorization", "x"),), gets="two"))),
    Case("reuse-bypass", "weir.ini(5)", "a bypass asks the origin and stores its answer",
         (miss(cc(FRESH), at="?x"), Ask("BYPASS", cc(FRESH, body="two"), at="?x&bypass=1", gets="two")), "key"),
    Case("reuse-bypass-0", "weir.ini(5)", "\"0\" is no bypass",
         (miss(cc(FRESH), at="?bypass=0"), hit(at="?bypass=0")), "key"),
    Case("reuse-only-if-cached", "RFC 9111 §5.2.1.7", "only-if-cached is a 504 where nothing is stored",
         (Ask(None, None, fields=(("Cache-Control", "only-if-cached"),), status=504, gets=None),
          miss(cc(FRESH)), hit(fields=(("Cache-Control", "only-if-cached"),)))),
    Case("reuse-max-age", "RFC 9111 §5.2.1.1", "max-age of the request, not passed",
         (miss(cc(FRESH, ("Age", "30"))), hit(fields=(("Cache-Control", "max-age=1000"),)))),
    Case("reuse-min-fresh", "RFC 9111 §5.2.1.3", "min-fresh, enough left", (miss(cc(FRESH)), hit(fields=(("Cache-Control", "min-fresh=10"),)))),
    Case("reuse-max-stale", "RFC 9111 §5.2.1.2", "max-stale takes a stale one",
         (miss(cc("max-age=60", AGED, TAG)), Ask("STALE", fields=(("Cache-Control", "max-stale=1000"),)))),
    Case("reuse-off", "weir.ini(5)", "cache = off says nothing of a cache",
         (Ask(None, cc(FRESH), has={"X-Cache": ABSENT, "Cache-Status": ABSENT}), Ask(None, cc(FRESH, body="two"), gets="two")), "off"),
    Case("reuse-status-text", "RFC 9211 §2", "Cache-Status says hit and what is left",
         (miss(cc(FRESH)), hit(has={"Cache-Status": {f"weir; hit; ttl={n}" for n in range(3590, 3601)}}))),
    Case("reuse-tags-hidden", "weir.ini(5)", "surrogate keys stay here",
         (miss(cc(FRESH, ("Surrogate-Key", "a b"), ("Cache-Tag", "c")), has={"Surrogate-Key": ABSENT, "Cache-Tag": ABSENT}),
          hit(has={"Surrogate-Key": ABSENT, "Cache-Tag": ABSENT}))),
]  # fmt: skip

VARY = [
    Case("vary-other", "RFC 9111 §4.1", "another value is another variant",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-A", "1"),)),
          miss(cc(FRESH, ("Vary", "X-A"), body="two"), fields=(("X-A", "2"),)),
          hit(fields=(("X-A", "1"),)), hit(fields=(("X-A", "2"),), gets="two"))),
    Case("vary-absent", "RFC 9111 §4.1", "absent matches absent alone",
         (miss(cc(FRESH, ("Vary", "X-A"))), hit(), miss(cc(FRESH, ("Vary", "X-A"), body="two"), fields=(("X-A", ""),)))),
    Case("vary-two", "RFC 9111 §4.1", "all names must match",
         (miss(cc(FRESH, ("Vary", "X-A, X-B")), fields=(("X-A", "1"), ("X-B", "1"))),
          miss(cc(FRESH, ("Vary", "X-A, X-B"), body="two"), fields=(("X-A", "1"), ("X-B", "2"))),
          hit(fields=(("X-B", "1"), ("X-A", "1"))))),
    Case("vary-lines", "RFC 9111 §4.1", "a list on two lines is the list on one",
         (miss(cc(FRESH, ("Vary", "Accept")), fields=(("Accept", "a, b"),)), hit(fields=(("Accept", "a"), ("Accept", "b"))))),
    Case("vary-coding", "RFC 9110 §12.5.3", "order and weights of codings make no variant",
         (miss(cc(FRESH, ("Vary", "Accept-Encoding")), fields=(("Accept-Encoding", "gzip, br;q=0.5"),)),
          hit(fields=(("Accept-Encoding", "br,gzip"),)))),
    Case("vary-coding-other", "RFC 9110 §12.5.3", "another set of codings does",
         (miss(cc(FRESH, ("Vary", "Accept-Encoding")), fields=(("Accept-Encoding", "gzip"),)),
          miss(cc(FRESH, ("Vary", "Accept-Encoding"), body="two"), fields=(("Accept-Encoding", "identity"),)))),
    Case("vary-unnamed", "RFC 9111 §4.1", "fields that are not named do not matter",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-B", "1"),)), hit(fields=(("X-B", "2"),)))),
]  # fmt: skip

VALIDATED = [
    asks_again("validate-stale", "RFC 9111 §4.3.1", "a stale answer is asked about by its tag", cc("max-age=60", AGED, TAG)),
    asks_again("validate-no-cache", "RFC 9111 §5.2.2.4", "no-cache: each time", cc("no-cache", TAG)),
    asks_again("validate-asked", "RFC 9111 §5.2.1.4", "no-cache of the request", cc(FRESH, TAG), fields=(("Cache-Control", "no-cache"),)),
    asks_again("validate-pragma", "RFC 9111 §5.4", "Pragma of the request", cc(FRESH, TAG), fields=(("Pragma", "no-cache"),)),
    asks_again("validate-max-age-0", "RFC 9111 §5.2.1.1", "max-age=0 of the request", cc(FRESH, TAG), fields=(("Cache-Control", "max-age=0"),)),
    asks_again("validate-max-age", "RFC 9111 §5.2.1.1", "max-age of the request, passed", cc(FRESH, TAG, ("Age", "30")),
               fields=(("Cache-Control", "max-age=10"),)),
    asks_again("validate-min-fresh", "RFC 9111 §5.2.1.3", "min-fresh, not enough left", cc("max-age=60", TAG, ("Age", "30")),
               fields=(("Cache-Control", "min-fresh=50"),)),
    asks_again("validate-must", "RFC 9111 §5.2.2.2", "must-revalidate is over max-stale", cc("max-age=60, must-revalidate", AGED, TAG),
               fields=(("Cache-Control", "max-stale"),)),
    asks_again("validate-s-maxage", "RFC 9111 §5.2.2.10", "so is s-maxage", cc("s-maxage=60", AGED, TAG),
               fields=(("Cache-Control", "max-stale"),)),
    Case("validate-date", "RFC 9111 §4.3.1", "or by its date",
         (miss(cc("no-cache", DATED)), Ask("REVALIDATED", not_modified(), sends={"If-Modified-Since": OLD, "If-None-Match": ABSENT}))),
    Case("validate-updates", "RFC 9111 §4.3.4", "a 304 renews the fields and the lifetime",
         (miss(cc("max-age=60", AGED, TAG, ("X-A", "1"), ("X-B", "1"))),
          Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", FRESH), ("X-A", "2")), has={"X-A": "2", "X-B": "1"}),
          hit(has={"X-A": "2", "X-B": "1"}))),
    Case("validate-keeps-coding", "RFC 9111 §3.2", "a 304 does not change what the stored bytes are",
         (miss(cc("no-cache", TAG, ("Content-Encoding", "x-own"))),
          Ask("REVALIDATED", not_modified(TAG, ("Content-Encoding", "br")), has={"Content-Encoding": "x-own", "Content-Length": "3"}))),
    Case("validate-replaced", "RFC 9111 §4.3.3", "a 200 takes the place of what was stored",
         (miss(cc("max-age=60", AGED, TAG)), miss(cc(FRESH, NEW, body="two")), hit(gets="two", has={"ETag": '"b"'}))),
    Case("validate-gone", "RFC 9111 §4.3.3", "so does an error that is no failure",
         (miss(cc("max-age=60", AGED, TAG)), miss(cc(FRESH, body="gone", status=404)), hit(gets="gone", status=404))),
    Case("validate-forbidden", "RFC 9111 §4.3.3", "a 200 that may not be stored is passed on, and the old one not served again",
         (miss(cc("no-cache", TAG)), miss(cc("no-store", NEW, body="two")), miss(cc(FRESH, body="three")))),
    Case("validate-error", "RFC 9111 §4.3.3", "a failure of the origin is passed on where nothing allows a stale answer",
         (miss(cc("max-age=60", AGED, TAG)), Ask("MISS", Answer(503, (), "down"), status=503, gets="down"))),
    Case("validate-after-error", "RFC 9111 §4.3.3", "a failure that is passed on leaves what is stored to be asked about again",
         (miss(cc("no-cache", TAG)), Ask("MISS", Answer(503, (), "down"), status=503, gets="down"),
          Ask("REVALIDATED", not_modified(TAG), sends={"If-None-Match": '"a"'}))),
    Case("validate-clients-own", "RFC 9111 §4.3.2", "the client's condition is not the one that goes to the origin",
         (miss(cc("no-cache", TAG)),
          Ask("REVALIDATED", not_modified(TAG), fields=(("If-None-Match", '"x"'),), sends={"If-None-Match": '"a"'}))),
]  # fmt: skip

CONDITIONAL = [
    Case("cond-304", "RFC 9111 §4.3.2", "If-None-Match of a stored answer is a 304 from here",
         (miss(cc(FRESH, TAG)), hit(fields=(("If-None-Match", '"a"'),), status=304, gets="", has={"ETag": '"a"'}))),
    Case("cond-304-weak", "RFC 9110 §13.1.2", "it compares weakly",
         (miss(cc(FRESH, TAG)), hit(fields=(("If-None-Match", 'W/"a", "x"'),), status=304, gets=""))),
    Case("cond-304-star", "RFC 9110 §13.1.2", "a star is any",
         (miss(cc(FRESH, TAG)), hit(fields=(("If-None-Match", "*"),), status=304, gets=""))),
    Case("cond-other", "RFC 9110 §13.1.2", "another tag is a 200 from here",
         (miss(cc(FRESH, TAG)), hit(fields=(("If-None-Match", '"b"'),)))),
    Case("cond-date", "RFC 9110 §13.1.3", "If-Modified-Since of a stored answer is a 304 from here",
         (miss(cc(FRESH, DATED)), hit(fields=(("If-Modified-Since", OLD),), status=304, gets=""))),
    Case("cond-tag-over-date", "RFC 9110 §13.2.2", "If-None-Match is over If-Modified-Since",
         (miss(cc(FRESH, TAG, DATED)), hit(fields=(("If-None-Match", '"b"'), ("If-Modified-Since", LATER))))),
    Case("cond-miss", "RFC 9111 §4.3.2", "on a miss the whole is fetched, and the condition judged here",
         (Ask("MISS", cc(FRESH, TAG), fields=(("If-None-Match", '"a"'),), status=304, gets="", sends={"If-None-Match": ABSENT}),
          hit())),
    Case("cond-if-match", "RFC 9111 §4.3.2", "If-Match is for the origin",
         (miss(cc(FRESH, TAG)), Ask(None, Answer(412, (), "no"), fields=(("If-Match", '"b"'),), status=412, gets="no",
                                    sends={"If-Match": '"b"'}), hit())),
    Case("cond-head", "RFC 9110 §13.1.2", "HEAD has its 304 too",
         (miss(cc(FRESH, TAG)), hit(method="HEAD", fields=(("If-None-Match", '"a"'),), status=304, gets=""))),
]  # fmt: skip

DIGITS = "0123456789"
RANGES = [
    Case("range-part", "RFC 9110 §14.2", "a range of a stored answer is cut here",
         (miss(cc(FRESH, body=DIGITS)), hit(fields=(("Range", "bytes=2-4"),), status=206, gets="234",
                                            has={"Content-Range": "bytes 2-4/10", "Content-Length": "3"}))),
    Case("range-suffix", "RFC 9110 §14.1.2", "the last bytes",
         (miss(cc(FRESH, body=DIGITS)), hit(fields=(("Range", "bytes=-3"),), status=206, gets="789"))),
    Case("range-416", "RFC 9110 §15.5.17", "a range beyond the end",
         (miss(cc(FRESH, body=DIGITS)), hit(fields=(("Range", "bytes=10-"),), status=416, gets=None,
                                            has={"Content-Range": "bytes */10"}))),
    Case("range-malformed", "RFC 9110 §14.2", "a range that is none is passed over",
         (miss(cc(FRESH, body=DIGITS)), hit(fields=(("Range", "bytes=4-2"),), gets=DIGITS))),
    Case("range-if-range", "RFC 9110 §13.1.5", "If-Range with the tag",
         (miss(cc(FRESH, TAG, body=DIGITS)), hit(fields=(("Range", "bytes=0-0"), ("If-Range", '"a"')), status=206, gets="0"))),
    Case("range-if-range-other", "RFC 9110 §13.1.5", "If-Range with another tag is the whole",
         (miss(cc(FRESH, TAG, body=DIGITS)), hit(fields=(("Range", "bytes=0-0"), ("If-Range", '"b"')), gets=DIGITS))),
    Case("range-head", "RFC 9110 §14.2", "HEAD has no ranges",
         (miss(cc(FRESH, body=DIGITS)), hit(method="HEAD", fields=(("Range", "bytes=0-0"),), gets=""))),
    Case("range-miss", "RFC 9111 §3.3", "on a miss a part is asked for as a part, and not stored",
         (Ask("MISS", Answer(206, (("Cache-Control", FRESH), ("Content-Range", "bytes 2-4/10")), "234"),
              fields=(("Range", "bytes=2-4"),), status=206, gets="234", sends={"Range": "bytes=2-4"}),
          miss(cc(FRESH, body=DIGITS)))),
    Case("range-all-miss", "weir.ini(5)", "on a miss bytes=0- fetches and stores the whole",
         (Ask("MISS", cc(FRESH, body=DIGITS), fields=(("Range", "bytes=0-"),), status=None, gets=DIGITS, sends={"Range": ABSENT}),
          hit(gets=DIGITS))),
    Case("range-overlaps", "CVE-2011-3192", "many ranges that overlap are the whole",
         (miss(cc(FRESH, body=DIGITS)), hit(fields=(("Range", "bytes=" + ",".join(f"{n}-9" for n in range(10))),), gets=DIGITS))),
]  # fmt: skip

STALE = [
    Case("stale-503", "RFC 5861 §4", "stale-if-error of the answer: a 503 is not passed on",
         (miss(cc("max-age=60, stale-if-error=1000", AGED)), Ask("STALE", Answer(503, (), "down")))),
    Case("stale-500-config", "weir.ini(5)", "stale_if_error of the configuration",
         (miss(cc("max-age=60", AGED, TAG)), Ask(None, Answer(500, (), "down"), gets="one")), "stale"),
    Case("stale-404", "RFC 5861 §4", "a 404 is an answer",
         (miss(cc("max-age=60, stale-if-error=1000", AGED)), miss(Answer(404, (), "gone")))),
    Case("stale-cut", "RFC 5861 §4", "so is an origin that closes",
         (miss(cc("max-age=60, stale-if-error=1000", AGED)), Ask("STALE", Answer(cut=True)))),
    Case("stale-must", "RFC 9111 §5.2.2.2", "must-revalidate forbids it",
         (miss(cc("max-age=60, must-revalidate, stale-if-error=1000", AGED, TAG)), Ask("MISS", Answer(503, (), "down"), status=503, gets="down"))),
    Case("stale-past", "RFC 5861 §4", "the window ends",
         (miss(cc("max-age=60, stale-if-error=10", AGED, TAG)), Ask("MISS", Answer(503, (), "down"), status=503, gets="down"))),
    Case("stale-while", "RFC 5861 §3", "stale-while-revalidate: served at once, fetched behind the client's back",
         (miss(cc("max-age=60, stale-while-revalidate=1000", AGED)), Ask("UPDATING", cc(FRESH, body="two")),
          hit(gets="two", until=True))),
    Case("stale-while-config", "weir.ini(5)", "stale_while_revalidate of the configuration",
         (miss(cc("max-age=60", AGED)), Ask("UPDATING", cc(FRESH, body="two")), hit(gets="two", until=True)), "stale"),
    Case("stale-while-no-cache", "RFC 9111 §5.2.2.4", "no-cache forbids it",
         (miss(cc("no-cache, stale-while-revalidate=1000", TAG)), Ask("REVALIDATED", not_modified(TAG)))),
]  # fmt: skip

INVALIDATED = [
    Case(f"invalid-{method.lower()}", "RFC 9111 §4.4", f"{method} that went well makes the stored answer doubtful",
         (miss(cc(FRESH)), Ask(None, ok(body="done"), method=method, body="x", gets="done"), miss(cc(FRESH, body="two"))))
    for method in ("POST", "PUT", "DELETE", "PATCH", "FOO")
] + [
    Case("invalid-error", "RFC 9111 §4.4", "one that failed does not",
         (miss(cc(FRESH)), Ask(None, Answer(500, (), "no"), method="POST", body="x", status=500, gets="no"), hit())),
    Case("invalid-safe", "RFC 9111 §4.4", "a safe method does not",
         (miss(cc(FRESH)), Ask(None, ok(body="x"), method="OPTIONS", gets="x"), hit())),
    Case("invalid-location", "RFC 9111 §4.4", "what Location names goes too",
         (miss(cc(FRESH), at="/made"), Ask(None, Answer(201, (("Location", "@/made"),), "x"), method="POST", body="x", status=201, gets="x"),
          miss(cc(FRESH, body="two"), at="/made"))),
    Case("invalid-content-location", "RFC 9111 §4.4", "and what Content-Location names",
         (miss(cc(FRESH), at="/made"), Ask(None, ok(("Content-Location", "@/made"), body="x"), method="POST", body="x", gets="x"),
          miss(cc(FRESH, body="two"), at="/made"))),
    Case("invalid-elsewhere", "RFC 9111 §4.4", "not of another origin",
         (miss(cc(FRESH), at="/made"),
          Ask(None, Answer(201, (("Location", "http://other.test@/made"),), "x"), method="POST", body="x", status=201, gets="x"),
          hit(at="/made"))),
    Case("invalid-key-field", "RFC 9111 §4.4", "all that is stored for the URI goes, whatever the fields of the request",
         (miss(cc(FRESH), fields=(("X-Tenant", "a"),)), Ask(None, ok(body="done"), method="POST", body="x", gets="done"),
          miss(cc(FRESH, body="two"), fields=(("X-Tenant", "a"),))), "key"),
    Case("invalid-variants", "RFC 9111 §4.4", "all variants go",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-A", "1"),)), miss(cc(FRESH, ("Vary", "X-A"), body="two"), fields=(("X-A", "2"),)),
          Ask(None, ok(body="done"), method="DELETE", gets="done"),
          miss(cc(FRESH, ("Vary", "X-A"), body="three"), fields=(("X-A", "1"),)),
          miss(cc(FRESH, ("Vary", "X-A"), body="four"), fields=(("X-A", "2"),)))),
    Case("head-invalidates", "RFC 9111 §4.3.5", "a HEAD that tells of another makes the stored one doubtful",
         (miss(cc(FRESH, TAG)), Ask(None, cc(FRESH, NEW, body=None), method="HEAD", fields=(("Cache-Control", "no-cache"),), gets=""),
          Ask(None, cc(FRESH, NEW, body="two"), gets="two"))),
]  # fmt: skip

KEY = ("X-API-Key", "test-api-key-123")


def purges(*fields, at="", status=200):
    return Ask(None, None, method="PURGE", fields=(KEY, *fields), at=at, status=status, gets=None)


PURGED = [
    Case("purge-uri", "weir.ini(5)", "PURGE removes what is stored for its URI", (miss(cc(FRESH)), purges(), miss(cc(FRESH, body="two"))), "purge"),
    Case("purge-other", "weir.ini(5)", "and nothing else", (miss(cc(FRESH), at="/a"), purges(at="/b"), hit(at="/a")), "purge"),
    Case("purge-no-key", "weir.ini(5)", "without a key it removes nothing",
         (miss(cc(FRESH)), Ask(None, None, method="PURGE", status=401, gets=None), hit()), "purge"),
    Case("purge-prefix", "weir.ini(5)", "with a '*' all that begins so",
         (miss(cc(FRESH), at="/x/a"), miss(cc(FRESH), at="/y"), purges(at="/x/*"), miss(cc(FRESH, body="two"), at="/x/a"), hit(at="/y")), "purge"),
    Case("purge-tag", "weir.ini(5)", "by surrogate key, wherever it is",
         (miss(cc(FRESH, ("Surrogate-Key", "purge-tag-1 b")), at="/a"), miss(cc(FRESH, ("Cache-Tag", "c, purge-tag-1")), at="/b"),
          miss(cc(FRESH, ("Cache-Tag", "c")), at="/c"), purges(("Surrogate-Key", "purge-tag-1")),
          miss(cc(FRESH, body="two"), at="/a"), miss(cc(FRESH, body="two"), at="/b"), hit(at="/c")), "purge"),
    Case("purge-soft", "weir.ini(5)", "softly: what is stored is stale, and stands in meanwhile",
         (miss(cc(FRESH)), purges(("X-Purge-Soft", "1")), Ask("UPDATING", cc(FRESH, body="two")), hit(gets="two", until=True)), "purge"),
    Case("purge-key-field", "weir.ini(5)", "with all that key_headers tell apart",
         (miss(cc(FRESH), fields=(("X-Tenant", "a"),)), purges(), miss(cc(FRESH, body="two"), fields=(("X-Tenant", "a"),))), "purge"),
    Case("purge-prefix-key-field", "weir.ini(5)", "by prefix, too",
         (miss(cc(FRESH), at="/x/a", fields=(("X-Tenant", "a"),)), purges(at="/x/*"),
          miss(cc(FRESH, body="two"), at="/x/a", fields=(("X-Tenant", "a"),))), "purge"),
    Case("purge-variants", "weir.ini(5)", "with all variants, for good",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-A", "1"),)), miss(cc(FRESH, ("Vary", "X-A"), body="two"), fields=(("X-A", "2"),)),
          purges(), miss(cc(FRESH, ("Vary", "X-A"), body="three"), fields=(("X-A", "1"),)),
          miss(cc(FRESH, ("Vary", "X-A"), body="four"), fields=(("X-A", "2"),))), "purge"),
    Case("purge-forwarded", "weir.ini(5)", "without `purge` PURGE is the origin's to answer",
         (Ask(None, Answer(405, (), "no"), method="PURGE", status=405, gets="no"),)),
]  # fmt: skip

CASES = STORED + REFUSED + REUSED + VARY + VALIDATED + CONDITIONAL + RANGES + STALE + INVALIDATED + PURGED
