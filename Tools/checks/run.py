#!/usr/bin/env python3
"""Runs every check of `make check`, quickest first, and ends with `N passed, N failed`.

    run.py                     all checks, after their self-tests
    run.py format imports      only these
    run.py --list              their names
    run.py --lower-ratchets    write the reached numbers into ratchets.txt

The checks that read compiled code expect `make build` to have run.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKS = [
    ("imports", "import arrows"),
    ("unsafe", "unsafe fence"),
    ("words", "forbidden words"),
    ("sizes", "file sizes"),
    ("shell", "scripts parse"),
    ("docs", "documents and code map"),
    ("public_docs", "doc comments"),
    ("format", "format"),
    ("generated", "generated code"),
    ("hot_path", "hot-path purity"),
]
RATCHETED = ("unsafe", "public_docs")


def step(name, arguments):
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    return run.returncode == 0, run.stdout.rstrip(), time.monotonic() - start


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def lower(root):
    import common

    for name in RATCHETED:
        __import__(name).check(root)
    common.lower_ratchets(root)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("names", nargs="*", help="checks to run; all when none is named")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--lower-ratchets", action="store_true", help="lower the kept numbers to the reached ones")
    options = parser.parse_args()
    if options.list:
        for name, title in CHECKS:
            print(f"{name:12} {title}")
        return 0
    if options.lower_ratchets:
        lower(HERE.parents[1])
        return 0
    unknown = set(options.names) - {name for name, _ in CHECKS}
    if unknown:
        print("run.py: no such check:", ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    passed = failed = 0
    for name, title in CHECKS:
        if options.names and name not in options.names:
            continue
        for label, arguments in ((f"{title}: self-test", ["--self-test"]), (title, [])):
            good, text, seconds = step(name, arguments)
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok    ' if good else 'FAILED'}  {label}  ({seconds:.1f} s)")
            if text:
                print(indent(text))
            sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
