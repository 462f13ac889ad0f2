"""Which fields and bodies are stored, and what a 304 or a HEAD may change of them (RFC 9111 3.1, 3.2, 3.3, 4.3.5)."""

from .model import (
    ABSENT, AGED, ANY, DATED, FRESH, LATER, NEW, OLD, TAG, Answer, Ask, Case, age_of, cc, date_in, hit, miss,
    not_modified, ok, refuses, stores,
)  # fmt: skip


def not_stored(name, source, sentence, field, value, miss_has=ANY):
    """A field that the one who brings the answer may have, and nobody behind."""
    return Case(name, source, sentence, (miss(cc(FRESH, (field, value)), has={field: miss_has}), hit(has={field: ABSENT})))


def kept(name, source, sentence, field, value):
    return Case(name, source, sentence, (miss(cc(FRESH, (field, value))), hit(has={field: value})))


def renewed(name, field, old, new):
    return Case(f"renew-{name}", "RFC 9111 §3.2", f"a 304 renews {field}",
                (miss(cc("no-cache", TAG, (field, old))), Ask("REVALIDATED", not_modified(TAG, (field, new)), has={field: new}),
                 Ask("REVALIDATED", not_modified(TAG), has={field: new})))  # fmt: skip


STORED = [
    *(not_stored(f"hop-{field.lower()}", "RFC 9111 §3.1", f"{field} is of one hop", field, value, ABSENT)
      for field, value in (("Keep-Alive", "timeout=9"), ("Proxy-Connection", "close"), ("Upgrade", "x/1"), ("TE", "x"), ("Trailer", "X-A"))),
    not_stored("hop-proxy-authenticate", "RFC 9111 §3.1", "Proxy-Authenticate is for the proxy alone", "Proxy-Authenticate", "Basic", {"Basic", ABSENT}),
    not_stored("hop-proxy-authentication-info", "RFC 9111 §3.1", "so is Proxy-Authentication-Info", "Proxy-Authentication-Info", "x=1", {"x=1", ABSENT}),
    Case("hop-named-twice", "RFC 9110 §7.6.1", "Connection on two lines names the fields of both",
         (miss(Answer(200, (("Cache-Control", FRESH), ("Connection", "X-A"), ("Connection", "X-B"), ("X-A", "1"), ("X-B", "1"), ("X-C", "1")))),
          hit(has={"X-A": ABSENT, "X-B": ABSENT, "X-C": "1", "Connection": ANY}))),
    *(kept(f"field-{field.lower()}", "RFC 9111 §3.1", f"{field} is stored", field, value)
      for field, value in (
          ("Content-Type", "text/plain;charset=utf-8"), ("Content-Encoding", "x-own"), ("Content-Language", "de"), ("Content-Location", "/x"),
          ("Content-Disposition", "attachment; filename=x"), ("Link", "</x>; rel=next"), ("Warning", '110 a "stale"'), ("X-Unknown", "a,  b"),
          ("Clear-Site-Data", '"cache"'), ("Strict-Transport-Security", "max-age=1"))),
    Case("field-lines", "RFC 9110 §5.3", "lines of the same name stay lines, in their order",
         (miss(Answer(200, (("Cache-Control", FRESH), ("X-A", "1"), ("X-B", "1"), ("X-A", "2")))), hit(has={"X-A": ("1", "2")}))),
    Case("field-private-several", "RFC 9111 §5.2.2.7", "private= names several fields, in any case",
         (miss(cc('private="x-a , X-B", max-age=60', ("X-A", "1"), ("X-B", "1"), ("X-C", "1"))),
          hit(has={"X-A": ABSENT, "X-B": ABSENT, "X-C": "1"}))),
    Case("field-private-token", "RFC 9111 §5.2.2.7", "the list may be a token",
         (miss(cc("private=X-A, max-age=60", ("X-A", "1"))), hit(has={"X-A": ABSENT}))),
    Case("field-no-cache-asked", "RFC 9111 §5.2.2.4", "what no-cache= names comes back with a 304",
         (miss(cc('no-cache="X-A", max-age=60', TAG, ("X-A", "1"))), hit(has={"X-A": ABSENT}),
          Ask("REVALIDATED", not_modified(TAG), fields=(("Cache-Control", "no-cache"),), has={"X-A": "1"}))),
    Case("field-private-cookie", "weir.ini(5)", "a cookie that private= names does not keep the answer out",
         (miss(cc('private="Set-Cookie", max-age=60', ("Set-Cookie", "a=b")), has={"Set-Cookie": "a=b"}), hit(has={"Set-Cookie": ABSENT}))),
    Case("body-chunked", "RFC 9111 §3.3", "a chunked body that came to its end is whole",
         (miss(Answer(200, (("Cache-Control", FRESH),), "one", framing="chunked")), hit())),
    Case("body-close", "RFC 9112 §6.3", "so is one that the end of the connection ends",
         (miss(Answer(200, (("Cache-Control", FRESH),), "one", framing="close")), hit())),
    Case("body-interim", "RFC 9110 §15.2", "an interim answer is none, and its fields are not stored",
         (miss(Answer(200, (("Cache-Control", FRESH),), "one", framing="interim"), has={"X-Early": ABSENT}), hit(has={"X-Early": ABSENT}))),
    Case("body-interim-304", "RFC 9110 §15.2", "nor are those before a 304",
         (miss(cc("no-cache", TAG)), Ask("REVALIDATED", Answer(304, (TAG,), None, framing="interim"), has={"X-Early": ABSENT}))),
    Case("body-trailer", "RFC 9110 §6.5.1", "a trailer is not stored as a field",
         (miss(Answer(200, (("Cache-Control", FRESH),), "one", framing="trailer")), hit(has={"X-Trailer": ABSENT}))),
    *(stores(f"status-{status}", "RFC 9111 §3", f"{status} that says so is kept", cc(FRESH, status=status))
      for status in (201, 203, 300, 303, 307, 308, 400, 403, 405, 414, 451, 499, 501, 502, 503, 504, 599)),
    refuses("request-patch", "RFC 5789 §2", "an answer to PATCH", cc(FRESH), method="PATCH", body="x"),
    refuses("request-delete", "RFC 9110 §9.3.5", "an answer to DELETE", cc(FRESH), method="DELETE"),
    Case("request-get-body", "RFC 9110 §9.3.1", "a GET with a body is none that the key knows",
         (Ask("BYPASS", cc(FRESH), body="x"), Ask("BYPASS", cc(FRESH, body="two"), body="y", gets="two"), miss(cc(FRESH, body="three")))),
    Case("request-no-store-later", "RFC 9111 §5.2.1.5", "no-store of a request keeps nobody else from storing",
         (miss(cc(FRESH), fields=(("Cache-Control", "no-store"),)), miss(cc(FRESH, body="two")), hit(gets="two"))),
]  # fmt: skip

RENEWED = [
    *(renewed(name.lower(), name, old, new) for name, old, new in (
        ("Content-Type", "text/a", "text/b"), ("Content-Language", "de", "en"), ("Content-Location", "/a", "/b"), ("Link", "<a>", "<b>"),
        ("X-Own", "1", "2"), ("Content-Disposition", "inline", "attachment"))),
    Case("renew-cache-control", "RFC 9111 §3.2", "a 304 renews Cache-Control as a whole",
         (miss(cc("max-age=60, stale-if-error=10", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", FRESH)), has={"Cache-Control": FRESH}),
          hit(has={"Cache-Control": FRESH}))),
    Case("renew-expires", "RFC 9111 §3.2", "a 304 renews Expires",
         (miss(ok(("Expires", OLD), TAG)), Ask("REVALIDATED", not_modified(TAG, ("Expires", LATER))), hit(has={"Expires": LATER}))),
    Case("renew-date", "RFC 9111 §3.2", "a 304 renews Date, and the age begins anew",
         (miss(cc("max-age=60", ("Date", OLD), TAG)), Ask("REVALIDATED", not_modified(TAG, ("Date", date_in(0)))), hit(has=age_of(0)))),
    Case("renew-age", "RFC 9111 §4.2.3", "the Age of a 304 is that of what it renews",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG, ("Age", "20"))), hit(has=age_of(20)))),
    Case("renew-no-age", "RFC 9111 §4.2.3", "without one the answer is as young as the 304",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG)), hit(has=age_of(0)))),
    Case("renew-not-length", "RFC 9111 §3.2", "not Content-Length",
         (miss(cc("no-cache", TAG)), Ask("REVALIDATED", not_modified(TAG, ("Content-Length", "3000")), has={"Content-Length": "3"}))),
    Case("renew-not-range", "RFC 9111 §3.2", "not Content-Range",
         (miss(cc("no-cache", TAG)), Ask("REVALIDATED", not_modified(TAG, ("Content-Range", "bytes 0-2/9")), has={"Content-Range": ABSENT}))),
    Case("renew-not-cookie", "weir.ini(5)", "the Set-Cookie of a 304 is nobody else's",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", FRESH), ("Set-Cookie", "a=b"))), hit(has={"Set-Cookie": ABSENT}))),
    Case("renew-not-hop", "RFC 9111 §3.2", "no field of one hop",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", FRESH), ("Connection", "X-A"), ("X-A", "1"), ("Keep-Alive", "x"))),
          hit(has={"X-A": ABSENT, "Keep-Alive": ABSENT}))),
    Case("renew-no-store", "RFC 9111 §5.2.2.5", "a 304 that says no-store ends it",
         (miss(cc("no-cache", TAG)), Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", "no-store"))),
          miss(cc(FRESH, body="two"), sends={"If-None-Match": ABSENT}))),
    Case("renew-private", "RFC 9111 §5.2.2.7", "so does one that says private",
         (miss(cc("no-cache", TAG)), Ask("REVALIDATED", not_modified(TAG, ("Cache-Control", "private"))), miss(cc(FRESH, body="two")))),
    Case("renew-stale-again", "RFC 9111 §4.3.4", "a 304 that is stale itself is asked about again",
         (miss(cc("max-age=60", AGED, TAG)), Ask("REVALIDATED", not_modified(TAG, AGED)), Ask("REVALIDATED", not_modified(TAG)), hit())),
    Case("renew-weak", "RFC 9111 §4.3.4", "a weak tag of the 304 chooses by weak comparison",
         (miss(cc("no-cache", ("ETag", 'W/"a"'))), Ask("REVALIDATED", not_modified(("ETag", 'W/"a"')), sends={"If-None-Match": 'W/"a"'}))),
    Case("renew-other", "RFC 9111 §4.3.4", "a 304 for another tag is for nothing that is stored: the whole is asked for",
         (miss(cc("no-cache", TAG)),
          Ask(None, (not_modified(NEW), cc(FRESH, NEW, body="two")), gets="two", sends={"If-None-Match": '"a"'}), hit(gets="two"))),
    Case("renew-other-date", "RFC 9111 §4.3.4", "nor is one for another date",
         (miss(cc("no-cache", DATED)), Ask(None, (not_modified(("Last-Modified", LATER)), cc(FRESH, body="two")), gets="two"), hit(gets="two"))),
    Case("renew-status", "RFC 9111 §4.3.4", "what is stored keeps its status",
         (miss(cc("no-cache", TAG, status=404)), Ask("REVALIDATED", not_modified(TAG), status=404))),
]  # fmt: skip

HEADS = [
    Case("head-fields", "RFC 9110 §9.3.2", "HEAD has the fields of GET, all of them",
         (miss(cc(FRESH, TAG, DATED, ("Content-Type", "text/x"), ("X-A", "1"))),
          hit(method="HEAD", gets="", has={"ETag": '"a"', "Last-Modified": OLD, "Content-Type": "text/x", "X-A": "1", "Content-Length": "3", "Age": ANY}))),
    Case("head-404", "RFC 9110 §9.3.2", "and its status", (miss(cc(FRESH, status=404)), hit(method="HEAD", gets="", status=404))),
    Case("head-stale", "RFC 9111 §4.3.5", "HEAD for what is stale goes to the origin, and says what is there now",
         (miss(cc("max-age=60", AGED, TAG)), Ask(None, cc(FRESH, NEW, body=None), method="HEAD", gets="", has={"ETag": '"b"'}))),
    Case("head-freshens", "RFC 9111 §4.3.5", "a HEAD that tells of the same makes it fresh again",
         (miss(cc("max-age=60", AGED, TAG)), Ask(None, Answer(200, (("Cache-Control", FRESH), TAG, ("Content-Length", "3")), None), method="HEAD", gets=""),
          hit(has={"Cache-Control": FRESH}))),
    Case("head-length", "RFC 9111 §4.3.5", "another length is another answer",
         (miss(cc(FRESH)), Ask(None, Answer(200, (("Cache-Control", FRESH), ("Content-Length", "30")), None), method="HEAD", fields=(("Cache-Control", "no-cache"),), gets=""),
          miss(cc(FRESH, body="two")))),
    Case("head-error", "RFC 9111 §4.3.5", "a HEAD that fails says nothing of what is stored",
         (miss(cc(FRESH, TAG)), Ask(None, Answer(500, (), None), method="HEAD", fields=(("Cache-Control", "no-cache"),), gets="", status=500), hit())),
]  # fmt: skip

CASES = STORED + RENEWED + HEADS
