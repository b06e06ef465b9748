"""The results: ratios to the host's times, one table for each architecture."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from .peers import Peer
from .session import Figure, Record

Rows = list[list[str]]


@dataclass
class Results:
    """What was seen on one architecture."""

    peers: list[Peer]  # native first
    records: dict[str, Record]
    # Checksums that the host found, by workload and iterations.
    expected: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)

    def figure(self, peer: Peer, name: str) -> Figure:
        return self.records[peer.name].figures.get(name, Figure())

    def each_ns(self, peer: Peer, name: str) -> float | None:
        """The median time of one iteration."""
        figure = self.figure(peer, name)
        if not figure.host_ns or not figure.iterations:
            return None
        if not peer.is_vm:
            return statistics.median(figure.own_ns) / figure.iterations
        # What an empty workload takes at least is the way of the lines, not work.
        empty = self.figure(peer, "machine-nothing" if name in MACHINE else "empty").host_ns
        overhead = min(empty) if empty else 0
        times = [max(ns - overhead, 1) for ns in figure.host_ns]
        if peer.keeps_time:
            # On a busy host the harness may see a workload's first line late, and so too little of it.
            times = [max(pair) for pair in zip(times, figure.own_ns)]
        return statistics.median(times) / figure.iterations

    def expect(self, record: Record) -> None:
        for name, figure in record.figures.items():
            self.expected.setdefault((name, figure.iterations), set()).update(figure.checksums)

    def is_wrong(self, peer: Peer, name: str) -> bool:
        figure = self.figure(peer, name)
        expected = self.expected.get((name, figure.iterations), set())
        return bool(expected and figure.checksums - expected)


# The rows of the guest without an operating system.
EXITS = [
    "port-out", "port-in", "mmio-apic-read", "mmio-apic-write", "mmio-ioapic-read", "cpuid", "int-iret",
]  # fmt: skip
LATENCIES = ["irq-flags", "irq-memory", "irq-calls"]
MACHINE = {"loop", *EXITS, *LATENCIES}


def number(value: float | None, form: Callable[[float], str]) -> str:
    return "-" if value is None else form(value)


def ratio_text(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def duration_text(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def median_of(values: list[float] | list[int]) -> float | None:
    return statistics.median(values) if values else None


def cell(results: Results, peer: Peer, name: str, base: float | None) -> tuple[str, float | None]:
    """What the table says, and the ratio if there is one."""
    figure = results.figure(peer, name)
    each = results.each_ns(peer, name)
    if figure.failed:
        return "FAILED", None
    if each is None:
        return "-", None
    mark = " WRONG" if results.is_wrong(peer, name) else ""
    if base is None:  # nothing to compare with
        return duration_text(each) + mark, None
    return ratio_text(each / base) + mark, None if mark else each / base


def workload_rows(results: Results, groups: dict[str, list[str]]) -> Rows:
    native, vms = results.peers[0], results.peers[1:]
    rows: Rows = []
    for group, names in groups.items():
        collected: dict[str, list[float]] = {p.name: [] for p in vms}
        for name in names:
            base = results.each_ns(native, name)
            figure = results.figure(native, name)
            total = base * figure.iterations if base is not None else None
            row = [f"  {name}", "FAILED" if figure.failed else number(total, duration_text)]
            for peer in vms:
                text, ratio = cell(results, peer, name, base)
                row.append(text)
                if ratio is not None:
                    results.ratios.setdefault(peer.name, {})[name] = ratio
                    collected[peer.name].append(ratio)
            rows.append(row)
        if any(collected.values()):
            rows.append(mean_row(results, group, vms, collected, len(names)))
    return rows


def mean_row(
    results: Results, group: str, vms: list[Peer], collected: dict[str, list[float]], count: int
) -> list[str]:
    row = [f"{group} (geometric mean)", ""]
    for peer in vms:
        values = collected[peer.name]
        mean = statistics.geometric_mean(values) if values else None
        if mean is not None:
            results.ratios[peer.name][f"group:{group}"] = mean
        # A mean of some of the rows is not to be compared with one of all.
        of = f" ({len(values)} of {count})" if 0 < len(values) < count else ""
        row.append(number(mean, ratio_text) + of)
    return row


@dataclass
class Table:
    """Rows with one value for each peer; a row without any is left out."""

    results: Results
    rows: Rows = field(default_factory=list)

    def add(self, label: str, cells: list[str]) -> None:
        if any(text != "-" for text in cells):
            self.rows.append([label, *cells])

    def each(self, label: str, value: Callable[[Peer], float | None], form: Callable[[float], str]) -> None:
        self.add(label, [number(value(peer), form) for peer in self.results.peers])

    def own(self, label: str, name: str, key: str) -> None:
        """A figure that the guest took itself; marked where its clock is not the world's."""
        cells = []
        for peer in self.results.peers:
            found = median_of(self.results.figure(peer, name).values.get(key, []))
            cells.append(number(found, duration_text) + ("" if found is None or peer.keeps_time else " *"))
        self.add(label, cells)


def absolute_rows(results: Results) -> Rows:
    """What has no ratio to the host, or is wanted in its own unit as well."""
    table = Table(results)

    def scaling(peer: Peer) -> float | None:
        solo, both = results.each_ns(peer, "solo"), results.each_ns(peer, "parallel-2")
        return 2 * solo / both if solo and both else None

    def rate(name: str, size: int) -> None:
        table.each(f"{name}: throughput", lambda p: bytes_per_s(results.each_ns(p, name), size), lambda x: f"{x / 1e6:.0f} MB/s")

    table.each("2-CPU speed-up", scaling, lambda x: f"{x:.2f}")
    each_cold = lambda p: bytes_per_s(results.each_ns(p, "cold-code"), 32 << 10)
    table.each("cold-code: guest code made and executed", each_cold, lambda x: f"{x / 1e6:.3g} MB/s")
    for name in ("disk-read", "disk-write", "nvme-read", "nvme-write"):
        rate(name, 128 << 10)
    for name in ("disk-4k-deep-read", "disk-4k-deep-write", "nvme-4k-deep-read", "nvme-4k-deep-write"):
        operations = lambda p, name=name: bytes_per_s(results.each_ns(p, name), 1)
        table.each(f"{name}: operations", operations, lambda x: f"{x / 1e3:.3g} k/s")
    for name in ("disk-4k-read", "disk-4k-write"):
        table.each(f"{name}: latency", lambda p, name=name: results.each_ns(p, name), duration_text)
    for key in ("p50", "p99"):
        table.own(f"timer signal late, {key}", "signal-latency", f"{key}_ns")
    return table.rows


def bytes_per_s(each_ns: float | None, size: int) -> float | None:
    return size / each_ns * 1e9 if each_ns else None


def machine_rows(results: Results, firmware: dict[str, Record]) -> Rows:
    """Exits, interrupt latency, times to start and memory: what belongs to no workload."""
    table = Table(results)

    def less_loop(name: str) -> Callable[[Peer], float | None]:
        def value(peer: Peer) -> float | None:
            whole, loop = results.each_ns(peer, name), results.each_ns(peer, "loop")
            return None if whole is None else max(whole - (loop or 0), 0)

        return value

    for name in EXITS:
        table.each(f"one {name}", less_loop(name), duration_text)
    for name in LATENCIES:
        for key in ("p50", "p99"):
            table.own(f"{name}: interrupt late, {key}", name, f"{key}_ns")
    seconds: Callable[[float], str] = lambda s: f"{s:.3f} s" if s < 1 else f"{s:.2f} s"
    table.each("firmware: power-on to boot sector", lambda p: median_of(firmware[p.name].boot_s) if p.name in firmware else None, seconds)
    return table.rows


def start_rows(results: Results) -> Rows:
    table = Table(results)
    records = results.records
    mib: Callable[[float], str] = lambda k: f"{k / 1024:.1f} MiB" if k < 102400 else f"{k / 1024:.0f} MiB"
    table.each("boot to first user instruction", lambda p: median_of(records[p.name].boot_s), lambda s: f"{s:.2f} s")
    table.each("peak resident", lambda p: median_of(records[p.name].peak_kib), mib)
    table.each("peak private", lambda p: median_of(records[p.name].private_kib), mib)
    table.each(
        "guest code translated in a second of it", lambda p: median_of(records[p.name].translated_bytes_s),
        lambda b: f"{b / 1e6:.2f} MB",
    )
    table.each(
        "time spent translating", lambda p: median_of(records[p.name].translating_share), lambda s: f"{s:.1%}"
    )
    table.each("resident beside guest RAM", lambda p: median_of(records[p.name].overhead_kib), mib)
    return table.rows


def print_table(rows: Rows) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())
    print()


def plain(record: Record) -> dict[str, object]:
    """A record as JSON can hold it."""
    figures = {
        name: {**vars(figure), "checksums": sorted(figure.checksums)}
        for name, figure in record.figures.items()
    }
    return {**vars(record), "figures": figures}
