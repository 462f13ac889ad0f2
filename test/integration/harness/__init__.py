"""The tests' hands: start the real programs, speak exact bytes, wait for conditions.

Standard library only. A test file is test_*.py beside this package; a test is a function test_* without
arguments whose docstring is the sentence it proves. Nothing here sleeps for a guess: whoever waits, waits for a
condition with a limit (wait_until). README.md in this folder shows how a test looks.
"""

from .client import RawClient
from .daemon import Daemon, Echo, Program, program, run_program
from .dns import FakeDns
from .http import Closed, Message, Stream, TimedOut
from .origin import ScriptedOrigin
from .ports import free_port, free_ports
from .support import (
    Failure,
    certificate,
    is_long,
    limit,
    long,
    mode,
    modes,
    needs,
    needs_root,
    scale,
    scratch,
    verdict,
    wait_until,
)

__all__ = [
    "Closed",
    "Daemon",
    "Echo",
    "Failure",
    "FakeDns",
    "Message",
    "Program",
    "RawClient",
    "ScriptedOrigin",
    "Stream",
    "TimedOut",
    "certificate",
    "free_port",
    "free_ports",
    "is_long",
    "limit",
    "long",
    "mode",
    "modes",
    "needs",
    "needs_root",
    "program",
    "run_program",
    "scale",
    "scratch",
    "verdict",
    "wait_until",
]
