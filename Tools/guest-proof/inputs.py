"""What the proof guest is given on its second disk: programs, data, and what must come out.

Everything expected is computed here, on the host, and by other programs than the guest's where
there are such.
"""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

DIGESTS = [
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-256", "sha3-224", "sha3-256",
    "sha3-512", "shake128", "blake2b512", "blake2s256", "sm3", "ripemd160",
]  # fmt: skip
CIPHERS = [
    "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes-128-ctr", "aes-256-ctr", "aes-256-cfb", "aes-128-ofb",
    "aria-256-cbc", "camellia-128-cbc", "camellia-256-ctr", "chacha20", "des-ede3-cbc", "sm4-cbc",
]  # fmt: skip
# What OpenSSL 3 cannot do without its legacy provider is left out when the host's cannot do it.


def run(*command: str | Path, **more) -> bytes:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, **more).stdout


def data(size: int) -> bytes:
    """Half noise, half text, not a multiple of any block."""
    noise = random.Random(1).randbytes(size // 2)
    return noise + b"".join(b"line %d of the data\n" % i for i in range(size))[: size - len(noise) - 13]


def digests(path: Path) -> str:
    lines = []
    for name in DIGESTS:
        try:
            value = run("openssl", "dgst", f"-{name}", "-r", path).split()[0].decode()
        except subprocess.CalledProcessError:
            continue
        if name in ("md5", "sha1", "sha256", "sha512"):  # a second opinion
            assert value == hashlib.new(name, path.read_bytes()).hexdigest()
        lines.append(f"{name} {value}\n")
    return "".join(lines)


def ciphers(path: Path, key: str, iv: str) -> str:
    lines = []
    for name in CIPHERS:
        try:
            sealed = run("openssl", "enc", f"-{name}", "-K", key, "-iv", iv, "-in", path, stderr=None)
        except (subprocess.CalledProcessError, ValueError):
            continue
        lines.append(f"{name} {hashlib.sha256(sealed).hexdigest()}\n")
    return "".join(lines)


def c_program(functions: int, seed: int = 2) -> str:
    """A program of some 2000 lines, every operation of which is defined in C."""
    r = random.Random(seed)
    lines = ["#include <math.h>", "#include <stdint.h>", "#include <stdio.h>", "#include <string.h>", ""]
    lines += ["struct item { uint8_t a; uint16_t b; uint32_t c; uint64_t d; double e; };", ""]
    operators = ["+", "-", "*", "^", "|", "&"]
    for number in range(functions):
        kind = number % 5
        lines += [f"static uint64_t f{number}(uint64_t x, uint64_t y) {{"]
        if kind == 0:
            for _ in range(8):
                shift = r.randrange(1, 63)
                lines += [
                    f"    x = (x {r.choice(operators)} {r.getrandbits(48)}u) + (y >> {shift});",
                    f"    y ^= x << {r.randrange(1, 63)} | y >> {r.randrange(1, 63)};",
                ]
        elif kind == 1:
            lines += [f"    switch ((x ^ y) % {r.randrange(7, 12)}) {{"]
            lines += [f"    case {i}: x = x * {r.randrange(3, 99)}u + y; break;" for i in range(7)]
            lines += [f"    default: y += x / {r.randrange(2, 99)}u; x %= {r.randrange(1000, 99999)}u; break;", "    }"]
        elif kind == 2:
            lines += [
                f"    struct item items[{r.randrange(5, 20)}];",
                "    memset(items, 0, sizeof items);",
                "    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++) {",
                "        items[i].a = (uint8_t)(x + i);",
                "        items[i].b = (uint16_t)(y * i);",
                "        items[i].c = (uint32_t)(x ^ y) + i;",
                "        items[i].d = x * items[i].a + items[i].b;",
                f"        items[i].e = items[i].c / {r.randrange(2, 50)}.0;",
                "        x += items[i].d ^ (uint64_t)items[i].e;",
                "    }",
            ]
        elif kind == 3:
            lines += [
                "    double p = (double)(x % 1000) / 8, q = (double)(y % 1000) / 16 + 1;",
                f"    for (int i = 0; i < {r.randrange(3, 30)}; i++) {{",
                f"        p = p * 0.5 + q / {r.randrange(2, 9)};",
                f"        q = q * 0.25 + {r.randrange(1, 50)}.5;",
                "    }",
                "    x += (uint64_t)(int64_t)floor(p * 1024) + (uint64_t)(int64_t)sqrt(q * 4096);",
            ]
        else:
            lines += [
                "    char text[64];",
                '    snprintf(text, sizeof text, "%llx/%llu", (unsigned long long)x, (unsigned long long)y);',
                "    for (const char *p = text; *p; p++)",
                f"        x = x * {r.randrange(31, 131)}u + (unsigned char)*p;",
                "    uint32_t low = (uint32_t)x;",
                f"    low = low << {r.randrange(1, 31)} | low >> {r.randrange(1, 31)};",
                f"    y = (uint64_t)((int64_t)(int32_t)low * {r.randrange(-999, 999)});",
            ]
        if number > 4:
            lines += [f"    if (y & {1 << r.randrange(0, 6)}u)", f"        x += f{r.randrange(max(0, number - 5), number)}(y, x >> 1);"]
        lines += ["    return x ^ y >> 7;", "}", ""]
    lines += ["static uint64_t (*const table[])(uint64_t, uint64_t) = {"]
    lines += [f"    f{number}," for number in range(functions)]
    lines += ["};", "", "int main(void) {", "    uint64_t x = 1, y = 2;"]
    lines += ["    for (int round = 0; round < 40; round++)"]
    lines += ["        for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {"]
    lines += ["            x = table[i](x, y);", "            y = y * 6364136223846793005u + 1442695040888963407u;"]
    lines += ["            if (i % 16 == 0)", '                printf("%d %u %016llx\\n", round, i, (unsigned long long)x);']
    lines += ["        }", "    return 0;", "}"]
    return "\n".join(lines) + "\n"


def jit_results() -> str:
    """What jit.lua computes."""

    def sieve(limit: int) -> int:
        composite = bytearray(limit + 1)
        for i in range(2, limit + 1):
            if not composite[i]:
                for j in range(i * i, limit + 1, i):
                    composite[j] = 1
        return composite[2:].count(0)

    def xorshift(rounds: int) -> int:
        x = 2463534242
        for _ in range(rounds):
            x ^= x << 13 & 0xFFFFFFFF
            x ^= x >> 17
            x ^= x << 5 & 0xFFFFFFFF
        return x

    def mandelbrot(size: int) -> int:
        inside = 0
        for row in range(size):
            ci = 2 * row / size - 1
            for column in range(size):
                cr, x, y, n = 3 * column / size - 2, 0.0, 0.0, 0
                while n < 50 and x * x + y * y < 4:
                    x, y, n = x * x - y * y + cr, 2 * x * y + ci, n + 1
                inside += n == 50
        return inside

    def records(count: int) -> float:
        total = 0.0
        for i in range(count):
            x = i * 7919 % 1000 - 500
            total += x * (i & 255) + x / 4
        return total

    def text(count: int) -> int:
        total = 0
        for i in range(1, count + 1):
            total = (total * 31 + 97 + i % 26) % 1000003
        return total

    total = records(5000)
    shown = int(total) if total == int(total) else total
    return (
        f"sieve\t{sieve(200000)}\nxorshift\t{xorshift(3000000)}\nmandelbrot\t{mandelbrot(120)}\n"
        f"records\t{shown}\ntext\t{text(20000)}\n"
    )


def program_output(source: Path, work: Path) -> bytes:
    run("gcc", "-O1", "-o", work / "program", source, "-lm")
    return run(work / "program")


def checksums(program: Path, plan: Path) -> str:
    output = run(program, "--plan", plan).decode()
    lines = [line.split() for line in output.splitlines() if line.startswith("bench ")]
    return "".join(f"{words[1]} {words[2]} {words[4]}\n" for words in lines)


def plan(program: Path, share: float) -> str:
    """Deterministic programs, each with some of the work its table says."""
    groups = ("integer", "libraries", "float", "memory", "system")
    rows = [line.split() for line in run(program, "list").decode().splitlines()]
    return "".join(f"{name} {max(1, int(int(count) * share))}\n" for group, name, count in rows if group in groups)


def make(work: Path, bench: Path, config: dict[str, object], share: float, size: int) -> Path:
    """A tar with all of it, in `work`; `bench` holds ARCH/ringbox-bench."""
    inside = work / "inside"
    (inside / "expected").mkdir(parents=True)
    for name in ("runner.sh", "jit.lua", "watched.c", "watched.gdb"):
        (inside / name).write_bytes((HERE / name).read_bytes())
    (inside / "expected/gdb").write_bytes((HERE / "watched.expected").read_bytes())
    (inside / "config").write_text("".join(f"{key}='{value}'\n" for key, value in config.items()))
    sample = inside / "data"
    sample.write_bytes(data(size))
    key, iv = hashlib.sha256(b"key").hexdigest(), hashlib.md5(b"iv").hexdigest()
    (inside / "key").write_text(key)
    (inside / "iv").write_text(iv)
    (inside / "expected/dgst").write_text(digests(sample))
    (inside / "expected/enc").write_text(ciphers(sample, key, iv))
    run("openssl", "genrsa", "-out", inside / "rsa.pem", "2048")
    run("openssl", "dgst", "-sha256", "-sign", inside / "rsa.pem", "-out", inside / "expected/rsa-signature", sample)
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", inside / "ec.pem")
    run("openssl", "ec", "-in", inside / "ec.pem", "-pubout", "-out", inside / "ec.pub")
    run("openssl", "dgst", "-sha256", "-sign", inside / "ec.pem", "-out", inside / "expected/ec-signature", sample)
    (inside / "program.c").write_text(c_program(150))
    (inside / "expected/program").write_bytes(program_output(inside / "program.c", work))
    (inside / "expected/jit").write_text(jit_results())
    (inside / "plan").write_text(plan(bench / "amd64/ringbox-bench", share))
    for arch in ("amd64", "i386"):
        program = bench / arch / "ringbox-bench"
        (inside / f"bench-{arch}").write_bytes(program.read_bytes())
        (inside / f"bench-{arch}").chmod(0o755)
        (inside / f"expected/bench-{arch}").write_text(checksums(program, inside / "plan"))
    return pack(inside, work / "inputs.tar")


def pack(inside: Path, target: Path) -> Path:
    """Padded to whole MiB with room behind it, where the guest may write (smc-dma does)."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as tar:
        tar.add(inside, arcname=".")
    content = memory.getvalue()
    size = (len(content) + (4 << 20)) >> 20 << 20
    target.write_bytes(content + bytes(size - len(content)))
    return target
