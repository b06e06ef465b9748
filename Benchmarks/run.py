#!/usr/bin/env python3
"""Runs ringbox-bench natively and in several VMs, and compares the times.

Every peer gets the same binary, kernel and amounts of work, one after another.
A VM's times are taken by the host's clock, from when the "start" line of a
workload arrives to when its result begins to arrive, less what an empty workload
takes: some VMs' own clocks run at another speed than the world's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUEST = ROOT / "Benchmarks" / "guest"
ARCHES = ("amd64", "i386")
DISK_MIB = 64

# A kernel message may share the line, so these are searched for, not matched.
START = re.compile(r"\bstart ([\w-]+)")
RESULT = re.compile(r"\bbench ([\w-]+) (\d+) (\d+) ([0-9a-f]{16})")
REFUSED = re.compile(r"\b(skip|fail) ([\w-]+) ([^\r\n]+)")


@dataclass
class Figure:
    """One workload on one peer, over all runs."""

    iterations: int = 0
    checksums: set[str] = field(default_factory=set)
    host_ns: list[int] = field(default_factory=list)
    own_ns: list[int] = field(default_factory=list)
    refused: str = ""


@dataclass
class Record:
    """Everything seen of one peer on one architecture, over all runs."""

    figures: dict[str, Figure] = field(default_factory=dict)
    boot_s: list[float] = field(default_factory=list)
    peak_kib: list[int] = field(default_factory=list)  # sum of VmHWM
    private_kib: list[int] = field(default_factory=list)  # highest Private_* seen
    problems: list[str] = field(default_factory=list)


@dataclass
class Job:
    """One start of one peer."""

    arch: str
    binary: Path
    kernel: Path
    initrd: Path
    arguments: list[str]  # for ringbox-bench, without --disk
    disk: Path | None
    work: Path  # a directory of its own


def progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text)
    else:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


# ---------------------------------------------------------------- the peers


class Peer:
    """How to start one VM. A new peer needs only these methods."""

    name = ""
    guest_disk = "/dev/vda"
    is_vm = True

    def missing(self) -> str:
        """Why this peer cannot run here; empty when it can."""
        raise NotImplementedError

    def command(self, job: Job) -> list[str]:
        """The command. It writes the guest's serial port to standard output,
        or else to a FIFO it makes as job.work/"serial"."""
        raise NotImplementedError

    def guest_arguments(self, job: Job) -> list[str]:
        return job.arguments + (["--disk", self.guest_disk] if job.disk else [])

    def command_line(self, job: Job) -> str:
        # Only a panic is to be heard, and to end the machine. iomem=relaxed lets the
        # MMIO workload map a register that a driver owns.
        options = ["console=ttyS0", "quiet", "loglevel=1", "panic=-1", "iomem=relaxed"]
        return " ".join([*options, "--", *self.guest_arguments(job)])


class Native(Peer):
    name = "native"
    is_vm = False

    def missing(self) -> str:
        return ""

    def command(self, job: Job) -> list[str]:
        disk = ["--disk", str(job.disk)] if job.disk else []
        return [str(job.binary), *job.arguments, *disk]


class Ringbox(Peer):
    name = "ringbox"

    def __init__(self, program: Path, memory_mib: int, cpus: int, extra: list[str]) -> None:
        self.program, self.memory_mib, self.cpus, self.extra = program, memory_mib, cpus, extra

    def missing(self) -> str:
        return "" if os.access(self.program, os.X_OK) else f"no {self.program}"

    def command(self, job: Job) -> list[str]:
        disk = ["--disk", str(job.disk)] if job.disk else []
        return [
            str(self.program), "run", "--memory", f"{self.memory_mib}M", "--cpus", str(self.cpus),
            "--kernel", str(job.kernel), "--initrd", str(job.initrd),
            "--append", self.command_line(job), "--serial", "stdio", "--display", "none",
            *disk, *self.extra,
        ]  # fmt: skip


class Qemu(Peer):
    name = "qemu"
    program = "qemu-system-x86_64"

    def __init__(self, memory_mib: int, cpus: int) -> None:
        self.memory_mib, self.cpus = memory_mib, cpus

    def missing(self) -> str:
        return "" if shutil.which(self.program) else f"no {self.program} (qemu-system-x86)"

    def command(self, job: Job) -> list[str]:
        disk = ["-drive", f"file={job.disk},format=raw,if=virtio"] if job.disk else []
        return [
            self.program, "-accel", "tcg", "-cpu", "max", "-m", str(self.memory_mib),
            "-smp", str(self.cpus), "-nodefaults", "-display", "none", "-serial", "stdio",
            "-no-reboot", "-kernel", str(job.kernel), "-initrd", str(job.initrd),
            "-append", self.command_line(job), *disk,
        ]  # fmt: skip


class Bochs(Peer):
    """Debian's Bochs: one processor, from a CD, and built with its debugger, which
    has to be told to continue."""

    name = "bochs"
    guest_disk = "/dev/sda"
    share = Path("/usr/share/bochs")

    def __init__(self, memory_mib: int) -> None:
        self.memory_mib = memory_mib

    def missing(self) -> str:
        absent = [t for t in ("bochs", "grub-mkrescue", "xorriso") if not shutil.which(t)]
        return f"no {', '.join(absent)}" if absent else ""

    def command(self, job: Job) -> list[str]:
        image, serial = job.work / "boot.iso", job.work / "serial"
        script = [GUEST / "iso.sh", image, job.kernel, job.initrd, self.command_line(job)]
        subprocess.run([str(part) for part in script], check=True)
        os.mkfifo(serial)
        disk = f"ata0-master: type=disk, path={job.disk}, mode=flat" if job.disk else ""
        # Display: the VNC server not waiting for a viewer is the one in Debian's
        # package that needs no screen. Sound: Bochs 2.7 overruns a buffer trying
        # to open a sound card where there is none.
        configuration = f"""\
config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
cpu: model=corei7_haswell_4770, count=1, ips=100000000
memory: guest={self.memory_mib}, host={self.memory_mib}
romimage: file={self.share}/BIOS-bochs-latest
vgaromimage: file={self.share}/VGABIOS-lgpl-latest
{disk}
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path={image}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
clock: sync=none
log: {job.work}/log
panic: action=fatal
error: action=ignore
info: action=ignore
"""
        (job.work / "rc").write_text(configuration)
        (job.work / "debugger").write_text("c\n")
        return ["bochs", "-q", "-f", str(job.work / "rc"), "-rc", str(job.work / "debugger")]


# ---------------------------------------------------------------- one run


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


class MemoryGauge(threading.Thread):
    """The peer's memory use, by a thread, since reading it can take long enough to
    spoil a time being taken."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_kib = self.private_kib = 0
        self.done = threading.Event()

    def run(self) -> None:
        while True:
            members = list(family(self.pid))
            peak = sum(kib(f"/proc/{p}/status", "VmHWM") for p in members)
            private = sum(
                kib(f"/proc/{p}/smaps_rollup", "Private_Clean", "Private_Dirty") for p in members
            )
            self.peak_kib = max(self.peak_kib, peak)
            self.private_kib = max(self.private_kib, private)
            if self.done.wait(timeout=1):
                break


class Watcher:
    """Reads a peer's output until the benchmark has ended."""

    def __init__(self, record: Record, label: str, silence_s: float) -> None:
        self.record, self.label, self.silence_s = record, label, silence_s
        self.started_ns = 0  # of the peer
        self.start_ns: dict[str, int] = {}  # of workloads
        self.ended = False

    def line(self, text: str, arrived_ns: int) -> None:
        if "BENCH-INIT" in text:
            self.record.boot_s.append((arrived_ns - self.started_ns) / 1e9)
        if found := START.search(text):
            self.start_ns[found[1]] = arrived_ns
            progress(f"{self.label}: {found[1]}")
        if (found := RESULT.search(text)) and found[1] in self.start_ns:
            figure = self.record.figures.setdefault(found[1], Figure())
            figure.iterations = int(found[2])
            figure.own_ns.append(int(found[3]))
            figure.checksums.add(found[4])
            figure.host_ns.append(arrived_ns - self.start_ns[found[1]])
        if found := REFUSED.search(text):
            self.record.figures.setdefault(found[2], Figure()).refused = found[3]
        self.ended |= "BENCH-END" in text

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
                    return "" if process.wait() == 0 else f"ended with {process.returncode}"
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
                return f"ended with {process.returncode}"
            elif now_ns - last_ns > self.silence_s * 1e9:
                return f"silent for {self.silence_s:.0f} s"
        return ""


def stop(process: subprocess.Popen[bytes]) -> None:
    """The peer is a process group of its own; nothing of it may outlive its run."""
    try:
        process.wait(timeout=5)  # a guest that powers off by itself
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_once(peer: Peer, job: Job, record: Record, label: str, silence_s: float) -> None:
    watcher = Watcher(record, label, silence_s)
    progress(f"{label}: starting")
    command = peer.command(job)
    fifo = job.work / "serial"
    with open(job.work / "stderr", "wb") as errors:
        own_output = -1 if fifo.exists() else subprocess.PIPE
        watcher.started_ns = time.monotonic_ns()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=errors if fifo.exists() else own_output,
            stderr=errors,
            start_new_session=True,
        )
    if fifo.exists():
        stream = os.open(fifo, os.O_RDWR)  # writing too, so as not to wait for it here
    else:
        assert process.stdout
        stream = process.stdout.fileno()
    gauge = MemoryGauge(process.pid)
    gauge.start()
    try:
        problem = watcher.watch(process, stream)
    finally:
        gauge.done.set()
        gauge.join()
        stop(process)
    if problem:
        tail = (job.work / "stderr").read_text(errors="replace").splitlines()[-1:]
        record.problems.append(": ".join([problem, *tail]))
    if fifo.exists():
        os.close(stream)
    if peer.is_vm:
        record.peak_kib.append(gauge.peak_kib)
        record.private_kib.append(gauge.private_kib)


# ---------------------------------------------------------------- the results


def times(record: Record, peer: Peer, name: str) -> float | None:
    """The median time of one workload in nanoseconds."""
    figure = record.figures.get(name)
    if not figure or not figure.host_ns:
        return None
    if not peer.is_vm:
        return statistics.median(figure.own_ns)
    empty = record.figures.get("empty")
    overhead = statistics.median(empty.host_ns) if empty and empty.host_ns else 0
    return max(statistics.median(figure.host_ns) - overhead, 1)


def number(value: float | None, form: Callable[[float], str]) -> str:
    return "-" if value is None else form(value)


def ratio_text(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def duration_text(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def report(
    arch: str, peers: list[Peer], records: dict[str, Record], groups: dict[str, list[str]]
) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """The rows of one architecture's table, and all ratios by peer and row."""
    native = next(p for p in peers if not p.is_vm)
    vms = [p for p in peers if p.is_vm]
    ratios: dict[str, dict[str, float]] = {p.name: {} for p in vms}
    rows = [[arch, "native", *(p.name for p in vms)]]
    notes: list[list[str]] = []
    for group, names in groups.items():
        collected: dict[str, list[float]] = {p.name: [] for p in vms}
        for name in names:
            base = times(records["native"], native, name)
            expected = records["native"].figures.get(name, Figure()).checksums
            row = [f"  {name}", number(base, duration_text)]
            for peer in vms:
                figure = records[peer.name].figures.get(name, Figure())
                value = times(records[peer.name], peer, name)
                text = "-"
                if value is not None and base is not None:
                    ratios[peer.name][name] = value / base
                    collected[peer.name].append(value / base)
                    text = ratio_text(value / base)
                elif value is not None:  # nothing to compare with: one operation
                    text = duration_text(value / figure.iterations)
                if expected and figure.checksums - expected:
                    text += " WRONG"
                row.append(text)
            rows.append(row)
        means = [f"{group} (geometric mean)", ""]
        for peer in vms:
            values = collected[peer.name]
            if values:
                ratios[peer.name][f"group:{group}"] = statistics.geometric_mean(values)
            means.append(number(ratios[peer.name].get(f"group:{group}"), ratio_text))
        if any(collected.values()):
            rows.append(means)

    def each(label: str, value: Callable[[Peer], float | None], form: Callable[[float], str]) -> None:
        notes.append([label, *(number(value(p), form) for p in (native, *vms))])

    def scaling(peer: Peer) -> float | None:
        solo, both = (times(records[peer.name], peer, n) for n in ("solo", "parallel-2"))
        return 2 * solo / both if solo and both else None

    def median_of(values: list[float] | list[int]) -> float | None:
        return statistics.median(values) if values else None

    each("2-CPU speed-up", scaling, lambda x: f"{x:.2f}")
    each("boot to first instruction", lambda p: median_of(records[p.name].boot_s), lambda s: f"{s:.2f} s")
    each("peak resident", lambda p: median_of(records[p.name].peak_kib), lambda k: f"{k / 1024:.0f} MiB")
    each("peak private", lambda p: median_of(records[p.name].private_kib), lambda k: f"{k / 1024:.0f} MiB")
    return rows + notes, ratios


def print_table(rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())
    print()


# ---------------------------------------------------------------- the command


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--peers", default="native,ringbox,qemu,bochs", help="(%(default)s)")
    parser.add_argument("--arches", default=",".join(ARCHES), help="(%(default)s)")
    parser.add_argument("--workloads", default="all", help="names or groups, comma-separated")
    parser.add_argument("--scale", type=float, default=1, help="amount of work (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="medians are over these (%(default)s)")
    parser.add_argument("--memory", type=int, default=512, help="of a guest, MiB (%(default)s)")
    parser.add_argument("--cpus", type=int, default=2, help="of a guest (%(default)s)")
    parser.add_argument("--no-disk", action="store_true", help="leave the disk workloads out")
    parser.add_argument("--ringbox", type=Path, default=ROOT / ".build/release/ringbox")
    parser.add_argument("--ringbox-arg", action="append", default=[], help="one more argument")
    parser.add_argument("--assets", type=Path, default=ROOT / ".build/guest-assets")
    parser.add_argument("--build", type=Path, default=ROOT / ".build/bench")
    parser.add_argument("--silence", type=float, default=300, help="give up after (%(default)s s)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def build(chosen: argparse.Namespace) -> dict[str, list[str]]:
    """Brings binaries and initrds up to date; returns the chosen workloads by group."""
    build_dir, assets = chosen.build.resolve(), chosen.assets.resolve()
    make = ["make", "-s", "-C", str(GUEST), f"OUT={build_dir}"]
    subprocess.run(make, check=True, stdout=sys.stderr)
    if chosen.peers != "native":
        subprocess.run([str(GUEST / "initrd.sh"), str(assets), str(build_dir)], check=True)
    listing = subprocess.run(
        [str(build_dir / "amd64" / "ringbox-bench"), "list"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    wanted = set(chosen.workloads.split(","))
    groups: dict[str, list[str]] = {}
    for line in listing.stdout.splitlines():
        group, name = line.split()
        if group != "overhead" and wanted & {"all", group, name}:
            groups.setdefault(group, []).append(name)
    if chosen.no_disk:
        groups.pop("disk", None)
    return groups


def make_disk(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(bytes(DISK_MIB << 20))
        os.fsync(file.fileno())  # not to be written back while being measured


def host_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> int:
    chosen = options()
    available: list[Peer] = [
        Native(),
        Ringbox(chosen.ringbox.resolve(), chosen.memory, chosen.cpus, chosen.ringbox_arg),
        Qemu(chosen.memory, chosen.cpus),
        Bochs(chosen.memory),
    ]
    wanted = {"native", *chosen.peers.split(",")}  # all else is relative to native
    if unknown := wanted - {p.name for p in available}:
        sys.exit(f"no such peer: {', '.join(unknown)}")
    peers: list[Peer] = []
    for peer in available:
        if peer.name in wanted:
            if reason := peer.missing():
                print(f"{peer.name}: skipped: {reason}", file=sys.stderr)
            else:
                peers.append(peer)
    groups = build(chosen)
    if not groups:
        sys.exit(f"no such workload: {chosen.workloads}")
    names = [name for members in groups.values() for name in members]
    result: dict[str, object] = {
        "host": host_name(), "kernel": platform.release(), "cpus": os.cpu_count(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "scale": chosen.scale, "runs": chosen.runs, "memory_mib": chosen.memory,
    }  # fmt: skip
    wrong = False
    for arch in chosen.arches.split(","):
        records = {peer.name: Record() for peer in peers}
        for run in range(1, chosen.runs + 1):
            for peer in peers:
                with tempfile.TemporaryDirectory(prefix="ringbox-bench-") as directory:
                    disk = Path(directory) / "disk"
                    if "disk" in groups:
                        make_disk(disk)
                    job = Job(
                        arch=arch,
                        binary=chosen.build.resolve() / arch / "ringbox-bench",
                        kernel=chosen.assets.resolve() / arch / "linux",
                        initrd=chosen.assets.resolve() / arch / "bench.gz",
                        arguments=[",".join(["empty", *names]), "--scale", str(chosen.scale)],
                        disk=disk if "disk" in groups else None,
                        work=Path(directory),
                    )
                    label = f"{arch} {peer.name} run {run}/{chosen.runs}"
                    run_once(peer, job, records[peer.name], label, chosen.silence)
        progress("")
        rows, ratios = report(arch, peers, records, groups)
        print_table(rows)
        for peer in peers:
            for problem in records[peer.name].problems:
                print(f"{arch} {peer.name}: {problem}", file=sys.stderr)
                wrong = True
        result[arch] = {
            "ratios": ratios,
            "peers": {name: plain(record) for name, record in records.items()},
        }
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    return 1 if wrong else 0


def plain(record: Record) -> dict[str, object]:
    """A record as JSON can hold it."""
    figures = {
        name: {**vars(figure), "checksums": sorted(figure.checksums)}
        for name, figure in record.figures.items()
    }
    return {**vars(record), "figures": figures}


if __name__ == "__main__":
    sys.exit(main())
