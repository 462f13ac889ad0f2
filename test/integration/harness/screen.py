"""A full-screen program on a terminal of its own: keys go in, and what a person would see comes out.

The terminal knows what ncurses sends to an xterm, and refuses what it doesn't know: a test that looks at a wrong
screen proves nothing.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios

from . import daemon
from .support import Failure, scale, scratch, wait_until


class Screen:
    """Characters on a grid, by the bytes that came; colours are counted, not kept."""

    SEQUENCE = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([@A-Za-z`])|\x1b[()][0AB]|\x1b[=>78DMEc]|\x1b\].*?(?:\x07|\x1b\\)", re.S)

    def __init__(self, rows, columns):
        self.resize(rows, columns)
        self.row = self.column = 0
        self.top, self.bottom = 0, rows - 1
        self.saved = (0, 0)
        self.colored = False
        self.unread = b""
        self.last = " "

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.top, self.bottom = 0, rows - 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def feed(self, data):
        data, self.unread = self.unread + data, b""
        at = 0
        while at < len(data):
            byte = data[at]
            if byte == 0x1B:
                match = self.SEQUENCE.match(data, at)
                if not match:
                    if len(data) - at < 64:  # the rest is still to come
                        self.unread = data[at:]
                        return
                    raise Failure(f"a sequence that this terminal does not know: {data[at : at + 20]!r}")
                self._obey(match)
                at = match.end()
                continue
            at += 1
            if byte == 0x0D:
                self.column = 0
            elif byte == 0x0A:
                self._down()
            elif byte == 0x08:
                self.column = max(self.column - 1, 0)
            elif byte == 0x09:
                self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
            elif byte >= 0x20:
                self._put(chr(byte))

    def _put(self, character):
        if self.column >= self.columns:  # the last column wraps only when another character comes
            self.column = 0
            self._down()
        self.cells[self.row][self.column] = self.last = character
        self.column += 1

    def _down(self):
        if self.row == self.bottom:
            self._scroll(1)
        else:
            self.row = min(self.row + 1, self.rows - 1)

    def _scroll(self, lines, first=None):
        """Up by so many lines (down: negative), between `first` and the end of the region."""
        first = self.top if first is None else first
        region = self.cells[first : self.bottom + 1]
        blank = [[" "] * self.columns for _ in range(min(abs(lines), len(region)))]
        region = region[len(blank) :] + blank if lines > 0 else blank + region[: len(region) - len(blank)]
        self.cells[first : self.bottom + 1] = region

    def _obey(self, match):
        whole, private, final = match[0], match[1], (match[3] or b"").decode()
        if not final:
            if whole == b"\x1bM":
                self._scroll(-1) if self.row == self.top else self._move(self.row - 1, self.column)
            elif whole == b"\x1bD":
                self._down()
            elif whole == b"\x1bE":
                self.column = 0
                self._down()
            elif whole == b"\x1b7":
                self.saved = (self.row, self.column)
            elif whole == b"\x1b8":
                self._move(*self.saved)
            return
        if private or final in "hlnct":  # modes, questions and windows
            if final == "h" and b"1049" in match[2]:
                self.resize(self.rows, self.columns)
            return
        numbers = [int(n) for n in match[2].split(b";") if n] or [0]
        n, m = numbers[0], max(numbers[0], 1)
        row, column = self.row, min(self.column, self.columns - 1)
        moves = {"A": (row - m, column), "B": (row + m, column), "C": (row, column + m), "D": (row, column - m)}
        moves |= {"G": (row, m - 1), "`": (row, m - 1), "d": (m - 1, column), "E": (row + m, 0), "F": (row - m, 0)}
        moves |= {"H": (m - 1, max(numbers[-1], 1) - 1 if len(numbers) > 1 else 0)}
        if final in moves:
            return self._move(*moves[final])
        line = self.cells[row]
        if final == "m":
            self.colored |= any(30 <= n <= 37 or 40 <= n <= 47 or 90 <= n <= 107 or n in (38, 48) for n in numbers)
        elif final == "K":
            for at in range(column if n == 0 else 0, column + 1 if n == 1 else self.columns):
                line[at] = " "
        elif final == "J":
            if n == 0:
                line[column:] = [" "] * (self.columns - column)
            for at in range(row + 1 if n == 0 else 0, self.rows):
                self.cells[at] = [" "] * self.columns
        elif final == "X":
            line[column : column + m] = [" "] * min(m, self.columns - column)
        elif final == "P":
            line[column:] = (line[column + m :] + [" "] * m)[: self.columns - column]
        elif final == "@":
            line[column:] = ([" "] * m + line[column:])[: self.columns - column]
        elif final == "b":
            for _ in range(m):
                self._put(self.last)
        elif final in "LM":
            self._scroll(-m if final == "L" else m, first=row)
        elif final in "ST":
            self._scroll(m if final == "S" else -m)
        elif final == "r":
            self.top = max(numbers[0], 1) - 1
            self.bottom = (numbers[1] if len(numbers) > 1 else self.rows) - 1
            self._move(0, 0)
        else:
            raise Failure(f"a sequence that this terminal does not know: {whole!r}")

    def _move(self, row, column):
        self.row, self.column = max(0, min(row, self.rows - 1)), max(0, min(column, self.columns - 1))


class ScreenProgram:
    """One of the programs under test on a terminal. `text` is what the screen shows now."""

    def __init__(self, name, *arguments, rows=30, columns=120, environment=None, cwd=None):
        self.name = name
        self.screen = Screen(rows, columns)
        self.master, slave = os.openpty()
        self.modes = termios.tcgetattr(slave)  # before the program can change them
        self._set_size(rows, columns)
        env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "LINES", "COLUMNS")}
        env.update({"TERM": "xterm-color", "LC_ALL": "C", **(environment or {})})

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(daemon.program(name)), *map(str, arguments)],
            cwd=cwd or scratch(name),
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=own_terminal,
        )
        self.slave = slave  # kept open: what was written last is still to be read when the program has gone
        self.pid = self.process.pid
        self.received = b""
        daemon._running.append(self)
        daemon._started.append(self)

    def _set_size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pump(self):
        """Takes what has come."""
        while select.select([self.master], [], [], 0)[0]:
            data = os.read(self.master, 65536)
            self.received += data
            self.screen.feed(data)

    @property
    def text(self):
        self.pump()
        return self.screen.text()

    @property
    def output(self):
        return self.screen.text()

    def alarms(self):
        return [line for line in self.received.decode(errors="replace").splitlines() if daemon.ALARMS.search(line)]

    def keys(self, text):
        os.write(self.master, text.encode())

    def resize(self, rows, columns):
        self.pump()
        self.screen.resize(rows, columns)
        self._set_size(rows, columns)

    def wait(self, pattern, limit=10.0):
        """Waits until the screen has it; returns the match."""

        def seen():
            match = re.search(pattern, self.text, re.M)
            if not match and not self.alive():
                raise Failure(f"{self.name} ended with {self.process.returncode}; its screen:\n{self.text}")
            return match

        try:
            return wait_until(seen, limit, f"{pattern!r} on the screen")
        except Failure as failure:
            raise Failure(f"{failure}\n{self.text}") from None

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, code=0, limit=20.0):
        def over():
            self.pump()  # who isn't read may not end
            return not self.alive()

        wait_until(over, limit, f"{self.name} to end")
        self.pump()
        if self in daemon._running:
            daemon._running.remove(self)
        if code is not None and self.process.returncode != code:
            raise Failure(f"{self.name} ended with {self.process.returncode}, not {code}:\n{self.text}")

    def terminal_restored(self):
        return termios.tcgetattr(self.slave) == self.modes

    def kill(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(scale(10))
        if self in daemon._running:
            daemon._running.remove(self)
        for fd in (self.master, self.slave):
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.kill()
