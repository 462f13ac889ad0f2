"""How long an answer is fresh and how old it is (RFC 9111 4.2), from values as they come: odd, doubled, quoted, huge."""

from .model import (
    AGED, ANY, DATED, FRESH, OLD, Answer, Ask, Case, age_of, cc, date_in, hit, miss, not_modified, ok, refuses,
    stores,
)  # fmt: skip

IN_10_MIN, IN_2_HOURS, NOW, AN_HOUR_AGO, TEN_DAYS_AGO, A_YEAR_AGO = (
    date_in(seconds) for seconds in (600, 7200, 0, -3600, -864000, -31536000)
)
FAR = "Thu, 18 Aug 2050 02:01:18 GMT"


def left(seconds):
    """Cache-Status of a hit that is fresh for so long: the run may be a few seconds late."""
    return {"Cache-Status": {f"weir; hit; ttl={n}" for n in range(seconds - 12, seconds + 1)}}


def lives(name, source, sentence, answer, seconds):
    return Case(name, source, sentence, (miss(answer), hit(has=left(seconds))))


EXPIRES = [
    refuses("expires-now", "RFC 9111 §5.3", "Expires that is Date is no lifetime", ok(("Date", NOW), ("Expires", NOW))),
    lives("expires-less-date", "RFC 9111 §4.2.1", "the lifetime is Expires less Date, less the age that Date shows",
          ok(("Date", AN_HOUR_AGO), ("Expires", IN_10_MIN)), 600),
    lives("expires-date-ahead", "RFC 9111 §4.2.1", "a clock of the origin that is ahead makes the lifetime no longer",
          ok(("Date", IN_10_MIN), ("Expires", IN_2_HOURS)), 6600),
    stores("expires-far", "RFC 9110 §5.6.7", "IMF-fixdate, the form to send", ok(("Expires", FAR))),
    stores("expires-rfc850", "RFC 9110 §5.6.7", "the obsolete form of RFC 850", ok(("Expires", "Thursday, 18-Aug-50 02:01:18 GMT"))),
    refuses("expires-rfc850-past", "RFC 9110 §5.6.7", "a year of two digits more than 50 years ahead is of the past",
            ok(("Expires", "Friday, 18-Aug-95 02:01:18 GMT"))),
    stores("expires-asctime", "RFC 9110 §5.6.7", "the obsolete form of asctime", ok(("Expires", "Thu Aug 18 02:01:18 2050"))),
    *(stores(f"expires-case-{name}", "RFC 9111 §4.2", f"names in a date count in any case: {text!r}", ok(("Expires", text)))
      for name, text in (
          ("weekday", "THU, 18 Aug 2050 02:01:18 GMT"), ("month", "Thu, 18 AUG 2050 02:01:18 GMT"),
          ("zone", "Thu, 18 Aug 2050 02:01:18 gmt"), ("rfc850", "THURSDAY, 18-aug-50 02:01:18 Gmt"))),
    *(refuses(f"expires-bad-{name}", "RFC 9111 §5.3", f"no date: {text!r} is in the past", ok(("Expires", text)))
      for name, text in (
          ("minus", "-1"), ("word", "never"), ("zone", "Thu, 18 Aug 2050 02:01:18 AoE"), ("offset", "Thu, 18 Aug 2050 02:01:18 +0000"),
          ("hour", "Thu, 18 Aug 2050 2:01:18 GMT"), ("dots", "Thu, 18 Aug 2050 02.01.18 GMT"), ("comma", "Thu 18 Aug 2050 02:01:18 GMT"),
          ("blanks", "Thu, 18  Aug 2050 02:01:18 GMT"), ("day", "Thu, 38 Aug 2050 02:01:18 GMT"), ("month", "Thu, 18 Aut 2050 02:01:18 GMT"),
          ("number", "3600"), ("empty", ""), ("behind", "Thu, 18 Aug 2050 02:01:18 GMT x"))),
    refuses("expires-twice", "RFC 9111 §5.3", "two Expires are none that can be believed", ok(("Expires", FAR), ("Expires", OLD))),
    refuses("expires-s-maxage", "RFC 9111 §5.3", "s-maxage is over Expires", cc("s-maxage=0", ("Expires", FAR))),
    stores("expires-unknown", "RFC 9111 §5.3", "directives that say nothing of time leave Expires in force", cc("foo=1", ("Expires", FAR))),
]  # fmt: skip

AGE = [
    *(Case(f"age-{name}", "RFC 9111 §5.1", f"Age: {text!r} is {age}", (miss(cc(FRESH, ("Age", text))), hit(has=age_of(age))))
      for name, text, age in (
          ("zero", "0", 0), ("zeros", "0030", 30), ("list", "30, 200", 30), ("blanks", " 30\t", 30),
          ("word", "abc", 0), ("minus", "-30", 0), ("fraction", "30.5", 0), ("behind", "30 s", 0), ("before", "s30", 0),
          ("parameter", "30;x=1", 0), ("quoted", '"30"', 0), ("empty", "", 0))),
    Case("age-twice", "RFC 9111 §5.1", "of two Age the first counts",
         (miss(Answer(200, (("Cache-Control", FRESH), ("Age", "30"), ("Age", "3500")))), hit(has=age_of(30)))),
    refuses("age-is-lifetime", "RFC 9111 §4.2", "an answer as old as its lifetime is stale", cc("max-age=60", ("Age", "60"))),
    refuses("age-huge", "RFC 9111 §1.2.2", "an Age beyond 2^31 is older than all", cc(FRESH, ("Age", "99999999999"))),
    refuses("age-beyond-64", "RFC 9111 §1.2.2", "so is one beyond 2^64", cc(FRESH, ("Age", "9" * 40))),
    refuses("age-both-huge", "RFC 9111 §1.2.2", "the longest lifetime does not outlive it", cc("max-age=" + "9" * 40, ("Age", "9" * 40))),
    refuses("age-of-expires", "RFC 9111 §4.2.3", "Age counts against Expires, too", ok(("Expires", IN_10_MIN), ("Age", "700"))),
    refuses("age-of-s-maxage", "RFC 9111 §4.2.3", "and against s-maxage", cc("s-maxage=60", AGED)),
    Case("age-of-date", "RFC 9111 §4.2.3", "the larger of Age and what Date shows counts: Date",
         (miss(cc("max-age=7200", ("Age", "10"), ("Date", AN_HOUR_AGO))), hit(has=age_of(3600)))),
    Case("age-over-date", "RFC 9111 §4.2.3", "the larger of Age and what Date shows counts: Age",
         (miss(cc("max-age=7200", ("Age", "5000"), ("Date", AN_HOUR_AGO))), hit(has=age_of(5000)))),
    Case("age-date-ahead", "RFC 9111 §4.2.3", "a Date in the future is no age below 0",
         (miss(cc(FRESH, ("Date", IN_2_HOURS))), hit(has=age_of(0)))),
    Case("age-date-bad", "RFC 9111 §4.2.3", "a Date that is none shows no age", (miss(cc(FRESH, ("Date", "yesterday"))), hit(has=age_of(0)))),
    Case("age-replaced", "RFC 9111 §5.1", "a hit has one Age, not the origin's beside it",
         (miss(cc(FRESH, ("Age", "30"))), hit(has=age_of(30)), hit(has=age_of(30)))),
    Case("age-of-miss", "RFC 9111 §5.1", "what comes from the origin has the Age that it said",
         (miss(cc(FRESH, ("Age", "30")), has={"Age": "30"}), hit())),
]  # fmt: skip

HEURISTIC = [
    *(stores(f"heuristic-{status}", "RFC 9110 §15.1", f"{status} with a Last-Modified is kept unasked", ok(DATED, status=status, body=body))
      for status, body in ((203, "one"), (204, None), (300, "one"), (301, "one"), (308, "one"), (404, "one"), (405, "one"), (410, "one"), (414, "one"), (501, "one"))),
    *(refuses(f"heuristic-not-{status}", "RFC 9110 §15.1", f"{status} with a Last-Modified is not", ok(DATED, status=status))
      for status in (201, 202, 303, 307, 400, 403, 451, 500, 502, 503, 504, 599)),
    stores("heuristic-public", "RFC 9111 §4.2.2", "public lets any status have a lifetime by its age", cc("public", DATED, status=302)),
    refuses("heuristic-public-alone", "RFC 9111 §5.2.2.9", "public says nothing of a lifetime", cc("public")),
    lives("heuristic-tenth", "RFC 9111 §4.2.2", "a tenth of the time since Last-Modified", ok(("Last-Modified", AN_HOUR_AGO)), 360),
    lives("heuristic-most", "RFC 9111 §4.2.2", "and no more than a day", ok(("Last-Modified", A_YEAR_AGO)), 86400),
    refuses("heuristic-future", "RFC 9110 §8.8.2", "a Last-Modified of the future is no age", ok(("Last-Modified", FAR))),
    refuses("heuristic-bad", "RFC 9110 §8.8.2", "a Last-Modified that is none is no age", ok(("Last-Modified", "long ago"))),
    Case("heuristic-zero", "RFC 9111 §4.2.2", "an explicit max-age=0 is no case for guessing",
         (miss(cc("max-age=0", ("Last-Modified", TEN_DAYS_AGO))),
          Ask("REVALIDATED", not_modified(), sends={"If-Modified-Since": TEN_DAYS_AGO}))),
    Case("heuristic-expired", "RFC 9111 §4.2.2", "nor is an Expires in the past",
         (miss(ok(("Expires", OLD), ("Last-Modified", TEN_DAYS_AGO))),
          Ask("REVALIDATED", not_modified(), sends={"If-Modified-Since": TEN_DAYS_AGO}))),
    Case("heuristic-old", "RFC 9111 §4.2.3", "the age that Date shows counts against a guess, too",
         (miss(ok(("Date", AN_HOUR_AGO), ("Last-Modified", date_in(-7200)))),
          Ask("REVALIDATED", not_modified(), sends={"If-Modified-Since": ANY}))),
]  # fmt: skip

LIFETIME = [
    lives("lifetime-s-maxage", "RFC 9111 §4.2.1", "s-maxage is over max-age and Expires", cc("max-age=10, s-maxage=600", ("Expires", FAR)), 600),
    lives("lifetime-max-age", "RFC 9111 §4.2.1", "max-age is over Expires", cc("max-age=600", ("Expires", FAR)), 600),
    lives("lifetime-age", "RFC 9111 §4.2", "what Age says is gone of it", cc("max-age=700", AGED), 600),
    Case("lifetime-ttl", "weir.ini(5)", "default_ttl is for what says nothing", (miss(ok()), hit(has=left(300))), "ttl"),
    Case("lifetime-ttl-status", "weir.ini(5)", "ttl by status is over the age of Last-Modified",
         (miss(ok(DATED, status=404)), hit(status=404, has=left(60))), "ttl"),
    Case("lifetime-said", "weir.ini(5)", "what the answer says is over ttl",
         (miss(cc("max-age=900", status=404)), hit(status=404, has=left(900))), "ttl"),
]  # fmt: skip

CASES = EXPIRES + AGE + HEURISTIC + LIFETIME
