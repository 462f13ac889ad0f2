"""What a shared cache must do and must not do: a table. Each row is a case of its own URI, and cites its section.

A case is a list of requests. Each says what the client asks, what the origin answers, and what the client must see;
a request without an answer of the origin must not reach it. Nothing waits for time to pass: an answer that says
"Age: 100" is 100 seconds old when it comes.
"""

from . import (
    conditional,
    directives,
    fields,
    freshness,
    invalidation,
    ranges,
    reuse,
    stale,
    storing,
    targeted,
    validation,
    vary,
)
from .model import ABSENT, ANY, CONFIGS, dated

FILES = (storing, fields, freshness, directives, targeted, reuse, vary, validation, conditional, ranges, stale, invalidation)
CASES = [case for file in FILES for case in file.CASES]

__all__ = ["ABSENT", "ANY", "CASES", "CONFIGS", "dated"]
