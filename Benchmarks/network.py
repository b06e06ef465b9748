#!/usr/bin/env python3
"""TCP throughput and ping latency between a guest and the host, through the NAT, of Ringbox and QEMU one after another.

Same kernel, initrd, card and TCP/IP stack (libslirp, as Debian has it). iperf3 runs on both sides: as server on the host's
loopback address, as client in the guest. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = {"virtio": "virtio-net-pci", "e1000": "e1000", "pcnet": "pcnet"}
ROUTER = "10.0.2.2"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--cards", default="virtio,e1000", help="of " + ", ".join(MODELS) + " (%(default)s)")
    add("--peers", default="ringbox,qemu", help="(%(default)s)")
    add("--runs", type=int, default=3, help="medians are over these (%(default)s)")
    add("--seconds", type=int, default=5, help="of each transfer (%(default)s)")
    add("--pings", type=int, default=100, help="in each run (%(default)s)")
    add("--ringbox", type=Path, default=ROOT / ".build/release/ringbox")
    add("--assets", type=Path, default=ROOT / ".build/guest-assets")
    add("--json", type=Path, default=ROOT / ".build/bench/network.json", metavar="FILE", help="(%(default)s)")
    return parser.parse_args()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest:
    """A machine whose serial console is its standard input and output."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.text = b""
        self.count = 0

    def wait(self, mark: bytes, seconds: float) -> str:
        end = time.monotonic() + seconds
        output = self.process.stdout
        assert output
        while mark not in self.text:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {mark!r} within {seconds} s: {self.text[-500:]!r}")
            if select.select([output], [], [], left)[0]:
                chunk = output.read(65536)
                if not chunk:
                    raise EOFError(f"the machine has ended: {self.text[-500:]!r}")
                self.text += chunk
        found, _, self.text = self.text.partition(mark)
        return found.decode(errors="replace")

    def run(self, command: str, seconds: float = 120) -> str:
        self.count += 1
        assert self.process.stdin
        self.process.stdin.write(f'{command}; echo E"N"D-{self.count}-\n'.encode())
        return self.wait(f"END-{self.count}-".encode(), seconds)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def command(peer: str, card: str, chosen: argparse.Namespace) -> list[str]:
    kernel, initrd = chosen.assets / "amd64/linux", chosen.assets / "amd64/ssh.gz"
    append = "console=ttyS0 quiet"
    if peer == "ringbox":
        return [
            str(chosen.ringbox), "run", "--memory", "512M", "--serial", "stdio", "--display", "none",
            "--kernel", str(kernel), "--initrd", str(initrd), "--append", append,
            "--nic", f"nat,model={card},localhost=on",
        ]  # fmt: skip
    return [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nodefaults", "-display", "none",
        "-serial", "stdio", "-kernel", str(kernel), "-initrd", str(initrd), "-append", append,
        "-netdev", "user,id=n", "-device", f"{MODELS[card]},netdev=n",
    ]  # fmt: skip


def transfer(guest: Guest, port: int, seconds: int, more: str) -> float:
    """Megabits a second that arrived."""
    text = guest.run(f"iperf3 -c {ROUTER} -p {port} -t {seconds} -J {more} > /tmp/r; cat /tmp/r", seconds + 60)
    found = json.loads(text[text.index("{\r\n" if "{\r\n" in text else "{\n") : text.rindex("}") + 1])
    return found["end"]["sum_received"]["bits_per_second"] / 1e6


def measure(peer: str, card: str, chosen: argparse.Namespace) -> dict[str, float]:
    port = free_port()
    server = subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL)
    guest = Guest(command(peer, card, chosen))
    try:
        guest.wait(b"RINGBOX-INITRD-READY", 300)
        guest.wait(b"# ", 60)
        # Without what the console would wrap, and what the router may not say at first.
        guest.run(f"stty cols 4000 -echo; ping -c 2 {ROUTER}")
        ping = guest.run(f"ping -c {chosen.pings} -i 0.05 {ROUTER} | grep -o 'time=[0-9.]*'", 300)
        times = [float(t) for t in re.findall(r"time=([0-9.]+)", ping)]
        return {
            "out": transfer(guest, port, chosen.seconds, ""),
            "in": transfer(guest, port, chosen.seconds, "-R"),
            "ping": statistics.median(times) * 1000,
        }
    finally:
        guest.close()
        server.kill()
        server.wait()


def main() -> int:
    chosen = options()
    for program in ["iperf3"] + (["qemu-system-x86_64"] if "qemu" in chosen.peers else []):
        if not shutil.which(program):
            sys.exit(f"no {program}: Tools/setup.sh bench installs it")
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    failed = False
    for card in chosen.cards.split(","):
        for _ in range(chosen.runs):
            for peer in chosen.peers.split(","):
                try:
                    results.setdefault(card, {}).setdefault(peer, []).append(measure(peer, card, chosen))
                except (TimeoutError, EOFError, ValueError, KeyError, statistics.StatisticsError) as error:
                    print(f"{peer}, {card}: FAILED: {error}", file=sys.stderr)
                    failed = True
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(results, indent=1))
    print("| card | peer | guest to host, Mbit/s | host to guest, Mbit/s | ping, µs |\n|---|---|---|---|---|")
    for card, peers in results.items():
        for peer, runs in peers.items():
            out, back, ping = (statistics.median(run[key] for run in runs) for key in ("out", "in", "ping"))
            print(f"| {card} | {peer} | {out:.0f} | {back:.0f} | {ping:.0f} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
