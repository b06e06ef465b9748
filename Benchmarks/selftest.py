#!/usr/bin/env python3
"""Runs the benchmark harness on peers that work, hang, die and lie: none may go unnoticed.

The peers are shell scripts that speak as ringbox-bench does. Ends with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

import run as bench
from harness import plan as planning
from harness import report, session
from harness.peers import Job, Peer


class Script(Peer):
    """A guest in shell: `body` is run for each workload of the plan, with $1 its name and $2 its iterations."""

    def __init__(self, name: str, body: str, is_vm: bool = True, share: float = 1) -> None:
        self.name, self.body, self.is_vm, self.share = name, body, is_vm, share

    def missing(self) -> str:
        return ""

    def command(self, job: Job) -> list[str]:
        ends = ("echo BENCH-INIT; echo BENCH-BEGIN", "echo BENCH-END") if self.is_vm else ("true", "true")
        script = f"each() {{ {self.body}\n}}\n{ends[0]}\nwhile read -r a b; do each $a $b; done <{job.plan}\n{ends[1]}"
        return ["sh", "-c", script]


WORKS = 'echo "start $1"; sleep 0.0$2; echo "bench $1 $2 ${2}0000000 000000000000000$2"'
BROKEN = {
    "hangs": f'[ $1 != two ] || {{ echo "start two"; sleep 60; }}; {WORKS}',
    "dies": f'[ $1 != two ] || {{ echo "start two"; exit 3; }}; {WORKS}',
    "lies": f'[ $1 != two ] || {{ echo "start two"; echo "bench two $2 1 00000000000000ff"; return; }}; {WORKS}',
    "says-so": f'[ $1 != two ] || {{ echo "fail two wrong: the sum"; return; }}; {WORKS}',
    "silent": "sleep 60",
}

failures: list[str] = []
passed = 0


def expect(condition: object, what: str) -> None:
    global passed
    if condition:
        passed += 1
    else:
        failures.append(what)
        print(f"FAILED: {what}")


def results_with(body: str, share: float = 1) -> report.Results:
    chosen = argparse.Namespace(
        assets=Path("/nonexistent"), build=Path("/nonexistent"), runs=1, ms=1, limit=1, memory=64, no_disk=True, quick=True
    )
    host, vm = Script("native", WORKS, is_vm=False), Script("vm", body, share=share)
    harness = bench.Bench(chosen, [host, vm], {"group": ["one", "two", "three"]})
    results = report.Results(harness.peers, {peer.name: session.Record() for peer in harness.peers})
    plan = {"empty": 1, "one": 2, "two": 4, "three": 2}
    planning.initrd_with = lambda *_: None  # a shell script needs none
    with contextlib.redirect_stderr(io.StringIO()):
        harness.run(host, "amd64", plan, results.records["native"], "host")
        results.expect(results.records["native"])
        harness.run(vm, "amd64", planning.part(plan, share), results.records["vm"], "vm")
    return results


def told(results: report.Results) -> tuple[dict[str, str], list[str]]:
    rows = report.workload_rows(results, {"group": ["one", "two", "three"]})
    return {row[0].strip(): row[2] for row in rows}, results.records["vm"].problems


def check_peers() -> None:
    cells, problems = told(results_with(WORKS))
    expect(all(cells[name].endswith("x") for name in ("one", "two", "three")) and not problems, "a peer that works has ratios")
    expect("of 3" not in cells["group (geometric mean)"], "a mean of all rows is not marked")

    cells, problems = told(results_with(BROKEN["hangs"]))
    expect(cells["two"] == "FAILED" and "two" in problems[0], "a hang is named")
    expect(cells["three"].endswith("x"), "the workload behind a hang is run on a new machine")
    expect("(2 of 3)" in cells["group (geometric mean)"], "a mean of some rows is marked")

    cells, problems = told(results_with(BROKEN["dies"]))
    expect(cells["two"] == "FAILED" and "ended with 3" in problems[0], "a death is named with its status")
    expect(cells["three"].endswith("x"), "the workload behind a death is run on a new machine")

    cells, problems = told(results_with(BROKEN["lies"]))
    expect(cells["two"].endswith("WRONG"), "another checksum than the host's is WRONG")

    cells, problems = told(results_with(BROKEN["says-so"]))
    expect(cells["two"] == "FAILED" and "the sum" in problems[0], "what a program finds wrong itself is told")

    cells, problems = told(results_with(BROKEN["silent"]))
    expect(all(cells[name] == "FAILED" for name in ("one", "two", "three")) and problems, "a peer that says nothing has failed")

    cells, _ = told(results_with(WORKS, share=0.5))
    expect(cells["one"].endswith("x"), "a part of the work has a ratio per unit of work")


def check_parts() -> None:
    expect(planning.part({"a": 10, "b": 1}, 1 / 16) == {"a": 1, "b": 1}, "no workload is left without an iteration")
    expect(planning.part({"a": 64, "b": 64}, 1, {"b"}, 1 / 8) == {"a": 64, "b": 8}, "dear workloads get less")
    archive = planning.cpio("plan", b"one 1\n")
    expect(len(archive) % 4 == 0 and archive[:6] == b"070701" and b"TRAILER!!!" in archive, "the plan's archive is whole")
    watcher = session.Watcher(session.Record(), "x", 1)
    watcher.line("start a", 0)
    watcher.line("value a p99_ns 17", 1)
    watcher.line("[    1.0] noise bench a 3 4 00000000000000ab", 5)
    figure = watcher.record.figures["a"]
    expect((figure.iterations, figure.host_ns, figure.values) == (3, [5], {"p99_ns": [17]}), "results are read beside noise")
    watcher.line("BENCH-END", 6)
    expect(watcher.ended, "the end is seen")


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        tempfile.tempdir = directory
        check_parts()
        check_peers()
        tempfile.tempdir = None
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
