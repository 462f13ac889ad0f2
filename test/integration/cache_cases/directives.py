"""Directives of requests and answers, in every spelling (RFC 9111 5.2, 5.4; RFC 8246)."""

from .model import (
    ABSENT, AGED, FRESH, TAG, Answer, Ask, Case, asks_again, cc, hit, miss, not_modified, ok, refuses, stores,
)  # fmt: skip


def no_lifetime(name, source, sentence, text):
    return refuses(f"cc-{name}", source, f"{sentence}: {text!r}", cc(text))


def answered(name, source, sentence, *request, stored=None):
    """A fresh stored answer is what this request gets."""
    return Case(f"asks-{name}", source, sentence, (miss(stored or cc(FRESH, ("Age", "30"))), hit(fields=request)))


def asked_about(name, source, sentence, *request, stored=None):
    return asks_again(f"asks-{name}", source, sentence, stored or cc(FRESH, TAG, ("Age", "30")), fields=request)


def control(text):
    return ("Cache-Control", text)


SAID = [
    stores("cc-zeros", "RFC 9111 §1.2.2", "leading zeros are digits", cc("max-age=003600")),
    stores("cc-blank-list", "RFC 9110 §5.6.1.2", "empty elements of the list are none", cc(" ,, max-age=60 ,")),
    stores("cc-quoted-other", "RFC 9111 §5.2", "a comma in a quoted text of another directive ends nothing", cc('foo="bar, max-age=0", max-age=60')),
    stores("cc-quoted-no-store", "RFC 9111 §5.2", "a word in a quoted text is no directive", cc('foo="no-store", max-age=60')),
    stores("cc-prefix", "RFC 9111 §5.2", "a name that begins like another is another", cc("max-age=60, no-storex, xno-store, private-x")),
    stores("cc-same-twice", "RFC 9111 §4.2.1", "the same twice is the same", cc("max-age=60, max-age=60")),
    stores("cc-max-int", "RFC 9111 §1.2.2", "2^31 exactly", cc("max-age=2147483648")),
    stores("cc-beyond-64", "RFC 9111 §1.2.2", "a lifetime beyond 2^64 is a long one", cc("max-age=" + "9" * 30)),
    no_lifetime("semicolon", "RFC 9111 §5.2", "';' ends no directive", "max-age=3600;foo=bar"),
    no_lifetime("blank-before", "RFC 9111 §5.2", "no blank before '='", "max-age =3600"),
    no_lifetime("blank-behind", "RFC 9111 §5.2", "no blank behind '='", "max-age= 3600"),
    no_lifetime("single-quotes", "RFC 9111 §5.2", "single quotes are no quotes", "max-age='3600'"),
    no_lifetime("fraction", "RFC 9111 §1.2.2", "seconds are whole", "max-age=3600.0"),
    no_lifetime("plus", "RFC 9111 §1.2.2", "seconds have no sign", "max-age=+3600"),
    no_lifetime("hex", "RFC 9111 §1.2.2", "seconds are decimal", "max-age=0xe10"),
    no_lifetime("unit", "RFC 9111 §1.2.2", "seconds have no unit", "max-age=3600s"),
    no_lifetime("no-value", "RFC 9111 §4.2.1", "a max-age without an argument is 0", "max-age"),
    no_lifetime("empty-value", "RFC 9111 §4.2.1", "so is one with an empty one", "max-age="),
    no_lifetime("colon", "RFC 9111 §5.2", "':' is no '='", "max-age:3600"),
    no_lifetime("quote-open", "RFC 9111 §5.2", "a quote that does not end", 'max-age="3600'),
    no_lifetime("three", "RFC 9111 §4.2.1", "of three the smallest counts", "max-age=3600, max-age=0, max-age=7200"),
    no_lifetime("s-maxage-bad", "RFC 9111 §4.2.1", "an s-maxage that is no number is 0, and over max-age", "s-maxage=a, max-age=60"),
    no_lifetime("s-maxage-0", "RFC 9111 §5.2.2.10", "s-maxage=0 is over max-age", "s-maxage=0, max-age=60"),
    no_lifetime("only-must", "RFC 9111 §5.2.2.2", "must-revalidate says nothing of a lifetime", "must-revalidate"),
    refuses("cc-no-store-value", "RFC 9111 §5.2.2.5", "no-store with an argument is no-store", cc('no-store="x", max-age=60')),
    refuses("cc-private-empty", "RFC 9111 §5.2.2.7", "private with an empty list is for all", cc('private="", max-age=60')),
    refuses("cc-private-both", "RFC 9111 §5.2.2.7", "private with a list beside one without is for all", cc('private="X-A", private, max-age=60')),
    refuses("cc-private-public", "RFC 9111 §5.2.2.7", "private beside public is private", cc("public, private, max-age=60")),
    refuses("cc-no-store-public", "RFC 9111 §5.2.2.5", "no-store beside public is no-store", cc("public, no-store, max-age=60")),
    refuses("cc-no-store-last-line", "RFC 9110 §5.3", "no-store on a line of its own, and the last",
            Answer(200, (control("max-age=60"), control("public"), control("no-store")))),
    refuses("cc-understood-unknown", "RFC 9111 §5.2.2.3", "must-understand and no-store of an unknown status", cc("must-understand, no-store, max-age=60", status=299)),
    refuses("cc-understand-value", "RFC 9111 §5.2.2.3", "must-understand with an argument lifts nothing", cc("must-understand=1, no-store, max-age=60")),
    refuses("cc-public-value", "RFC 9111 §5.2.2.9", "public with an argument permits nothing", cc("public=1, max-age=60"), fields=(("Authorization", "x"),)),
    refuses("cc-pragma", "RFC 9111 §5.4", "Pragma of an answer says nothing of a lifetime", ok(("Pragma", "max-age=3600"))),
    stores("cc-pragma-ignored", "RFC 9111 §5.4", "nor does it forbid what Cache-Control says", cc(FRESH, ("Pragma", "no-cache"))),
    stores("cc-no-transform", "RFC 9111 §5.2.2.6", "no-transform is no matter of storing", cc("no-transform, max-age=60")),
    stores("cc-immutable", "RFC 8246 §2", "immutable beside a lifetime", cc("immutable, max-age=60")),
    refuses("cc-immutable-alone", "RFC 8246 §2", "immutable says nothing of a lifetime", cc("immutable")),
    asks_again("cc-immutable-stale", "RFC 8246 §2", "what is immutable is stale when its time is over", cc("immutable, max-age=60", AGED, TAG)),
    asks_again("cc-no-cache-empty", "RFC 9111 §5.2.2.4", "no-cache with an empty list is for all", cc('no-cache="", max-age=60', TAG)),
    asks_again("cc-no-cache-both", "RFC 9111 §5.2.2.4", "no-cache with a list beside one without is for all", cc('no-cache="X-A", no-cache, max-age=60', TAG)),
    asks_again("cc-no-cache-case", "RFC 9111 §5.2.2.4", "No-Cache", cc("No-Cache, max-age=60", TAG)),
    asks_again("cc-no-cache-age", "RFC 9111 §5.2.2.4", "no-cache beside the longest of lifetimes", cc("no-cache, s-maxage=99999999", TAG)),
    asks_again("cc-must-stale", "RFC 9111 §5.2.2.2", "must-revalidate: what is stale is asked about", cc("must-revalidate, max-age=60", AGED, TAG)),
    asks_again("cc-proxy-stale", "RFC 9111 §5.2.2.8", "proxy-revalidate is over max-stale", cc("proxy-revalidate, max-age=60", AGED, TAG),
               fields=(control("max-stale"),)),
]  # fmt: skip

ASKED = [
    answered("unknown", "RFC 9111 §5.2.3", "unknown directives of a request are passed over", control("foo, bar=1")),
    answered("max-age-just", "RFC 9111 §5.2.1.1", "a max-age that is not passed", control("max-age=3000")),
    answered("max-age-huge", "RFC 9111 §1.2.2", "nor is one beyond 2^64", control("max-age=" + "9" * 30)),
    answered("min-fresh-0", "RFC 9111 §5.2.1.3", "min-fresh=0 is what is fresh", control("min-fresh=0")),
    answered("max-stale-fresh", "RFC 9111 §5.2.1.2", "who takes stale ones takes fresh ones", control("max-stale=10")),
    answered("no-transform", "RFC 9111 §5.2.1.6", "no-transform is no matter of reuse", control("no-transform")),
    answered("no-store", "RFC 9111 §5.2.1.5", "no-store forbids to store, not to be served", control("no-store")),
    answered("pragma-other", "RFC 9111 §5.4", "Pragma has one word alone", ("Pragma", "x")),
    answered("pragma-beside", "RFC 9111 §5.4", "beside Cache-Control Pragma says nothing", ("Pragma", "no-cache"), control("max-age=1000")),
    answered("answers-words", "RFC 9111 §5.2.2", "directives of answers say nothing in a request", control("private, must-revalidate, s-maxage=0")),
    asked_about("max-age-quoted", "RFC 9111 §5.2", "the argument may be quoted", control('max-age="10"')),
    asked_about("max-age-case", "RFC 9111 §5.2", "names have no case", control("MAX-AGE=10")),
    asked_about("max-age-bad", "RFC 9111 §4.2.1", "a max-age that is no number is 0", control("max-age=x")),
    asked_about("max-age-twice", "RFC 9111 §4.2.1", "of two the smaller counts", control("max-age=1000, max-age=10")),
    asked_about("max-age-lines", "RFC 9110 §5.3", "directives on two lines", control("max-age=1000"), control("max-age=10")),
    asked_about("no-cache-case", "RFC 9111 §5.2", "NO-CACHE", control("NO-CACHE")),
    asked_about("no-cache-lines", "RFC 9110 §5.3", "no-cache on the second line", control("foo"), control("no-cache")),
    asked_about("no-cache-immutable", "RFC 8246 §2", "who asks for what is immutable all the same gets what the origin says",
                control("no-cache"), stored=cc("immutable, max-age=3600", TAG)),
    asked_about("min-fresh-bad", "RFC 9111 §5.2.1.3", "a min-fresh that is no number is the strictest", control("min-fresh=x")),
    asked_about("min-fresh-much", "RFC 9111 §5.2.1.3", "more than the whole lifetime", control("min-fresh=99999")),
    asked_about("pragma-case", "RFC 9111 §5.4", "No-Cache of Pragma", ("Pragma", "No-Cache")),
    asked_about("pragma-list", "RFC 9111 §5.4", "in a list", ("Pragma", "x, no-cache")),
    Case("asks-max-stale-any", "RFC 9111 §5.2.1.2", "max-stale without an argument takes any",
         (miss(cc("max-age=1", ("Age", "99999"), TAG)), Ask("STALE", fields=(control("max-stale"),)))),
    Case("asks-max-stale-few", "RFC 9111 §5.2.1.2", "not one that is staler than that",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG), fields=(control("max-stale=5"),)))),
    Case("asks-max-stale-bad", "RFC 9111 §5.2.1.2", "max-stale that is no number takes none",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG), fields=(control("max-stale=x"),)))),
    Case("asks-max-stale-no-cache", "RFC 9111 §5.2.1.4", "no-cache of the request is over its max-stale",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG), fields=(control("max-stale, no-cache"),)))),
    Case("asks-no-cache-unvalidated", "RFC 9111 §5.2.1.4", "no-cache without a validator fetches and stores the whole",
         (miss(cc(FRESH)), Ask(None, cc(FRESH, body="two"), fields=(control("no-cache"),), gets="two", sends={"If-None-Match": ABSENT}), hit(gets="two"))),
    Case("asks-only-stale", "RFC 9111 §5.2.1.7", "only-if-cached is a 504 where what is stored is stale",
         (miss(cc("max-age=60", AGED, TAG)), Ask(None, None, fields=(control("only-if-cached"),), status=504, gets=None))),
    Case("asks-only-max-stale", "RFC 9111 §5.2.1.7", "unless the client takes that",
         (miss(cc("max-age=60", AGED, TAG)), Ask("STALE", fields=(control("only-if-cached, max-stale"),)))),
    Case("asks-only-no-cache", "RFC 9111 §5.2.1.7", "only-if-cached and no-cache contradict each other: 504",
         (miss(cc(FRESH, TAG)), Ask(None, None, fields=(control("only-if-cached, no-cache"),), status=504, gets=None))),
    Case("asks-only-case", "RFC 9111 §5.2", "Only-If-Cached", (Ask(None, None, fields=(control("Only-If-Cached"),), status=504, gets=None),)),
    Case("asks-only-variant", "RFC 9111 §5.2.1.7", "another variant is none",
         (miss(cc(FRESH, ("Vary", "X-A")), fields=(("X-A", "1"),)), Ask(None, None, fields=(control("only-if-cached"), ("X-A", "2")), status=504, gets=None))),
    Case("asks-passed-on", "RFC 9111 §5.2.1", "what a request says goes to the origin, too",
         (miss(cc(FRESH), fields=(control("max-age=10, foo"), ("Pragma", "x")), sends={"Cache-Control": "max-age=10, foo", "Pragma": "x"}),)),
]  # fmt: skip

CASES = SAID + ASKED
