"""One run of one peer: starts it, reads its serial port, takes times and memory, ends it.

A VM's times are taken by the host's clock, from when the "start" line of a workload
arrives to when its result begins to arrive: some VMs' own clocks run at another speed
than the world's.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

# A kernel message may share the line, so these are searched for, not matched.
START = re.compile(r"\bstart ([\w-]+)")
RESULT = re.compile(r"\bbench ([\w-]+) (\d+) (\d+) ([0-9a-f]{16})")
VALUE = re.compile(r"\bvalue ([\w-]+) ([\w-]+) (\d+)")
REFUSED = re.compile(r"\b(skip|fail) ([\w-]+) ([^\r\n]+)")


@dataclass
class Figure:
    """One workload on one peer, over all runs."""

    iterations: int = 0
    checksums: set[str] = field(default_factory=set)
    host_ns: list[int] = field(default_factory=list)
    own_ns: list[int] = field(default_factory=list)
    values: dict[str, list[int]] = field(default_factory=dict)
    skipped: str = ""  # why it was not to be run there
    failed: str = ""  # what went wrong


@dataclass
class Record:
    """Everything seen of one peer on one architecture, over all runs."""

    figures: dict[str, Figure] = field(default_factory=dict)
    boot_s: list[float] = field(default_factory=list)
    peak_kib: list[int] = field(default_factory=list)  # sum of VmHWM
    private_kib: list[int] = field(default_factory=list)  # highest Private_* seen
    overhead_kib: list[int] = field(default_factory=list)  # highest resident beside guest RAM
    translated_bytes_s: list[float] = field(default_factory=list)  # while translating
    translating_share: list[float] = field(default_factory=list)  # of the run's time
    problems: list[str] = field(default_factory=list)

    def figure(self, name: str) -> Figure:
        return self.figures.setdefault(name, Figure())


def progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text[:200])
    elif text:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


def family(pid: int) -> Iterable[int]:
    """A process and its descendants, as far as they can be seen."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from family(int(child))
        except OSError:
            continue


def kib(path: str, *keys: str) -> int:
    total = 0
    try:
        for line in Path(path).read_text().splitlines():
            key, _, value = line.partition(":")
            if key in keys:
                total += int(value.split()[0])
    except OSError:
        pass  # it has ended
    return total


def resident_beside(path: str, large_kib: int) -> int:
    """Resident memory outside of mappings of at least that size, the guest's RAM."""
    total = size = 0
    try:
        with open(path) as maps:
            for line in maps:
                if line.startswith("Size:"):
                    size = int(line.split()[1])
                elif line.startswith("Pss:") and size < large_kib:
                    total += int(line.split()[1])
    except OSError:
        pass
    return total


class MemoryGauge(threading.Thread):
    """The peer's memory use, by a thread, since reading it can take long enough to
    spoil a time being taken."""

    def __init__(self, pid: int, guest_mib: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.guest_mib = pid, guest_mib
        self.peak_kib = self.private_kib = self.overhead_kib = 0
        self.done = threading.Event()

    def run(self) -> None:
        rounds = 0
        while True:
            members = list(family(self.pid))
            peak = sum(kib(f"/proc/{p}/status", "VmHWM") for p in members)
            private = sum(
                kib(f"/proc/{p}/smaps_rollup", "Private_Clean", "Private_Dirty") for p in members
            )
            self.peak_kib = max(self.peak_kib, peak)
            self.private_kib = max(self.private_kib, private)
            if rounds % 5 == 2:  # dear: it walks all page tables
                large = self.guest_mib * 1024 // 4  # RAM is mapped in parts around the PCI hole
                beside = sum(resident_beside(f"/proc/{p}/smaps", large) for p in members)
                self.overhead_kib = max(self.overhead_kib, beside)
            rounds += 1
            if self.done.wait(timeout=1):
                break


class Watcher:
    """Reads a peer's output until the line that it is to end with, or until it ends."""

    def __init__(self, record: Record, label: str, limit_s: float, until: str = "BENCH-END") -> None:
        self.record, self.label, self.limit_s, self.until = record, label, limit_s, until
        self.total = 0  # workloads to come, if that is known
        self.started_ns = 0  # of the peer
        self.start_ns: dict[str, int] = {}  # of workloads
        self.running = ""  # the workload that has started and not ended
        self.finished: set[str] = set()  # workloads that need not be tried again
        self.begun = self.ended = False

    def line(self, text: str, arrived_ns: int) -> None:
        record = self.record
        if "BENCH-INIT" in text or "BENCH-BOOT" in text:
            record.boot_s.append((arrived_ns - self.started_ns) / 1e9)
        self.begun |= "BENCH-BEGIN" in text
        if found := START.search(text):
            self.start_ns[found[1]] = arrived_ns
            self.running = found[1]
            count = f" ({len(self.finished) + 1} of {self.total})" if self.total else ""
            progress(f"{self.label}: {found[1]}{count}")
        if found := VALUE.search(text):
            record.figure(found[1]).values.setdefault(found[2], []).append(int(found[3]))
        if (found := RESULT.search(text)) and found[1] in self.start_ns:
            figure = record.figure(found[1])
            figure.iterations = int(found[2])
            figure.own_ns.append(int(found[3]))
            figure.checksums.add(found[4])
            figure.host_ns.append(arrived_ns - self.start_ns[found[1]])
            self.end_of(found[1])
        if found := REFUSED.search(text):
            if found[1] == "skip":
                record.figure(found[2]).skipped = found[3]
            else:
                record.figure(found[2]).failed = found[3]
                record.problems.append(f"{found[2]}: {found[3]}")
            self.end_of(found[2])
        self.ended |= bool(self.until) and self.until in text

    def end_of(self, name: str) -> None:
        self.finished.add(name)
        if self.running == name:
            self.running = ""

    def watch(self, process: subprocess.Popen[bytes], stream: int) -> str:
        """Returns what went wrong, or nothing."""
        pending, line_ns = b"", 0
        last_ns = time.monotonic_ns()
        while not self.ended:
            ready, _, _ = select.select([stream], [], [], 0.25)
            now_ns = time.monotonic_ns()
            if ready:
                data = os.read(stream, 65536)
                if not data:
                    if process.wait() == 0 and not self.until:
                        return ""
                    return f"ended with {process.returncode} before it was done"
                last_ns = now_ns
                for piece in data.splitlines(keepends=True):
                    # A line counts from its first byte: the rest of it takes a
                    # slow serial port a while.
                    line_ns = line_ns if pending else now_ns
                    pending += piece
                    if pending.endswith(b"\n"):
                        self.line(pending.decode("ascii", "replace"), line_ns)
                        pending = b""
            elif process.poll() is not None:
                return f"ended with {process.returncode} before it was done"
            elif now_ns - last_ns > self.limit_s * 1e9:
                return f"no sign of life for {self.limit_s:.0f} s"
        return ""


def note_translation(text: str, record: Record) -> None:
    """What a translator's closing status line says of its translating."""
    for line in reversed(text.splitlines()):
        try:
            status = json.loads(line)
            engines = [engine["translation"] for engine in status["engine"]]
            busy_us = sum(engine["microseconds"] for engine in engines)
            if busy_us:
                record.translated_bytes_s.append(sum(engine["guestBytes"] for engine in engines) / busy_us * 1e6)
                record.translating_share.append(busy_us / 1e6 / status["seconds"])
            return
        except (ValueError, KeyError, TypeError, ZeroDivisionError):
            continue


def stop(process: subprocess.Popen[bytes]) -> None:
    """The peer is a process group of its own; nothing of it may outlive its run."""
    try:
        process.wait(timeout=3)  # a guest that powers off by itself
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_command(
    command: Callable[[], list[str]], work: Path, watcher: Watcher, guest_mib: int, memory: bool
) -> str:
    """Runs until the watcher has seen enough; returns what went wrong, or nothing."""
    progress(f"{watcher.label}: starting")
    try:
        arguments = command()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"cannot be started: {error}"
    fifo = work / "serial"
    with open(work / "stderr", "wb") as errors:
        watcher.started_ns = time.monotonic_ns()
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=errors if fifo.exists() else subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started: {error}"
    if fifo.exists():
        stream = os.open(fifo, os.O_RDWR)  # writing too, so as not to wait for it here
    else:
        assert process.stdout
        stream = process.stdout.fileno()
    gauge = MemoryGauge(process.pid, guest_mib)
    if memory:
        gauge.start()
    try:
        problem = watcher.watch(process, stream)
    finally:
        gauge.done.set()
        if memory:
            gauge.join()
        if watcher.until == "BENCH-BOOT": # it goes on for ever
            os.killpg(process.pid, signal.SIGKILL)
        stop(process)
        if fifo.exists():
            os.close(stream)
        elif process.stdout:
            note_translation(process.stdout.read().decode("ascii", "replace"), watcher.record)
            process.stdout.close()
    if memory:
        watcher.record.peak_kib.append(gauge.peak_kib)
        watcher.record.private_kib.append(gauge.private_kib)
        watcher.record.overhead_kib.append(gauge.overhead_kib)
    if problem:
        tail = (work / "stderr").read_text(errors="replace").splitlines()[-1:]
        problem = ": ".join([problem, *tail])
    return problem
