#!/usr/bin/env python3
"""Scripts: every shell and Python file parses, and an executable one says who runs it."""

import os
import subprocess

from common import Finding, Fixture, files, main, read, relative


def check(root):
    found = []
    for path in files(root, suffixes=(".sh", ".py", "run")):
        text = read(path)
        first = text.split("\n", 1)[0]
        name = relative(path, root)
        if os.access(path, os.X_OK) and not first.startswith("#!"):
            found.append(Finding("executable without #!", name, "the kernel would guess", "name the interpreter"))
        if path.suffix == ".py":
            try:
                compile(text, name, "exec")
            except SyntaxError as error:
                found.append(broken(f"{name}:{error.lineno}", str(error)))
            continue
        shell = "bash" if "bash" in first else "sh" if first.startswith("#!") else None
        if shell:
            run = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if run.returncode:
                found.append(broken(name, run.stderr.strip()[-300:]))
    return found


def broken(where, message):
    return Finding(f"does not parse: {message}", where, "it would fail when it is needed", "mend the syntax")


FIXTURES = [
    Fixture("good", {"a.sh": "#!/bin/sh\nif true; then :; fi\n", "b.py": "x = 1\n", "run": "no script\n"}),
    Fixture("bad shell", {"a.sh": "#!/bin/sh\nif true; then\n"}, "a.sh: does not parse"),
    Fixture("bad bash", {".ci/run": "#!/usr/bin/env bash\n( echo\n"}, ".ci/run: does not parse"),
    Fixture("bad python", {"b.py": "x = \n"}, "b.py:1: does not parse"),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
