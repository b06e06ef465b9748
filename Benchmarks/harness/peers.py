"""The peers: how to start each VM, with a Linux guest, a bare guest, or a disk to boot from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

GUEST = Path(__file__).resolve().parent.parent / "guest"


@dataclass
class Job:
    """One start of one peer."""

    binary: Path
    kernel: Path
    initrd: Path
    plan: Path
    disk: Path | None
    nvme: Path | None  # a second disk of the same size, where there is a first
    work: Path  # a directory of its own


class Peer:
    """How to start one VM. A new peer needs only these methods."""

    name = ""
    guest_disk = "/dev/vda"
    guest_nvme = "/dev/nvme0n1"  # empty: has no such controller
    is_vm = True
    # The part of the native amount of work it is given. Interpreters get less, or a run would
    # take all day; times are compared per unit of work.
    share = 1.0
    # Does its guests' clock run as the world's? If not, what a guest timed means little.
    keeps_time = True

    def missing(self) -> str:
        """Why this peer cannot run here; empty when it can."""
        raise NotImplementedError

    def command(self, job: Job) -> list[str]:
        """The command. It writes the guest's serial port to standard output,
        or else to a FIFO it makes as job.work/"serial"."""
        raise NotImplementedError

    def bare_command(self, program: Path, argument: str, work: Path) -> list[str] | None:
        """The same for a Multiboot program; None if this peer is no machine."""
        return None

    def firmware_command(self, image: Path, work: Path) -> list[str] | None:
        """The same for a disk that the firmware is to boot."""
        return None

    def command_line(self, job: Job) -> str:
        # Only a panic is to be heard, and to end the machine. iomem=relaxed lets the
        # MMIO workload map a register that a driver owns.
        options = ["console=ttyS0", "quiet", "loglevel=1", "panic=-1", "iomem=relaxed"]
        disks = ["--disk", self.guest_disk] if job.disk else []
        disks += ["--nvme", self.guest_nvme] if job.nvme and self.guest_nvme else []
        return " ".join([*options, "--", *disks])


class Native(Peer):
    name = "native"
    is_vm = False

    def missing(self) -> str:
        return ""

    def command(self, job: Job) -> list[str]:
        disk = ["--disk", str(job.disk)] if job.disk else []
        disk += ["--nvme", str(job.nvme)] if job.nvme else []
        return [str(job.binary), "--plan", str(job.plan), *disk]


class Ringbox(Peer):
    """With one of its engines, or, without a name of one, with what it takes by itself."""

    def __init__(self, program: Path, engine: str, memory_mib: int, cpus: int, extra: list[str]) -> None:
        self.program, self.engine = program, engine
        self.memory_mib, self.cpus, self.extra = memory_mib, cpus, extra
        self.name = f"ringbox-{engine}" if engine else "ringbox"
        self.share = 1 / 16 if (engine or self.default_engine()) == "interpreter" else 1

    def asked(self, *arguments: str) -> str:
        if not os.access(self.program, os.X_OK):
            return ""
        command = [str(self.program), "run", *arguments]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr

    def default_engine(self) -> str:
        if not os.access(self.program, os.X_OK):
            return ""
        command = [str(self.program), "run", "--help"]
        text = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        found = re.search(r"--engine\b.*?\(default:\s*([\w-]+)\)", text, re.DOTALL)
        return found[1] if found else ""

    def missing(self) -> str:
        if not os.access(self.program, os.X_OK):
            return f"no {self.program}"
        if self.engine:  # a kernel that is not there keeps it from starting
            complaint = self.asked("--engine", self.engine, "--kernel", "/nonexistent", "--serial", "none")
            if "--engine" in complaint:
                return complaint.strip().splitlines()[-1]
        return ""

    def start(self, *arguments: str) -> list[str]:
        engine = ["--engine", self.engine] if self.engine else []
        return [
            str(self.program), "run", "--memory", f"{self.memory_mib}M", *engine,
            "--serial", "stdio", "--display", "none", *arguments, *self.extra,
        ]  # fmt: skip

    def command(self, job: Job) -> list[str]:
        disk = ["--disk", f"{job.disk},if=virtio,format=raw"] if job.disk else []
        disk += ["--disk", f"{job.nvme},if=nvme,format=raw"] if job.nvme else []
        return self.start(
            "--cpus", str(self.cpus), "--kernel", str(job.kernel), "--initrd", str(job.initrd),
            "--append", self.command_line(job), "--stats", "--json", *disk,
        )  # fmt: skip

    def bare_command(self, program: Path, argument: str, work: Path) -> list[str]:
        return self.start("--kernel", str(program), "--append", argument, "--exit-on", "reset")

    def firmware_command(self, image: Path, work: Path) -> list[str]:
        return self.start("--disk", f"{image},if=ide,readonly", "--boot", "c")


class Qemu(Peer):
    name = "qemu"
    program = "qemu-system-x86_64"

    def __init__(self, memory_mib: int, cpus: int) -> None:
        self.memory_mib, self.cpus = memory_mib, cpus

    def missing(self) -> str:
        return "" if shutil.which(self.program) else f"no {self.program} (qemu-system-x86)"

    def start(self, *arguments: str) -> list[str]:
        return [
            self.program, "-accel", "tcg", "-cpu", "max", "-m", str(self.memory_mib),
            "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", *arguments,
        ]  # fmt: skip

    def command(self, job: Job) -> list[str]:
        disk = ["-drive", f"file={job.disk},format=raw,if=virtio"] if job.disk else []
        if job.nvme:
            disk += ["-drive", f"file={job.nvme},format=raw,if=none,id=nvme", "-device", "nvme,drive=nvme,serial=1"]
        return self.start(
            "-smp", str(self.cpus), "-kernel", str(job.kernel), "-initrd", str(job.initrd),
            "-append", self.command_line(job), *disk,
        )  # fmt: skip

    def bare_command(self, program: Path, argument: str, work: Path) -> list[str]:
        return self.start("-kernel", str(program), "-append", argument)

    def firmware_command(self, image: Path, work: Path) -> list[str]:
        # With a display adapter, as a PC has one: its firmware takes part in the start.
        return self.start("-vga", "std", "-drive", f"file={image},format=raw,if=ide,snapshot=on")


class Bochs(Peer):
    """Debian's Bochs: one processor, from a CD, and built with its debugger, which
    has to be told to continue."""

    name = "bochs"
    guest_disk = "/dev/sda"
    guest_nvme = ""
    share = 1 / 16
    keeps_time = False
    directory = Path("/usr/share/bochs")

    def __init__(self, memory_mib: int) -> None:
        self.memory_mib = memory_mib

    def missing(self) -> str:
        absent = [t for t in ("bochs", "grub-mkrescue", "xorriso") if not shutil.which(t)]
        return f"no {', '.join(absent)}" if absent else ""

    def configured(self, work: Path, boot: str, drives: str) -> list[str]:
        serial = work / "serial"
        os.mkfifo(serial)
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
romimage: file={self.directory}/BIOS-bochs-latest
vgaromimage: file={self.directory}/VGABIOS-lgpl-latest
{drives}
boot: {boot}
com1: enabled=1, mode=file, dev={serial}
clock: sync=none
log: {work}/log
panic: action=fatal
error: action=ignore
info: action=ignore
"""
        (work / "rc").write_text(configuration)
        (work / "debugger").write_text("c\n")
        return ["bochs", "-q", "-f", str(work / "rc"), "-rc", str(work / "debugger")]

    def from_cd(self, work: Path, entry: list[str], files: dict[str, Path], disk: str) -> list[str]:
        image = work / "boot.iso"
        names = [f"{name}={path}" for name, path in files.items()]
        subprocess.run([str(GUEST / "iso.sh"), str(image), "\n".join(entry), *names], check=True)
        cd = "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15\n"
        cd += f"ata1-master: type=cdrom, path={image}, status=inserted"
        return self.configured(work, "cdrom", disk + cd)

    def command(self, job: Job) -> list[str]:
        entry = [f"linux /boot/linux {self.command_line(job)}", "initrd /boot/initrd.gz"]
        files = {"linux": job.kernel, "initrd.gz": job.initrd}
        return self.from_cd(job.work, entry, files, self.flat_disk(job.disk) if job.disk else "")

    def bare_command(self, program: Path, argument: str, work: Path) -> list[str]:
        return self.from_cd(work, [f"multiboot /boot/program {argument}"], {"program": program}, "")

    def firmware_command(self, image: Path, work: Path) -> list[str]:
        copy = work / "disk"
        shutil.copy(image, copy)
        return self.configured(work, "disk", self.flat_disk(copy))

    @staticmethod
    def flat_disk(path: Path) -> str:
        return f"ata0-master: type=disk, path={path}, mode=flat\n"
