"""CDN-Cache-Control (RFC 9213), a dictionary of Structured Fields (RFC 9651), and what Cache-Status tells (RFC 9211)."""

from .model import (
    ABSENT, AGED, FRESH, OLD, TAG, Answer, Ask, Case, asks_again, cc, hit, miss, not_modified, ok, refuses, stores,
)  # fmt: skip


def cdn(text):
    return ("CDN-Cache-Control", text)


TARGETED = [
    stores("cdn-alone", "RFC 9213 §2.2", "CDN-Cache-Control suffices", ok(cdn("max-age=60"))),
    stores("cdn-over-0", "RFC 9213 §2.2", "its max-age is over that of Cache-Control", cc("max-age=0", cdn("max-age=60"))),
    stores("cdn-over-private", "RFC 9213 §2.2", "over private", cc("private", cdn("max-age=60"))),
    stores("cdn-over-expires", "RFC 9213 §2.2", "over an Expires of the past", ok(("Expires", OLD), cdn("max-age=60"))),
    stores("cdn-lines", "RFC 9213 §2.1", "on two lines", Answer(200, (cdn("foo"), cdn("max-age=60")))),
    stores("cdn-parameters", "RFC 9213 §2.1", "parameters of a member are passed over", ok(cdn("max-age=60;x=1"))),
    stores("cdn-unknown", "RFC 9213 §2.1", "so are unknown members of any type", ok(cdn('a="b", c=(1 2), d=:YQ==:, e=1.5, max-age=60'))),
    stores("cdn-big", "RFC 9651 §3.3.1", "the largest integer that there is", ok(cdn("max-age=999999999999999"))),
    stores("cdn-false", "RFC 9651 §3.3.6", "a member that is false is not said", ok(cdn("no-store=?0, max-age=60"))),
    stores("cdn-last", "RFC 9651 §3.2", "of a member that stands twice the last counts", ok(cdn("max-age=0, max-age=60"))),
    stores("cdn-public", "RFC 9213 §2.1", "public in it lets answers to Authorization be kept", ok(cdn("public, max-age=60")), fields=(("Authorization", "x"),)),
    stores("cdn-empty", "RFC 9213 §2.1", "an empty one is not there", cc("max-age=60", cdn(""))),
    stores("cdn-case", "RFC 9651 §4.2.3.3", "a key in upper case makes it no dictionary: it is not there", cc("max-age=60", cdn("No-Store"))),
    stores("cdn-comma", "RFC 9651 §4.2.2", "nor is one with a comma at its end", cc("max-age=60", cdn("no-store,"))),
    stores("cdn-broken", "RFC 9213 §2.1", "nor one that is broken", cc("max-age=60", cdn("no-store, max-age=="))),
    stores("cdn-too-big", "RFC 9651 §3.3.1", "nor one with an integer of 16 digits", cc("max-age=60", cdn("max-age=1000000000000000, no-store"))),
    refuses("cdn-no-store", "RFC 9213 §2.2", "no-store in it", cc("public, max-age=60", cdn("no-store"))),
    refuses("cdn-private", "RFC 9213 §2.2", "private in it", cc("public, max-age=60", cdn("private, max-age=60"))),
    refuses("cdn-0", "RFC 9213 §2.2", "max-age=0 in it", cc("max-age=60", cdn("max-age=0"))),
    refuses("cdn-negative", "RFC 9213 §2.1", "a time below 0 is none", ok(cdn("max-age=-60"))),
    refuses("cdn-decimal", "RFC 9213 §2.1", "a time is an integer: no decimal", ok(cdn("max-age=60.0"))),
    refuses("cdn-string", "RFC 9213 §2.1", "no string", ok(cdn('max-age="60"'))),
    refuses("cdn-token", "RFC 9213 §2.1", "no token", ok(cdn("max-age=a60"))),
    refuses("cdn-true", "RFC 9213 §2.1", "no boolean", ok(cdn("max-age"))),
    refuses("cdn-age", "RFC 9111 §4.2.3", "Age counts against it", ok(cdn("max-age=60"), AGED)),
    refuses("cdn-no-lifetime", "RFC 9213 §2.2", "one that says nothing of a lifetime: Cache-Control does not, either", cc("max-age=60", cdn("must-revalidate"))),
    asks_again("cdn-no-cache", "RFC 9213 §2.2", "no-cache in it", cc("max-age=60", cdn("no-cache, max-age=60"), TAG)),
    asks_again("cdn-must", "RFC 9213 §2.2", "must-revalidate in it is over max-stale", ok(cdn("max-age=60, must-revalidate"), AGED, TAG),
               fields=(("Cache-Control", "max-stale"),)),
    Case("cdn-stale", "RFC 9213 §2.2", "stale-if-error in it",
         (miss(ok(cdn("max-age=60, stale-if-error=1000"), AGED)), Ask("STALE", Answer(503, (), "down")))),
    Case("cdn-not-stale", "RFC 9213 §2.2", "that of Cache-Control beside it does not count",
         (miss(cc("stale-if-error=1000", cdn("max-age=60"), AGED, TAG)), Ask("MISS", Answer(503, (), "down"), status=503, gets="down"))),
    Case("cdn-client", "RFC 9213 §2.2", "the client is told what Cache-Control says", (miss(cc("max-age=1", cdn("max-age=60"))), hit(has={"Cache-Control": "max-age=1"}))),
    Case("cdn-field", "RFC 9111 §5.2.2.7", "private= in it names fields", (miss(ok(cdn('private="X-A", max-age=60'), ("X-A", "1"))), hit(has={"X-A": ABSENT}))),
    Case("cdn-renewed", "RFC 9111 §3.2", "a 304 renews it", (miss(ok(cdn("no-cache"), TAG)), Ask("REVALIDATED", not_modified(TAG, cdn("max-age=60"))), hit())),
]  # fmt: skip

TOLD = [
    Case("told-miss", "RFC 9211 §2.2", "fwd=uri-miss, and that it was stored",
         (miss(cc(FRESH), has={"Cache-Status": {f"weir; fwd=uri-miss; fwd-status=200; stored; ttl={n}" for n in range(3590, 3601)}}),)),
    Case("told-not-stored", "RFC 9211 §2.8", "why it was not", (miss(cc("no-store"), has={"Cache-Status": 'weir; fwd=uri-miss; fwd-status=200; detail="no-store"'}),)),
    Case("told-vary", "RFC 9211 §2.2", "fwd=vary-miss",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-A", "1"),)),
          miss(cc("no-store", body="two"), fields=(("X-A", "2"),), has={"Cache-Status": 'weir; fwd=vary-miss; fwd-status=200; detail="no-store"'}))),
    Case("told-stale", "RFC 9211 §2.2", "fwd=stale, and what the origin said of it",
         (miss(cc("max-age=60", AGED, TAG)),
          Ask("REVALIDATED", not_modified(TAG), has={"Cache-Status": {f"weir; fwd=stale; fwd-status=304; stored; ttl={n}" for n in range(48, 61)}}))),
    Case("told-method", "RFC 9211 §2.2", "fwd=method", (Ask("MISS", ok(), method="POST", body="x", has={"Cache-Status": "weir; fwd=method; fwd-status=200"}),)),
    Case("told-behind", "RFC 9211 §2", "what a cache before it said stays, before its own",
         (miss(cc("no-store", ("Cache-Status", "edge; hit")), has={"Cache-Status": 'edge; hit, weir; fwd=uri-miss; fwd-status=200; detail="no-store"'}),)),
]  # fmt: skip

CASES = TARGETED + TOLD
