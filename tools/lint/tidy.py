"""What clang-tidy says, without what this project decided otherwise."""

import functools
import re

import tree

FINDING = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):\d+: (?:error|warning): (?P<text>.*)$")
SPECIAL = "[cppcoreguidelines-special-member-functions"
# Declaring any of these takes implicit copying away.
NO_COPY = re.compile(r"operator=\s*\(\w+\s*&&|\b(\w+)\s*\(\1\s*&&|\(const\s+\w+\s*&\)\s*=\s*delete")
BASE = re.compile(r"(?:public|private|protected)\s+(?:\w+::)*(\w+)")


def class_text(name, line):
    """The text of the class whose head stands in that line, up to the brace that closes it."""
    depth, body = 0, []
    for text in tree.text(name).splitlines()[line - 1 :]:
        body.append(text)
        depth += text.count("{") - text.count("}")
        if depth <= 0 and "{" in "".join(body):
            break
    return "\n".join(body)


@functools.cache
def definitions():
    """Class name -> (file, line) of its definition, for the classes of the tree."""
    found = {}
    for name in tree.sources(".h", ".cc"):
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if (match := re.match(r"\s*(?:class|struct)\s+(?:\[\[nodiscard\]\]\s+)?(\w+)", line)) and ";" not in line:
                found.setdefault(match[1], (name, number))
    return found


def cannot_be_copied(name, line, depth=0):
    text = class_text(name, line)
    if NO_COPY.search(text):
        return True
    bases = BASE.findall(text.split("{")[0])
    return depth < 5 and any(
        cannot_be_copied(*definitions()[base], depth + 1) for base in bases if base in definitions()
    )


def without_pinned(lines):
    """Drops the rule of five where copying is impossible: the rule guards against copies that free twice, and one
    deleted operator= (or a base that has one) is how objects are pinned here."""
    kept, dropping = [], False
    for line in lines:
        if match := FINDING.match(line):
            name = match["file"].removeprefix(f"{tree.ROOT}/").removeprefix("./")
            dropping = SPECIAL in match["text"] and (tree.ROOT / name).is_file()
            dropping = dropping and cannot_be_copied(name, int(match["line"]))
        if not dropping:
            kept.append(line)
    return kept
