#!/usr/bin/env python3
"""Format: every Swift file outside Generated/ is as swift-format would leave it.

The rules are in .swift-format. `make format` mends what can be mended by machine.
"""

import re
import shutil
import subprocess

from common import REPOSITORY, Finding, Fixture, files, main, relative


BY_MACHINE = ("one shape keeps diffs about meaning", "run `make format`")
BY_HAND = {
    "LineLength": ("a line is read in one glance", "break it by hand: `make format` leaves long comments and strings alone"),
    "NeverForce": ("a wrong assumption must not stop the machine without a word",
                   "use guard, `if let`, `??`, or a typed throw"),
    "NeverUse": ("a wrong assumption must not stop the machine without a word", "handle the case, or make it impossible"),
}


def sources(root):
    found = files(root, suffixes=(".swift",), generated=False)
    return [p for p in found if "Fixtures" not in p.relative_to(root).parts]


def check(root):
    paths = sources(root)
    if not paths:
        return []
    if not shutil.which("swift"):
        return [Finding("no swift", "PATH", "the formatter is part of the tool chain", "run `make setup`")]
    run = subprocess.run(
        ["swift", "format", "lint", "--strict", "--parallel", "--configuration", str(REPOSITORY / ".swift-format"),
         *map(str, paths)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    found, seen = [], set()
    for line in run.stderr.splitlines():
        match = re.match(r"(.+?\.swift:\d+):\d+: (?:error|warning): (.*)", line)
        if match and match.groups() not in seen:
            seen.add(match.groups())
            where = match.group(1)
            where = relative(where, root) if where.startswith(str(root)) else where
            why, fix = next((v for k, v in BY_HAND.items() if k in match.group(2)), BY_MACHINE)
            found.append(Finding(match.group(2), where, why, fix))
    if run.returncode and not found:
        found.append(Finding(run.stderr.strip()[-500:], "swift format", "it could not run", "see its message"))
    return found


FIXTURES = [
    Fixture("good", {"Sources/A/A.swift": "/// It.\nstruct A {\n  let x = 1\n}\n"}),
    Fixture("indentation", {"Sources/A/A.swift": "struct A {\n    let x = 1\n}\n"}, "Indentation"),
    Fixture("force unwrap", {"Sources/A/A.swift": "func f(_ x: Int?) -> Int {\n  x!\n}\n"}, "NeverForceUnwrap"),
    Fixture("force try", {"Sources/A/A.swift": "func f() {\n  try! g()\n}\n"}, "NeverUseForceTry"),
    Fixture("width", {"Sources/A/A.swift": "let a = [" + "1, " * 60 + "1]\n"}, "LineLength"),
    Fixture("generated", {"Sources/A/Generated/A.swift": "struct A {\n    let x = 1\n}\n"}),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
