#!/usr/bin/env python3
"""Adds up what `swift test` printed: Swift Testing and XCTest, and ends with `N passed, N failed`.

    test-summary.py LOG [--status N] [--failed N]

--status is the exit status of `swift test`; a run without an end, or a non-zero
status without a failed test, counts as one failure (a crash, a time-out). --failed adds failures found
before the tests ran. Failed and skipped tests are listed.
"""

import argparse
import re
import sys

BEGUN = re.compile(r"^\S+\s+Test run started\.")
CLOSING = re.compile(r"Test run with (\d+) tests?(?: in \d+ suites?)? (passed|failed)")
FAILED = re.compile(r"^\S+\s+Test (.+?)(?: with \d+ test cases?)? failed after ")
SKIPPED = re.compile(r"^\S+\s+Test (.+?) skipped(?:: (.*))?$")
STARTED = re.compile(r"^\S+\s+Test (?!run started)(.+?) started\.$")
ENDED = re.compile(r"^\S+\s+Test (.+?)(?: with \d+ test cases?)? (?:passed|failed) after ")
X_EXECUTED = re.compile(r"Executed (\d+) tests?, with (?:(\d+) tests? skipped and )?(\d+) failures?")
X_CASE = re.compile(r"Test Case '(.+?)' (started at|passed|failed|skipped)")


def add_up(lines):
    """(passed, names of failed, names of skipped, names begun but not ended, runs without an end)."""
    begun = 0
    total, failed, skipped, running = 0, [], [], {}
    x_executed, x_failed, x_skipped, closed = 0, [], [], 0
    for line in lines:
        line = line.rstrip("\n")
        if match := X_EXECUTED.search(line):
            x_executed = max(x_executed, int(match.group(1)))
        elif match := X_CASE.search(line):
            name, what = match.groups()
            if what == "started at":
                running[name] = True
            else:
                running.pop(name, None)
                if what == "failed":
                    x_failed.append(name)
                elif what == "skipped":
                    x_skipped.append(name)
        elif match := CLOSING.search(line):
            total += int(match.group(1))
            closed += 1
        elif BEGUN.search(line):
            begun += 1
        elif match := SKIPPED.match(line):
            skipped.append(match.group(1) + (f": {match.group(2)}" if match.group(2) else ""))
        elif match := STARTED.match(line):
            running[match.group(1)] = True
        elif match := ENDED.match(line):
            running.pop(match.group(1), None)
            if FAILED.match(line):
                failed.append(match.group(1))
    passed = max(0, total - len(failed) - len(skipped)) + max(0, x_executed - len(x_failed) - len(x_skipped))
    if begun > closed and not total:
        # A crash. What ended well until then still counts.
        passed += sum(1 for line in lines if re.match(r"^\S+\s+Test (?!run ).+ passed after ", line))
    return passed, failed + x_failed, skipped + x_skipped, list(running), max(0, begun - closed)


def self_test():
    log = """\
Test Case 'X.testA' started at 1
Test Case 'X.testA' passed (0.1 seconds)
Test Case 'X.testB' started at 1
Test Case 'X.testB' failed (0.0 seconds)
\t Executed 2 tests, with 1 failure (0 unexpected) in 0.1 (0.1) seconds
* Test run started.
* Test one() started.
> Test three() skipped: "no kvm"
* Test "a name" started.
+ Test one() passed after 0.001 seconds.
- Test "a name" with 3 test cases failed after 0.001 seconds with 1 issue.
- Suite E failed after 0.001 seconds with 1 issue.
- Test run with 3 tests in 2 suites failed after 0.001 seconds with 1 issue.
""".splitlines()
    assert add_up(log) == (2, ['"a name"', "X.testB"], ['three(): "no kvm"'], [], 0), add_up(log)
    assert add_up(log[:-3] + ["* Test two() started."]) == (
        2, ["X.testB"], ['three(): "no kvm"'], ['"a name"', "two()"], 1
    ), "a run cut short"
    assert add_up(["+ Test run with 5 tests passed after 1 seconds."]) == (5, [], [], [], 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("log", nargs="?")
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--failed", type=int, default=0)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        self_test()
        return 0
    with open(options.log, encoding="utf-8", errors="replace") as log:
        passed, failed, skipped, running, unended = add_up(log.readlines())
    for name in skipped:
        print("skipped:", name)
    for name in failed:
        print("FAILED:", name)
    count = len(failed) + options.failed
    if unended or (options.status and not failed):
        count += 1
        print(f"FAILED: swift test ended early with status {options.status}" + "".join(f"; {r} was running" for r in running))
    if not passed and not count:
        count = 1
        print("FAILED: no test ran")
    print(f"{passed} passed, {count} failed")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
