#!/usr/bin/env python3
"""Hot-path purity: the disassembly of hot functions calls no reference counting, allocation or run-time lookup.

Reads the release objects (`make build` first), takes the functions that
hot-path.txt calls hot, and looks at every call and address they take. A
helper the optimiser split off (outlined, merged, specialised) is judged with
its callers, unless it is cold by name. A `symbol` line that matches nothing fails too: a renamed handler
table must not silence the check.
"""

import re
import subprocess

from common import NOTES, Finding, Fixture, data_lines, files, main

TABLE = "Tools/checks/hot-path.txt"
HEADER = re.compile(r"^[0-9a-f]+ <(.+)>:$")
RELOCATION = re.compile(r"^\s+[0-9a-f]+: R_X86_64_\w+\s+(\S+?)(?:[-+]0x[0-9a-f]+)?$")
DIRECT = re.compile(r"\s(?:call|jmp)q?\s+[0-9a-f]+ <([^+>]+)>")


def rules(root):
    out = {key: [] for key in ("target", "folder", "symbol", "cold", "follow", "forbid", "allow")}
    for number, line in data_lines(root / TABLE):
        key, _, value = line.partition(" ")
        if key not in out:
            raise SystemExit(f"{TABLE}:{number}: unknown word {key}")
        value = value.strip()
        if key == "allow":
            caller, _, callee = value.partition("=>")
            out[key].append((re.compile(caller.strip()), re.compile(callee.strip())))
        elif key in ("target", "folder"):
            out[key].append(value)
        else:
            out[key].append(re.compile(value))
    return out


def functions(objects):
    """Mangled name -> (object, set of referenced names); one entry per definition."""
    found = {}
    for path in objects:
        listing = subprocess.run(
            ["objdump", "-dr", "--no-show-raw-insn", str(path)], capture_output=True, text=True, check=True
        ).stdout
        current = None
        for line in listing.splitlines():
            header = HEADER.match(line)
            if header:
                current = (path.name, header.group(1))
                found[current] = set()
            elif current:
                match = RELOCATION.match(line) or DIRECT.search(line)
                if match:
                    found[current].add(match.group(1))
    return found


def demangle(names):
    """Mangled -> demangled for every name, in one process."""
    names = sorted(names)
    if not names:
        return {}
    plain = [n for n in names if not n.startswith(("$s", "_$s"))]
    swift = [n for n in names if n.startswith(("$s", "_$s"))]
    out = dict(zip(plain, plain))
    if swift:
        text = subprocess.run(
            ["swift", "demangle", "--compact"], input="\n".join(swift) + "\n", capture_output=True, text=True, check=True
        ).stdout.splitlines()
        out.update(zip(swift, text))
    return out


def check(root):
    table = rules(root)
    found = []
    for target in table["target"]:
        objects = sorted((root / ".build/release" / f"{target}.build").glob("**/*.o"))
        if not objects:
            return [
                Finding(
                    f"no release objects of {target}", f".build/release/{target}.build",
                    "the check reads what the compiler made", "run `make build` first",
                )
            ]
        hot_objects = {
            p.name + ".o" for folder in table["folder"] if (root / folder).exists() for p in files(root, folder)
        }
        if not hot_objects:
            found.append(
                Finding("no source file in the hot folder", " ".join(table["folder"]),
                        "an empty folder would pass every time", f"mend the `folder` line in {TABLE}")
            )
        found += judge(functions(objects), hot_objects, table, target)
    return found


def judge(defined, hot_objects, table, target):
    names = demangle({n for _, n in defined} | {c for calls in defined.values() for c in calls})
    matches = lambda patterns, text: any(p.search(text) for p in patterns)
    hot, found = [], []
    seen = {pattern.pattern: 0 for pattern in table["symbol"]}
    for (place, name), _ in defined.items():
        text = names[name]
        named = [p.pattern for p in table["symbol"] if p.search(text)]
        for pattern in named:
            seen[pattern] += 1
        if named or (place in hot_objects and not matches(table["cold"] + table["follow"], text)):
            hot.append((place, name))
    for pattern, number in seen.items():
        if not number:
            found.append(
                Finding(f"no function of {target} matches `symbol {pattern}`", TABLE,
                        "a pattern that matches nothing guards nothing", "correct the pattern or remove the line")
            )
    NOTES.append(f"{len(hot)} hot functions of {len(defined)} in {target}")
    by_name = {}
    for (place, name), calls in defined.items():
        by_name.setdefault(name, set()).update(calls)
    told = set()
    for place, name in hot:
        for chain in reach(name, by_name, names, table):
            callee = names[chain[-1]]
            caller = names[name]
            if not matches(table["forbid"], callee):
                continue
            if any(a.search(caller) and b.search(callee) for a, b in table["allow"]):
                continue
            if (name, callee) in told:
                continue
            told.add((name, callee))
            way = "".join(f" via {names[step]}" for step in chain[:-1])
            found.append(
                Finding(
                    f"{short(caller)} calls {callee}{short(way)}", f"{target}.build/{place}",
                    "reference counting, allocation and look-ups cost more than the instruction they serve",
                    "pass plain data by pointer or inout; if the call is on a cold branch, move that branch out "
                    f"behind @inline(never), or add an `allow` line with its reason to {TABLE}",
                )
            )
    return found


def reach(name, by_name, names, table, seen=None):
    """Call chains from a function through the helpers that belong to it."""
    seen = seen or {name}
    for callee in sorted(by_name.get(name, ())):
        yield (callee,)
        text = names[callee]
        cold = any(p.search(text) for p in table["cold"])
        helper = callee in by_name and not cold and any(p.search(text) for p in table["follow"])
        if helper and callee not in seen:
            seen.add(callee)
            for chain in reach(callee, by_name, names, table, seen):
                yield (callee, *chain)


def short(text):
    return text if len(text) < 160 else text[:157] + "..."


TOY_TABLE = "target Toy\nfolder Sources/Toy/Hot\nsymbol loop\ncold cold\nfollow ^outlined\nforbid ^swift_retain$\n"
SOURCE = "extern void swift_retain(void *);\n"


class Objects:
    """Fixtures of this check need objects: C files of the toy tree are compiled first."""

    @staticmethod
    def check(root):
        folder = root / ".build/release/Toy.build"
        folder.mkdir(parents=True)
        for path in (root / "Sources").glob("**/*.c"):
            subprocess.run(["gcc", "-O1", "-c", str(path), "-o", str(folder / (path.stem + ".o"))], check=True)
            (path.parent / path.stem).touch()
        return check(root)


def toy(name, hot, expect=None, cold="", table=TOY_TABLE):
    sources = {"Sources/Toy/Hot/H.swift.c": SOURCE + hot, "Sources/Toy/C.swift.c": SOURCE + cold}
    return Fixture(name, {TABLE: table, **sources}, expect)


FIXTURES = [
    toy("pure", "int loop(int a) { return a + 1; }"),
    toy("retain", "int loop(void *a) { swift_retain(a); return 1; }", "loop calls swift_retain"),
    toy("address taken", "void *loop(void) { return (void *)swift_retain; }", "loop calls swift_retain"),
    toy("cold function", "int loop(int a) { return a; }\nint cold(void *a) { swift_retain(a); return 1; }"),
    toy("cold file", "int loop(int a) { return a; }", None, "int slow(void *a) { swift_retain(a); return 1; }"),
    toy(
        "split-off helper",
        "__attribute__((noinline)) int outlined(void *a) { swift_retain(a); return 1; }\n"
        "int loop(void *a) { return outlined(a) + 1; }",
        "via outlined",
    ),
    toy(
        "split-off cold helper",
        "__attribute__((noinline)) int outlined_cold(void *a) { swift_retain(a); return 1; }\n"
        "int loop(void *a) { return outlined_cold(a) + 1; }",
    ),
    toy("renamed table", "int other(int a) { return a; }", "matches `symbol loop`"),
    toy(
        "exception",
        "int loop(void *a) { swift_retain(a); return 1; }", None, "",
        TOY_TABLE + "allow loop => swift_retain\n",
    ),
]

if __name__ == "__main__":
    import sys

    main(Objects.check if "--self-test" in sys.argv else check, FIXTURES, __doc__)
