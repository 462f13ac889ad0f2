"""What clang-tidy says, without what this project decided otherwise."""

import re

import tree

FINDING = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):\d+: (?:error|warning): (?P<text>.*)$")
SPECIAL = "[cppcoreguidelines-special-member-functions"
DELETED = re.compile(r"operator=\s*\([^)]*\)\s*=\s*delete|\w+\s*\(const\s+\w+\s*&\)\s*=\s*delete")


def class_body(name, line):
    """The text of the class whose head stands in that line, up to the brace that closes it."""
    lines = tree.text(name).splitlines()[line - 1 :]
    depth, body = 0, []
    for text in lines:
        body.append(text)
        depth += text.count("{") - text.count("}")
        if depth <= 0 and "{" in "".join(body):
            break
    return "\n".join(body)


def without_pinned(lines):
    """Drops the rule of five where copying is deleted: one deleted operator= pins an object (docs/development.md,
    "pinned"), and the rule guards against copies that free twice."""
    kept, dropping = [], False
    for line in lines:
        if match := FINDING.match(line):
            name = match["file"].removeprefix(f"{tree.ROOT}/")
            dropping = SPECIAL in match["text"] and (tree.ROOT / name).is_file()
            dropping = dropping and bool(DELETED.search(class_body(name, int(match["line"]))))
        if not dropping:
            kept.append(line)
    return kept
