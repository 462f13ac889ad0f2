"""src/LAYERS holds: a file includes its own room and the rooms its row names; no cycles; two libraries keep to
their rooms."""

import re

import tree

# Headers of a library that only one room may name.
CONFINED = [
    (re.compile(r"^event2?/|^event\.h$|^ev(http|dns|util)"), ("event",), "libevent"),
    (re.compile(r"^openssl/ssl"), ("tls",), "OpenSSL's SSL"),
]


def rows():
    allowed, problems, above = {}, [], set()
    for number, line in enumerate(tree.text("src/LAYERS").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        room, _, may = line.partition(":")
        for other in may.split():
            if other not in above:
                problems.append(f"src/LAYERS:{number}: {room} may include {other}, which is not printed above it")
        allowed[room.strip()] = {room.strip(), *may.split()}
        above.add(room.strip())
    return allowed, problems


def room_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check():
    allowed, problems = rows()
    for name in tree.sources(".cc", ".h", ".def"):
        room = room_of(name)
        if name.startswith("src/") and room and room not in allowed:
            problems.append(f"{name}: room {room} has no row in src/LAYERS")
            continue
        for inside, written in tree.includes(name):
            other = room_of(inside) if inside else None
            if room and other and other not in allowed[room]:
                problems.append(f"{name}: {room} may not include {written}")
            if room and inside and not inside.startswith("src/"):
                problems.append(f"{name}: src may not include {written}")
            for pattern, rooms, library in CONFINED:
                if name.startswith("src/") and not inside and pattern.search(written) and room not in rooms:
                    problems.append(f"{name}: only {' and '.join(rooms)} may name {library} (<{written}>)")
    return problems + cycles()


def cycles():
    """Files that include each other in a circle (include guards hide that)."""
    problems, done = [], set()

    def visit(name, path):
        if name in path:
            circle = path[path.index(name) :] + [name]
            problems.append("cycle of includes: " + " -> ".join(circle))
            return
        if name in done:
            return
        for inside, _ in tree.includes(name):
            if inside:
                visit(inside, path + [name])
        done.add(name)

    for name in tree.sources(".cc", ".h"):
        visit(name, [])
    return problems
