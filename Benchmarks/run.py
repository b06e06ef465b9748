#!/usr/bin/env python3
"""Runs the same programs on the host and in several VMs, and compares the times.

Every peer gets the same binary, kernel and calibrated amounts of work, one after another;
interpreters get a part of the work. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import plan as planning
from harness import report
from harness.peers import GUEST, Bochs, Job, Native, Peer, Qemu, Ringbox
from harness.session import Record, Watcher, progress, run_command

ROOT = Path(__file__).resolve().parent.parent
ARCHES = ("amd64", "i386")
DISK_MIB = 64
# Code that changes takes translators hundreds of times as long as the host.
DEAR, LESS = ("smc", "translation"), 1 / 8
RESTARTS = 3  # of a peer that hangs or dies in a workload, for the workloads after it


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="one run of a quarter of the work: trust the order, not the digits")
    add("--groups", default="all", help="comma-separated; see --list")
    add("--programs", default="", help="workloads, comma-separated; see --list")
    add("--peers", default="ringbox,qemu,bochs", help="what to compare with the host (%(default)s)")
    add("--engine", default="", help="engines of Ringbox, comma-separated (its default engine)")
    add("--arches", default=",".join(ARCHES), help="kinds of guest (%(default)s)")
    add("--runs", type=int, help="medians are over these (3, or 1 with --quick)")
    add("--ms", type=float, help="native time of a workload (200, or 50 with --quick)")
    add("--memory", type=int, default=512, help="of a guest, MiB (%(default)s)")
    add("--cpus", type=int, default=2, help="of a guest (%(default)s)")
    add("--limit", type=float, default=240, help="give a workload up after so many s (%(default)s)")
    add("--no-disk", action="store_true", help="leave the disk workloads out")
    add("--no-machine", action="store_true", help="leave out exits, interrupt latency and firmware")
    add("--ringbox", type=Path, default=ROOT / ".build/release/ringbox")
    add("--ringbox-arg", action="append", default=[], help="one more argument for ringbox run")
    add("--assets", type=Path, default=ROOT / ".build/guest-assets")
    add("--build", type=Path, default=ROOT / ".build/bench", help="where the guest programs are built")
    add("--json", type=Path, default=ROOT / ".build/bench/result.json", metavar="FILE", help="(%(default)s)")
    add("--list", action="store_true", help="list groups and workloads")
    chosen = parser.parse_args()
    chosen.runs = chosen.runs or (1 if chosen.quick else 3)
    chosen.ms = chosen.ms or (50 if chosen.quick else 200)
    if chosen.runs < 1 or chosen.ms <= 0 or chosen.limit <= 0:
        parser.error("--runs, --ms and --limit must be positive")
    if unknown := set(chosen.arches.split(",")) - set(ARCHES):
        parser.error(f"no such kind of guest: {', '.join(sorted(unknown))}")
    return chosen


def build(chosen: argparse.Namespace, vms: bool) -> None:
    """Brings the guest's programs and initrds up to date."""
    assets, target = str(chosen.assets.resolve()), str(chosen.build.resolve())
    subprocess.run([str(GUEST / "libraries.sh"), assets, target], check=True)
    subprocess.run(["make", "-s", "-C", str(GUEST), f"OUT={target}"], check=True, stdout=sys.stderr)
    if vms:
        subprocess.run([str(GUEST / "initrd.sh"), assets, target], check=True)


def select(chosen: argparse.Namespace) -> dict[str, list[str]]:
    """The chosen workloads by group."""
    program = chosen.build.resolve() / "amd64" / "ringbox-bench"
    listing = subprocess.run([str(program), "list"], check=True, capture_output=True, text=True)
    groups: dict[str, list[str]] = {}
    for line in listing.stdout.splitlines():
        group, name, _ = line.split()
        if group != "overhead":
            groups.setdefault(group, []).append(name)
    known = {name for names in groups.values() for name in names}
    programs = {name for name in chosen.programs.split(",") if name}
    wanted = set() if programs and chosen.groups == "all" else set(chosen.groups.split(","))
    if unknown := (wanted - set(groups) - {"all", "none"}) | (programs - known):
        sys.exit(f"no such group or workload: {', '.join(sorted(unknown))} (see --list)")
    picked = {
        group: [n for n in names if n in programs or wanted & {"all", group}]
        for group, names in groups.items()
        if not (chosen.no_disk and group == "disk")
    }
    return {group: names for group, names in picked.items() if names}


def chosen_peers(chosen: argparse.Namespace) -> tuple[list[Peer], dict[str, str]]:
    """Those that can run here, the host first, and why others cannot."""
    ringbox = [
        Ringbox(chosen.ringbox.resolve(), engine, chosen.memory, chosen.cpus, chosen.ringbox_arg)
        for engine in chosen.engine.split(",")
    ]
    families: dict[str, list[Peer]] = {
        "native": [Native()],
        "ringbox": [*ringbox],
        "qemu": [Qemu(chosen.memory, chosen.cpus)],
        "bochs": [Bochs(chosen.memory)],
    }
    wanted = {"native", *(p for p in chosen.peers.split(",") if p)}  # all else is relative to native
    if unknown := wanted - set(families):
        sys.exit(f"no such peer: {', '.join(sorted(unknown))} (there are: {', '.join(families)})")
    peers: list[Peer] = []
    absent: dict[str, str] = {}
    for family, members in families.items():
        for peer in members if family in wanted else []:
            if reason := peer.missing():
                absent[peer.name] = reason
            else:
                peers.append(peer)
    return peers, absent


def make_disk(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(bytes(DISK_MIB << 20))
        os.fsync(file.fileno())  # not to be written back while being measured


class Bench:
    """All runs, on all architectures."""

    def __init__(self, chosen: argparse.Namespace, peers: list[Peer], groups: dict[str, list[str]]) -> None:
        self.chosen, self.peers, self.groups = chosen, peers, groups
        self.names = [name for members in groups.values() for name in members]
        self.disk = bool({"disk", "smc"} & set(groups)) and not chosen.no_disk

    def workloads(self, arch: str) -> report.Results:
        results = report.Results(self.peers, {peer.name: Record() for peer in self.peers})
        with tempfile.TemporaryDirectory(prefix="ringbox-bench-") as directory:
            disk = Path(directory) / "disk"
            if self.disk:
                make_disk(disk)
            progress(f"{arch}: calibrating")
            program = self.chosen.build.resolve() / arch / "ringbox-bench"
            full = planning.calibrate(program, self.names, self.chosen.ms, disk if self.disk else None)
        host = self.peers[0]
        plans = {peer.name: self.plan(peer, full) for peer in self.peers}
        for plan in {tuple(plan.items()): plan for name, plan in plans.items() if plan != full}.values():
            # Only for what comes out: the times of so little work are not used.
            record = Record()
            self.run(host, arch, plan, record, f"{arch} native, as little as others")
            results.expect(record)
        for run in range(1, self.chosen.runs + 1):
            for peer in self.peers:
                label = f"{arch} {peer.name} run {run}/{self.chosen.runs}"
                self.run(peer, arch, plans[peer.name], results.records[peer.name], label)
        results.expect(results.records[host.name])
        return results

    def plan(self, peer: Peer, full: planning.Plan) -> planning.Plan:
        dear = {name for group in DEAR for name in self.groups.get(group, [])}
        return planning.part(full, peer.share, dear, LESS) if peer.is_vm else full

    def run(self, peer: Peer, arch: str, plan: planning.Plan, record: Record, label: str) -> None:
        """One run; after a hang or a crash the workloads behind it get a machine of their own."""
        left = dict(plan)
        for _ in range(RESTARTS + 1):
            with tempfile.TemporaryDirectory(prefix="ringbox-bench-") as directory:
                work = Path(directory)
                watcher = Watcher(record, label, self.chosen.limit, "BENCH-END" if peer.is_vm else "")
                watcher.total = len(left)
                problem = run_command(
                    lambda: peer.command(self.job(peer, arch, left, work)),
                    work, watcher, self.chosen.memory, peer.is_vm,
                )  # fmt: skip
            if not problem:
                return
            where = watcher.running or ("the start" if not watcher.begun and peer.is_vm else "between workloads")
            record.problems.append(f"{where}: {problem}")
            if watcher.running:
                record.figure(watcher.running).failed = problem
                watcher.finished.add(watcher.running)
            left = {name: count for name, count in left.items() if name not in watcher.finished}
            if not watcher.finished or not left:
                break
            left = {"empty": 1} | left
        for name in left:
            if name != "empty" and not record.figure(name).host_ns:
                record.figure(name).failed = record.figure(name).failed or "not reached"

    def job(self, peer: Peer, arch: str, plan: planning.Plan, work: Path) -> Job:
        assets = self.chosen.assets.resolve() / arch
        job = Job(
            binary=self.chosen.build.resolve() / arch / "ringbox-bench",
            kernel=assets / "linux",
            initrd=work / "initrd.gz",
            plan=work / "plan",
            disk=work / "disk" if self.disk else None,
            nvme=work / "nvme" if self.disk and "disk" in self.groups else None,
            work=work,
        )
        planning.write(plan, job.plan)
        if peer.is_vm:
            planning.initrd_with(plan, assets / "bench.gz", job.initrd)
        for path in filter(None, (job.disk, job.nvme)):
            make_disk(path)
        return job

    def machine(self) -> tuple[report.Results, dict[str, Record]]:
        """The guest without an operating system, and the firmware's start."""
        results = report.Results(self.peers, {peer.name: Record() for peer in self.peers})
        firmware = {peer.name: Record() for peer in self.peers}
        build_dir = self.chosen.build.resolve()
        for run in range(1, self.chosen.runs + 1):
            for peer in self.peers[1:]:
                percent = max(2, round((25 if self.chosen.quick else 100) * min(1.0, peer.share * 4)))
                self.one(
                    f"machine {peer.name} run {run}/{self.chosen.runs}", results.records[peer.name], "BENCH-END",
                    lambda work: peer.bare_command(build_dir / "machine.elf", f"share={percent}", work),
                )  # fmt: skip
                self.one(
                    f"firmware {peer.name} run {run}/{self.chosen.runs}", firmware[peer.name], "BENCH-BOOT",
                    lambda work: peer.firmware_command(build_dir / "boot.img", work),
                )  # fmt: skip
        return results, firmware

    def one(self, label: str, record: Record, until: str, command) -> None:
        with tempfile.TemporaryDirectory(prefix="ringbox-bench-") as directory:
            work = Path(directory)
            watcher = Watcher(record, label, min(self.chosen.limit, 120), until)
            problem = run_command(lambda: command(work), work, watcher, self.chosen.memory, False)
            if problem:
                where = watcher.running or label.split()[0]
                record.problems.append(f"{where}: {problem}")
                if watcher.running:
                    record.figure(watcher.running).failed = problem


def host_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def complain(title: str, records: dict[str, Record]) -> bool:
    found = False
    for name, record in records.items():
        for problem in record.problems:
            print(f"{title} {name}: {problem}", file=sys.stderr)
            found = True
    return found


def main() -> int:
    chosen = options()
    build(chosen, vms=bool(chosen.peers) and not chosen.list)
    groups = select(chosen)
    if chosen.list:
        for group, names in groups.items():
            print(f"{group}: {' '.join(names)}")
        return 0
    peers, absent = chosen_peers(chosen)
    for name, reason in absent.items():
        print(f"{name}: left out: {reason}", file=sys.stderr)
    result: dict[str, object] = {
        "host": host_name(), "kernel": platform.release(), "cpus": os.cpu_count(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": os.getloadavg(),
        "native_ms": chosen.ms, "runs": chosen.runs, "memory_mib": chosen.memory, "absent": absent,
        "shares": {peer.name: peer.share for peer in peers},
    }  # fmt: skip
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 4:
        print(f"the host is busy (load {os.getloadavg()[0]:.1f}): trust the order, not the digits", file=sys.stderr)
    bench = Bench(chosen, peers, groups)
    failed = any(name.startswith("ringbox") for name in absent)  # it is what this is for
    title = [peer.name for peer in peers]
    for arch in chosen.arches.split(",") if groups else []:
        results = bench.workloads(arch)
        progress("")
        rows = [[arch, *title], *report.workload_rows(results, groups)]
        rows += report.absolute_rows(results) + report.start_rows(results)
        report.print_table(rows)
        failed |= complain(arch, results.records)
        failed |= any(results.is_wrong(p, n) for p in peers for n in bench.names)
        result[arch] = {
            "ratios": results.ratios,
            "peers": {name: report.plain(record) for name, record in results.records.items()},
        }
    if not chosen.no_machine and len(peers) > 1:
        results, firmware = bench.machine()
        progress("")
        report.print_table([["machine", *title], *report.machine_rows(results, firmware)])
        failed |= complain("machine", results.records)
        failed |= complain("firmware", firmware)
        result["machine"] = {name: report.plain(record) for name, record in results.records.items()}
        result["firmware"] = {name: report.plain(record) for name, record in firmware.items()}
    if any(not peer.keeps_time for peer in peers):
        print("* by the guest's own clock, which is not the world's there")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    print(f"written: {chosen.json}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
