#!/usr/bin/env python3
"""Boots Debian in a VM and lets real programs prove that its processor is right.

Each proof (see guest-proof/runner.sh) runs inside the guest, which has two processors; what must
come out was computed on the host. Ends with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tools/guest-proof"))
import inputs  # noqa: E402 (it lies beside this file's data)

PYTHON = ["math", "float", "decimal", "struct", "zlib", "hashlib", "threading", "subprocess", "mmap"]
PROOFS = [
    "programs", "programs-32", "smc", "smc-32", "gdb-watch", "openssl-dgst", "openssl-enc", "openssl-sign",
    "gcc", "luajit", *[f"python-{name}" for name in PYTHON], "openssl-speed", "stress-vm", "stress-cpu",
]  # fmt: skip

# The short form is for every day: all of the kinds, little of each.
SHORT = [
    "programs", "smc", "smc-32", "gdb-watch", "openssl-dgst", "openssl-enc", "openssl-sign", "gcc", "luajit",
    "python-struct", "python-mmap", "openssl-speed", "stress-vm", "stress-cpu",
]  # fmt: skip
SHORT_CPU = "ackermann bitops crc16 double euler fft float128 gamma fletcher16 idct int64 jmp matrixprod nsqrt prime queens rand sieve trig"
SHORT_VM = "flip galpat-0 gray incdec checkerboard modulo-x move-inv ror rowhammer swap walk-1d write64"

GRACE_S = 60  # a guest bounds its proofs itself; what it may need beyond that

RESULT = re.compile(r"PROOF ([\w-]+) (ok|FAIL)(?: (\d+))? ?([^\r\n]*)")
START = re.compile(r"PROOF-START ([\w-]+)")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--vm", choices=["ringbox", "qemu"], default="ringbox", help="qemu shows that the proofs themselves are right")
    add("--engine", default="", help="Ringbox's (its default engine)")
    add("--short", action="store_true", help="a part of each kind of proof, with little work")
    add("--proofs", default="", help=f"comma-separated, of: {' '.join(PROOFS)}")
    add("--limit", type=int, help="s for one proof (3600, or 900 with --short)")
    add("--boot-limit", type=int, default=600, help="s until the first proof starts (%(default)s)")
    add("--stress-seconds", type=int, help="s for each method of a stressor (10, or 3)")
    add("--stress-ops", type=int, help="operations at most for each method and processor (20, or 2)")
    add("--openssl-seconds", type=int, help="s for each algorithm (2, or 1)")
    add("--smc-scale", type=float, help="amount of self-modifying code (1, or 0.1)")
    add("--share", type=float, help="amount of work of the programs (1, or 0.1)")
    add("--memory", type=int, default=1024, help="MiB (%(default)s)")
    add("--cpus", type=int, default=2, help="(%(default)s)")
    add("--assets", type=Path, default=ROOT / ".build/guest-assets")
    add("--bench", type=Path, default=ROOT / ".build/bench", help="where the guest programs are built")
    add("--ringbox", type=Path, default=ROOT / ".build/release/ringbox")
    add("--vm-arg", action="append", default=[], help="one more argument for the VM")
    add("--log", type=Path, help="keep all that the guest says there")
    add("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    for name, full, short in (
        ("limit", 3600, 900), ("stress_seconds", 10, 3), ("stress_ops", 20, 2), ("openssl_seconds", 2, 1),
        ("smc_scale", 1.0, 0.1), ("share", 1.0, 0.1),
    ):  # fmt: skip
        if getattr(chosen, name) is None:
            setattr(chosen, name, short if chosen.short else full)
    chosen.proofs = [p for p in chosen.proofs.split(",") if p] or (SHORT if chosen.short else PROOFS)
    if unknown := set(chosen.proofs) - set(PROOFS):
        parser.error(f"no such proof: {', '.join(sorted(unknown))}")
    return chosen


def prepare(chosen: argparse.Namespace) -> None:
    """Disk, initrd and guest programs, brought up to date."""
    guest, assets, bench = ROOT / "Benchmarks/guest", str(chosen.assets.resolve()), str(chosen.bench.resolve())
    subprocess.run([str(ROOT / "Tools/guest-assets/proof-disk.sh"), assets], check=True)
    subprocess.run([str(guest / "libraries.sh"), assets, bench], check=True)
    subprocess.run(["make", "-s", "-C", str(guest), f"OUT={bench}"], check=True, stdout=sys.stderr)
    if not shutil.which("openssl"):
        sys.exit("guest-proof: needs 'openssl', which is not installed")


def config(chosen: argparse.Namespace) -> dict[str, object]:
    return {
        "proofs": " ".join(chosen.proofs), "limit": chosen.limit, "stress_seconds": chosen.stress_seconds,
        "stress_ops": chosen.stress_ops, "stress_memory": "16m" if chosen.short else "64m",
        "stress_cpu_methods": SHORT_CPU if chosen.short else "", "stress_vm_methods": SHORT_VM if chosen.short else "",
        "openssl_seconds": chosen.openssl_seconds, "smc_scale": chosen.smc_scale,
    }  # fmt: skip


def command(chosen: argparse.Namespace, disk: Path) -> list[str]:
    root, kernel = chosen.assets / "proof/disk.img", chosen.assets / "amd64/linux"
    initrd, line = chosen.assets / "proof/initrd.gz", "console=ttyS0 quiet panic=-1"
    if chosen.vm == "qemu":
        drives = [
            argument for n, path in enumerate((root, disk))
            for argument in (
                "-drive", f"file={path},format=raw,if=none,id=d{n},snapshot=on",
                "-device", f"virtio-blk-pci,drive=d{n},disable-legacy=on",
            )
        ]  # fmt: skip
        return [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", str(chosen.memory), "-smp", str(chosen.cpus),
            "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", str(kernel),
            "-initrd", str(initrd), "-append", line, *drives, *chosen.vm_arg,
        ]  # fmt: skip
    engine = ["--engine", chosen.engine] if chosen.engine else []
    return [
        str(chosen.ringbox), "run", "--memory", f"{chosen.memory}M", "--cpus", str(chosen.cpus), *engine,
        "--kernel", str(kernel), "--initrd", str(initrd), "--append", line, "--serial", "stdio", "--display", "none",
        "--disk", f"{root},if=virtio,snapshot", "--disk", f"{disk},if=virtio,snapshot", *chosen.vm_arg,
    ]  # fmt: skip


class Session:
    """Reads what the guest says until it has ended, or is given up."""

    def __init__(self, chosen: argparse.Namespace, log) -> None:
        self.chosen, self.log = chosen, log
        self.results: dict[str, dict[str, object]] = {}
        self.running = ""
        self.ended = False
        self.remarks: list[str] = []

    def line(self, text: str) -> None:
        self.log.write(text)
        self.log.flush()
        if found := START.search(text):
            self.running = found[1]
        elif found := RESULT.search(text):
            name, verdict, seconds, seen = found.groups()
            self.results[name] = {"ok": verdict == "ok", "seconds": int(seconds or 0), "seen": seen.strip()}
            self.running = ""
            print(f"{name}: {'ok' if verdict == 'ok' else 'FAILED'}, {seconds or 0} s: {seen.strip()}", flush=True)
        elif "PROOF-END" in text:
            self.ended = True
        elif "KERNEL " in text or "Kernel panic" in text:
            self.remarks.append(text.strip())

    def watch(self, process: subprocess.Popen[bytes]) -> str:
        """Returns why it was given up, or nothing."""
        assert process.stdout
        stream, pending = process.stdout.fileno(), b""
        last = time.monotonic()
        while not self.ended:
            ready, _, _ = select.select([stream], [], [], 1)
            if ready:
                data = os.read(stream, 65536)
                if not data:
                    return f"the VM ended with {process.wait()}"
                last = time.monotonic()
                pending += data
                *lines, pending = pending.split(b"\n")
                for piece in lines:
                    self.line(piece.decode("ascii", "replace") + "\n")
            bound = self.chosen.limit + GRACE_S if self.running or self.results else self.chosen.boot_limit
            if time.monotonic() - last > bound:
                return f"the guest said nothing for {bound} s"
        return ""


def run(chosen: argparse.Namespace, work: Path) -> tuple[Session, str]:
    disk = inputs.make(work, chosen.bench.resolve(), config(chosen), chosen.share, 200_000 if chosen.short else 4_000_000)
    with open(chosen.log or work / "log", "w") as log, open(work / "errors", "wb") as errors:
        session = Session(chosen, log)
        process = subprocess.Popen(
            command(chosen, disk), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            problem = session.watch(process)
            if not problem:
                process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            session.remarks.append("the guest did not power off")
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    if problem:
        tail = (work / "errors").read_text(errors="replace").splitlines()[-1:]
        problem = ": ".join([problem, *tail])
    return session, problem


def main() -> int:
    chosen = options()
    prepare(chosen)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ringbox-proof-") as directory:
        session, problem = run(chosen, Path(directory))
    if problem:
        where = session.running or ("the end" if session.results else "the start")
        print(f"FAILED: {where}: {problem}")
    for remark in session.remarks:
        print(f"remark: {remark}")
    for name in chosen.proofs:
        if name not in session.results:
            session.results[name] = {"ok": False, "seconds": 0, "seen": problem if name == session.running else "not reached"}
            print(f"{name}: FAILED: {session.results[name]['seen']}")
    passed = sum(1 for result in session.results.values() if result["ok"])
    failed = len(session.results) - passed
    if chosen.json:
        everything = {"vm": chosen.vm, "engine": chosen.engine, "proofs": session.results, "remarks": session.remarks}
        chosen.json.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
