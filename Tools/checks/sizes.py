#!/usr/bin/env python3
"""File sizes: no source file above 800 lines outside Generated/.

An exception is a line `PATH  LINES  # reason` in sizes.txt; it may grow no further.
"""

from common import Finding, Fixture, data_lines, files, main, read, relative

LIMIT = 800
TABLE = "Tools/checks/sizes.txt"
SOURCES = (".swift", ".c", ".h", ".S", ".py", ".sh", "Makefile")


def check(root):
    exceptions = {}
    if (root / TABLE).exists():
        for _, line in data_lines(root / TABLE):
            name, limit = line.split()
            exceptions[name] = int(limit)
    found = []
    for path in files(root, suffixes=SOURCES, generated=False):
        name = relative(path, root)
        lines = read(path).count("\n")
        limit = exceptions.get(name, LIMIT)
        if lines > limit:
            found.append(
                Finding(
                    f"{lines} lines, at most {limit}", name, "a file that nobody can hold in their head hides its mistakes",
                    f"split by topic into Type+Topic.swift; an exception with its reason goes into {TABLE}",
                )
            )
    for name in exceptions:
        if not (root / name).exists():
            found.append(Finding("exception for a file that is gone", f"{TABLE}: {name}", "dead rule", "remove the line"))
    return found


FIXTURES = [
    Fixture("short", {"Sources/A/A.swift": "x\n" * 800}),
    Fixture("long", {"Sources/A/A.swift": "x\n" * 801}, "801 lines"),
    Fixture("generated", {"Sources/A/Generated/A.swift": "x\n" * 9000}),
    Fixture("exception", {TABLE: "Sources/A/A.swift 900 # r\n", "Sources/A/A.swift": "x\n" * 901}, "at most 900"),
    Fixture("dead exception", {TABLE: "Sources/A/B.swift 900\n"}, "file that is gone"),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
