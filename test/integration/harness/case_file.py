"""The form of a case file (test/cases/README.md): read into steps, nothing is run here."""

import re

SOURCE = r"(?:RFC \d+ §[\d.]*\d|CVE class \d+(?: \([^)]+\))?)"
CITATION = re.compile(rf"# ({SOURCE}(?:, {SOURCE})*): (.+)\Z")
STEP = re.compile(r"([COL])(\d*)([><!])(?: (.*))?\Z")
REPEAT = re.compile(r"\\\{(\d+)\*((?:[^}\\]|\\.)*)\}")
SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "s": " ", "\\": "\\", '"': '"', "{": "{", "}": "}"}


class BadCase(Exception):
    """The case file itself is wrong."""


def unescape(text):
    """Bytes of a text with the escapes of case files: \\r \\n \\t \\0 \\s \\xHH \\\\ and \\{N*text}."""

    if "\\{" in text:
        parts, at = [], 0
        for match in REPEAT.finditer(text):
            parts += [unescape_simple(text[at : match.start()]), unescape_simple(match[2]) * int(match[1])]
            at = match.end()
        return b"".join([*parts, unescape_simple(text[at:])])
    return unescape_simple(text)


def unescape_simple(text):
    def one(match):
        escape = match[1]
        return chr(int(escape[1:], 16)) if escape[0] == "x" else SIMPLE[escape]

    try:
        return re.sub(r"\\(x[0-9A-Fa-f]{2}|.)", one, text).encode("latin-1")
    except KeyError as error:
        raise BadCase(f"unknown escape \\{error.args[0]}") from None


class Step:
    """who: C, O or L; number: which connection; what: send, expect or do."""

    def __init__(self, who, number, what, text, line):
        self.who, self.number, self.what, self.text, self.line = who, number, what, text, line
        self.checks = []  # of an expectation: what its message must be like, [(text, line)]

    @property
    def name(self):
        return f"{self.who}{self.number}"

    def __repr__(self):
        return f"{self.name}{ {'send': '>', 'expect': '<', 'do': '!'}[self.what] } {self.text}"


class Case:
    def __init__(self, path, root):
        self.path = path
        self.id = str(path.relative_to(root).with_suffix(""))
        self.config = "plain"
        self.steps = []
        lines = path.read_text(encoding="utf-8").split("\n")
        citation = CITATION.match(lines[0])
        if not citation:
            raise BadCase(f"{path}:1: the first line cites what it is from, as in `# RFC 9112 §6.3: sentence`")
        self.source, self.sentence = citation[1], citation[2]
        for number, line in enumerate(lines[1:], 2):
            try:
                self._line(line, number)
            except BadCase as error:
                raise BadCase(f"{path}:{number}: {error}") from None
        if not any(s.what == "expect" for s in self.steps):
            raise BadCase(f"{path}: expects nothing")

    def _line(self, line, number):
        if not line or line.startswith("#"):
            return
        if line.startswith("config "):
            self.config = line[7:].strip()
            return
        match = STEP.match(line)
        if not match:
            raise BadCase(f"not a line of a case: {line!r}")
        what = {">": "send", "<": "expect", "!": "do"}[match[3]]
        text = match[4] or ""
        connection = int(match[2] or 1)
        last = self.steps[-1] if self.steps else None
        same = last is not None and (last.who, last.number, last.what) == (match[1], connection, what)
        if what == "expect" and text.startswith("  "):
            if not same:
                raise BadCase("an indented expectation belongs to a message before it")
            last.checks.append((text.strip(), number))
        elif what == "send":
            data = unescape(text[:-1]) if ends_open(text) else unescape(text) + b"\r\n"
            if same:
                last.text += data
            else:
                self.steps.append(Step(match[1], connection, what, data, number))
        else:
            self.steps.append(Step(match[1], connection, what, text.strip(), number))


def ends_open(text):
    """Does the line end in a backslash of its own, which says: no CRLF here?"""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def load_cases(root):
    return [Case(path, root) for path in sorted(root.rglob("*.case"))]
