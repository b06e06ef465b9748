"""How much of each workload is done: found on the host, handed to the guest as a file."""

from __future__ import annotations

import subprocess
from pathlib import Path

Plan = dict[str, int]  # workload -> iterations


def calibrate(program: Path, names: list[str], milliseconds: float, disk: Path | None) -> Plan:
    """As many iterations of each as take that long natively."""
    command = [str(program), "calibrate", "--ms", str(milliseconds), ",".join(names)]
    if disk:
        command += ["--disk", str(disk), "--nvme", str(disk)]
    found: Plan = {}
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in names:
            found[words[0]] = int(words[1])
    return {"empty": 1} | {name: found[name] for name in names if name in found}


def part(plan: Plan, share: float, dear: set[str] = frozenset(), less: float = 1) -> Plan:
    """That share of it, and of the workloads that are dear in a VM only `less` of that."""
    return {
        name: max(1, round(iterations * share * (less if name in dear else 1)))
        for name, iterations in plan.items()
    }


def write(plan: Plan, path: Path) -> None:
    path.write_text("".join(f"{name} {iterations}\n" for name, iterations in plan.items()))


def cpio(name: str, data: bytes) -> bytes:
    """An archive (the "newc" form) of one file; the kernel takes several in a row."""

    def entry(name: str, mode: int, data: bytes) -> bytes:
        fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08X" % x for x in fields) + name.encode() + b"\0"
        return pad(header) + pad(data)

    return entry(name, 0o100644, data) + entry("TRAILER!!!", 0, b"")


def pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def initrd_with(plan: Plan, initrd: Path, target: Path) -> None:
    text = "".join(f"{name} {iterations}\n" for name, iterations in plan.items())
    target.write_bytes(pad(initrd.read_bytes()) + cpio("plan", text.encode()))
