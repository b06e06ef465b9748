#!/usr/bin/env python3
"""How long a changed pixel takes from the guest's write to a viewer, and what full-screen video costs.

A guest of its own draws on a screen of 1920x1080 when it is told to, and says when the last pixel is written. Viewers look
at it in three ways: by the RFB protocol on the machine's local socket, by the same through the service's WebSocket as web
pages do, and in a window (ringbox-sdl on Xvfb). See README.md beside this file.
"""

from __future__ import annotations

import argparse
import base64
import json
import mmap
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1920, 1080
MEGAPIXELS = WIDTH * HEIGHT / 1e6
COPY, RAW, HEXTILE, ZRLE, SIZE = 1, 0, 5, 16, -223
# What viewers ask for: this package's own, web pages, and others over a network.
WAYS = {"raw": [COPY, RAW], "hextile": [COPY, HEXTILE, RAW], "zrle": [COPY, ZRLE]}
FILMS = {"film": b"f", "areas": b"a", "noise": b"n"}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--viewers", default="socket,websocket,window", help="(%(default)s)")
    add("--encodings", default="raw,hextile,zrle", help="of the viewers by RFB (%(default)s)")
    add("--films", default="film,areas,noise", help="what the guest draws (%(default)s)")
    add("--changes", type=int, default=40, help="single changes, for latency (%(default)s)")
    add("--seconds", type=float, default=6, help="of each film (%(default)s)")
    add("--rate", type=float, default=30, help="pictures a second that the guest draws (%(default)s)")
    add("--build", type=Path, default=ROOT / ".build/release", help="where the programs are (%(default)s)")
    add("--bench", type=Path, default=ROOT / ".build/bench", help="where the guest is built (%(default)s)")
    add("--json", type=Path, default=ROOT / ".build/bench/display.json", metavar="FILE", help="(%(default)s)")
    return parser.parse_args()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Usage:
    """Processor time of threads, by the names of process and thread, in seconds."""

    def __init__(self, home: str) -> None:
        self.home = f"HOME={home}".encode()

    def read(self) -> dict[tuple[str, str], float]:
        used: dict[tuple[str, str], float] = {}
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                program = (process / "comm").read_text().strip()
                if not program.startswith("ringbox") or self.home not in (process / "environ").read_bytes().split(b"\0"):
                    continue
                for thread in (process / "task").iterdir():
                    name = (thread / "comm").read_text().strip()
                    spent = int((thread / "schedstat").read_text().split()[0]) / 1e9
                    used[program, name] = used.get((program, name), 0) + spent
            except OSError:
                continue
        return used


class Machine:
    """A kept machine in a home of its own, and the line by which it is told what to draw."""

    def __init__(self, chosen: argparse.Namespace, home: str) -> None:
        self.chosen, self.home = chosen, home
        self.environment = os.environ | {
            "HOME": home, "VBOX_USER_HOME": f"{home}/home", "XDG_RUNTIME_DIR": f"{home}/run", "RINGBOXD_GRACE": "2",
        }  # fmt: skip
        Path(home, "run").mkdir()
        port = free_port()
        self.manage("createvm", "--name", "display", "--register")
        self.manage(
            "modifyvm", "display", "--memory", "64", "--vram", "32", "--graphicscontroller", "vboxvga", "--nic1", "none",
            "--uart1", "0x3F8", "4", "--uartmode1", "tcpserver", str(port),
        )  # fmt: skip
        self.manage("setextradata", "display", "Ringbox/Kernel", str(chosen.bench / "display.elf"))
        self.manage("startvm", "display", "--type", "headless")
        info = self.manage("showvminfo", "display", "--machinereadable")
        self.uuid = next(line.split('"')[1] for line in info.splitlines() if line.startswith("UUID="))
        self.line = socket.create_connection(("127.0.0.1", port), 30)
        self.line.settimeout(60)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count = 0
        # What the guest said before there was a listener is lost: it is asked until it answers.
        self.order(b"s")
        # Whatever else was on the line has come by now.
        time.sleep(0.5)
        self.line.setblocking(False)
        try:
            while self.line.recv(4096):
                pass
        except BlockingIOError:
            pass
        self.line.setblocking(True)
        self.line.settimeout(60)

    def manage(self, *words: str) -> str:
        result = subprocess.run(
            [self.chosen.build / "ringbox", *words], env=self.environment, capture_output=True, text=True, timeout=120
        )
        if result.returncode:
            raise RuntimeError(f"ringbox {words}: {result.stderr}")
        return result.stdout

    def order(self, what: bytes) -> float:
        """Lets the guest draw; the time at which it said that it has."""
        self.count += 1
        self.line.sendall(what)
        while b"." not in self.line.recv(1):
            pass
        return time.monotonic()

    def close(self) -> None:
        self.line.close()
        self.manage("controlvm", "display", "poweroff")


class Stream:
    """Bytes of a socket, as many as are wanted."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.bytes = 0

    def read(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        at = 0
        while at < count:
            got = self.link.recv_into(view[at:])
            if not got:
                raise EOFError("the display has ended")
            at += got
        self.bytes += count
        return data

    def send(self, data: bytes) -> None:
        self.link.sendall(data)


class WebSocketStream(Stream):
    """The same in messages (RFC 6455), through the service."""

    def __init__(self, link: socket.socket, path: str) -> None:
        super().__init__(link)
        key = base64.b64encode(os.urandom(16)).decode()
        link.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += bytes(super().read(1))
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        self.left = 0

    def read(self, count: int) -> bytearray:
        data = bytearray()
        while len(data) < count:
            if self.left == 0:
                head = super().read(2)
                size = head[1] & 127
                if size >= 126:
                    size = int.from_bytes(super().read(2 if size == 126 else 8), "big")
                self.left = size
            part = min(self.left, count - len(data))
            data += super().read(part)
            self.left -= part
        return data

    def send(self, data: bytes) -> None:
        mask = b"\0\0\0\0"
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        self.link.sendall(b"\x82" + size + mask + data)


class Viewer:
    """A viewer by the RFB protocol (RFC 6143) that asks for the next picture as soon as it has one; it does not paint."""

    name = "?"

    def __init__(self, stream: Stream, encodings: list[int]) -> None:
        self.stream = stream
        self.changes = 0
        self.squares: list[float] = []
        stream.read(12)
        stream.send(b"RFB 003.008\n")
        stream.read(stream.read(1)[0])
        stream.send(b"\1")
        stream.read(4)
        stream.send(b"\1")
        self.width, self.height = struct.unpack(">HH", stream.read(20)[:4])
        stream.read(int.from_bytes(stream.read(4), "big"))
        stream.send(struct.pack(">B3x4B3H3B3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        wanted = encodings + [SIZE]
        stream.send(struct.pack(f">BxH{len(wanted)}i", 2, len(wanted), *wanted))
        self.ask(False)
        threading.Thread(target=self.run, daemon=True).start()

    def ask(self, is_incremental: bool) -> None:
        self.stream.send(struct.pack(">BBHHHH", 3, is_incremental, 0, 0, self.width, self.height))

    def run(self) -> None:
        try:
            while True:
                kind = self.stream.read(1)[0]
                if kind != 0:
                    raise RuntimeError(f"message {kind}")
                hit = False
                for _ in range(int.from_bytes(self.stream.read(3)[1:], "big")):
                    x, y, width, height, encoding = struct.unpack(">HHHHi", self.stream.read(12))
                    hit |= x <= 40 < x + width and y <= 40 < y + height
                    self.skip(width, height, encoding)
                self.changes += 1
                if hit:
                    self.squares.append(time.monotonic())
                self.ask(True)
        except (EOFError, OSError):
            return

    def skip(self, width: int, height: int, encoding: int) -> None:
        if encoding == RAW:
            self.stream.read(width * height * 4)
        elif encoding == COPY:
            self.stream.read(4)
        elif encoding == ZRLE:
            self.stream.read(int.from_bytes(self.stream.read(4), "big"))
        elif encoding == SIZE:
            self.width, self.height = width, height
        elif encoding == HEXTILE:
            for top in range(0, height, 16):
                for left in range(0, width, 16):
                    flags = self.stream.read(1)[0]
                    if flags & 1:
                        self.stream.read(min(16, width - left) * min(16, height - top) * 4)
                        continue
                    self.stream.read(4 * ((flags >> 1 & 1) + (flags >> 2 & 1)))
                    if flags & 8:
                        self.stream.read(self.stream.read(1)[0] * (6 if flags & 16 else 2))
        else:
            raise RuntimeError(f"encoding {encoding}")

    def seen(self, since: float) -> float | None:
        """When the square of an order after `since` came."""
        return next((at for at in self.squares if at > since), None)

    def received(self) -> int:
        return self.stream.bytes

    def close(self) -> None:
        self.stream.link.shutdown(socket.SHUT_RDWR)


class Window:
    """ringbox-sdl on a desktop whose picture is a file."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        read, write = os.pipe()
        self.desktop = subprocess.Popen(
            ["Xvfb", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", machine.home, "-displayfd", str(write), "-nolisten", "tcp"],
            pass_fds=[write], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as pipe:
            display = ":" + pipe.readline().strip()
        self.window = subprocess.Popen(
            [machine.chosen.build / "ringbox-sdl", "--separate", "display", "--fullscreen"],
            env=machine.environment | {"DISPLAY": display}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        file = open(f"{machine.home}/Xvfb_screen0", "rb")
        self.picture = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        word = struct.unpack(">25I", self.picture[:100])
        self.start, self.pitch = word[0] + word[19] * 12, word[12]
        self.changes = 0
        self.squares: list[float] = []
        self.running = True
        threading.Thread(target=self.run, daemon=True).start()

    def pixel(self, x: int, y: int) -> int:
        at = self.start + y * self.pitch + x * 4
        return int.from_bytes(self.picture[at : at + 3], "little")

    def run(self) -> None:
        last = (0, 0)
        while self.running:
            now = (self.pixel(40, 40), self.pixel(WIDTH - 1, HEIGHT - 1))
            if now != last:
                self.changes += 1
                if now[0] != last[0]:
                    self.squares.append(time.monotonic())
                last = now
            time.sleep(0.0003)

    def seen(self, since: float) -> float | None:
        return next((at for at in self.squares if at > since), None)

    def received(self) -> int:
        return 0

    def close(self) -> None:
        self.running = False
        self.window.terminate()
        self.window.wait()
        self.desktop.terminate()
        self.desktop.wait()


def latency(machine: Machine, viewer: Viewer | Window, count: int) -> list[float]:
    """Milliseconds from the guest's word that the square is drawn to its arrival, at any distance from the last one."""
    found = []
    for _ in range(count):
        time.sleep(random.uniform(0.2, 1.6))
        before = time.monotonic()
        said = machine.order(b"s")
        deadline = said + 5
        while (at := viewer.seen(before)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("a change never came")
            time.sleep(0.001)
        found.append(max(0.0, at - said) * 1000)
    return found


def film(machine: Machine, viewer: Viewer | Window, what: bytes) -> dict[str, float]:
    chosen, usage = machine.chosen, Usage(machine.home)
    machine.order(what)
    time.sleep(0.5)
    pictures, received, before, begun, drawn = viewer.changes, viewer.received(), usage.read(), time.monotonic(), 0
    while (now := time.monotonic()) < begun + chosen.seconds:
        due = begun + drawn / chosen.rate
        if now < due:
            time.sleep(due - now)
        machine.order(what)
        drawn += 1
    seconds = time.monotonic() - begun
    after = usage.read()
    shown = viewer.changes - pictures

    def used(program: str, thread: str | None = None) -> float:
        return sum(after[key] - before.get(key, 0) for key in after if key[0] == program and thread in (None, key[1]))

    def cost(spent: float) -> float:
        return spent * 1000 / (max(1, shown) * MEGAPIXELS)

    return {
        "drawn": drawn / seconds, "shown": shown / seconds, "MB/s": (viewer.received() - received) / seconds / 1e6,
        "server": cost(used("ringbox-vm", "display")), "service": cost(used("ringboxd")), "window": cost(used("ringbox-sdl")),
    }  # fmt: skip


def connect(machine: Machine, way: str, encoding: str) -> Viewer | Window:
    if way == "window":
        return Window(machine)
    link = socket.socket(socket.AF_UNIX)
    runtime = f"{machine.home}/run/ringbox"
    if way == "socket":
        link.connect(f"{runtime}/{machine.uuid}.vnc")
        return Viewer(Stream(link), WAYS[encoding])
    link.connect(str(next(Path(runtime).glob("ringboxd-*.sock"))))
    return Viewer(WebSocketStream(link, f"/api/v1/machines/{machine.uuid}/display"), WAYS[encoding])


def main() -> int:
    chosen = options()
    for program in ["Xvfb"] if "window" in chosen.viewers else []:
        if not shutil.which(program):
            print(f"{program} is missing; Tools/setup.sh test installs it", file=sys.stderr)
            return 1
    subprocess.run(
        ["make", "-s", "-C", str(ROOT / "Benchmarks/guest"), f"OUT={chosen.bench}", f"{chosen.bench}/display.elf"], check=True
    )
    result: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="ringbox-display-") as home:
        machine = Machine(chosen, home)
        try:
            for way in chosen.viewers.split(","):
                for encoding in ["raw"] if way == "window" else chosen.encodings.split(","):
                    viewer = connect(machine, way, encoding)
                    time.sleep(2)
                    times = latency(machine, viewer, chosen.changes)
                    row = result[f"{way} {encoding}"] = {"latency": times}
                    median, late = statistics.median(times), statistics.quantiles(times, n=10)[-1]
                    print(f"{way} {encoding}: a change after {median:.1f} ms, 9 of 10 within {late:.1f} ms", flush=True)
                    for name in chosen.films.split(","):
                        row[name] = found = film(machine, viewer, FILMS[name])
                        print(f"  {name}: " + ", ".join(f"{key} {value:.1f}" for key, value in found.items()), flush=True)
                    viewer.close()
                    time.sleep(0.5)
        finally:
            machine.close()
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
