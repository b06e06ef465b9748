"""Shared by every check: findings, source scanning, ratchets and self-tests.

A check is a script with a `check(root) -> list[Finding]` function and a
`FIXTURES` list; `main` turns that into a command line:

    check.py [--root DIR]     judge the tree, exit 1 when something is wrong
    check.py --self-test      judge the fixtures, exit 1 when the check is blind
"""

import argparse
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {".build", ".git", ".cache", "__pycache__", "node_modules"}


@dataclass
class Finding:
    """One thing that is wrong: what, where, why it matters, how to mend it."""

    what: str
    where: str
    why: str
    fix: str

    def __str__(self):
        return f"{self.where}: {self.what}\n    why: {self.why}\n    fix: {self.fix}"


@dataclass
class Fixture:
    """A toy tree. `expect` is a piece of the finding it must cause; None: must pass."""

    name: str
    files: dict
    expect: str | None = None


class Notes(list):
    """Lines a check prints even when it passes, such as counts."""


NOTES = Notes()


def files(root, folder=".", suffixes=(".swift",), generated=True):
    """Files under root/folder in a stable order; build products are left out."""
    base = Path(root) / folder
    found = []
    for directory, names, entries in os.walk(base):
        names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS)
        if not generated and "Generated" in Path(directory).parts:
            continue
        for entry in sorted(entries):
            if entry.endswith(tuple(suffixes)):
                found.append(Path(directory) / entry)
    return found


def relative(path, root):
    return str(Path(path).relative_to(root))


def read(path):
    return Path(path).read_text(encoding="utf-8", errors="replace")


def data_lines(path):
    """(line number, text) of a data file without blank lines and comments (a # and a blank)."""
    for number, line in enumerate(read(path).splitlines(), 1):
        text = re.sub(r"(^|\s)#(\s.*)?$", "", line).strip()
        if text:
            yield number, text


def blank_comments_and_strings(source):
    """The same text with comment and string contents replaced by spaces.

    Newlines stay, so line numbers and columns hold. Interpolations inside
    strings are blanked too: good enough for a fence, and it never misreports.
    """
    out = []
    i, n = 0, len(source)

    def blank(text):
        return re.sub(r"[^\n]", " ", text)

    while i < n:
        if source.startswith("//", i):
            end = source.find("\n", i)
            end = n if end < 0 else end
        elif source.startswith("/*", i):
            depth, end = 1, i + 2
            while end < n and depth:
                if source.startswith("/*", end):
                    depth, end = depth + 1, end + 2
                elif source.startswith("*/", end):
                    depth, end = depth - 1, end + 2
                else:
                    end += 1
        else:
            match = re.compile(r'(#*)("""|")').match(source, i)
            if not match:
                out.append(source[i])
                i += 1
                continue
            hashes, quote = match.group(1), match.group(2)
            close, escape = quote + hashes, "\\" + hashes
            end = match.end()
            while end < n and not source.startswith(close, end):
                if quote == '"' and source[end] == "\n":
                    break
                if source.startswith(escape + "(", end):
                    end = skip_interpolation(source, end + len(escape) + 1)
                elif source.startswith(escape, end):
                    end += len(escape) + 1
                else:
                    end += 1
            end = min(n, end + len(close)) if source.startswith(close, end) else end
        out.append(blank(source[i:end]))
        i = end
    return "".join(out)


def skip_interpolation(source, i):
    """Index just behind the parenthesis that closes an interpolation."""
    depth = 1
    while i < len(source) and depth:
        if source[i] == '"':
            i += 1
            while i < len(source) and source[i] not in '"\n':
                i += 2 if source[i] == "\\" else 1
        elif source[i] == "(":
            depth += 1
        elif source[i] == ")":
            depth -= 1
        i += 1
    return i


RATCHETS = "Tools/checks/ratchets.txt"


def ratchet(root, name, measured, fix):
    """Findings when `measured` is above the number kept for `name`.

    Below it the tree got better: a note asks to lower the number
    (`Tools/checks/run.py --lower-ratchets` does it), nothing fails.
    """
    path = Path(root) / RATCHETS
    kept = {}
    if path.exists():
        for _, line in data_lines(path):
            key, value = line.split()
            kept[key] = int(value)
    limit = kept.get(name, 0)
    MEASURED[name] = measured
    if measured > limit:
        return [
            Finding(
                f"{name} is {measured}, the ratchet holds it at {limit}",
                RATCHETS,
                "this number may only fall",
                fix,
            )
        ]
    if measured < limit:
        NOTES.append(f"{name} fell to {measured} (kept: {limit}); lower it with `make ratchet`")
    return []


MEASURED = {}


def lower_ratchets(root):
    """Rewrites the ratchet file downwards with what the checks just measured."""
    path = Path(root) / RATCHETS
    lines = []
    for line in read(path).splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in MEASURED and int(words[1]) > MEASURED[words[0]]:
            line = line.replace(words[1], str(MEASURED[words[0]]), 1)
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_fixtures(check, fixtures):
    """Runs a check over its fixtures; a list of complaints, empty when it can see."""
    complaints = []
    for fixture in fixtures:
        with tempfile.TemporaryDirectory() as directory:
            for name, text in fixture.files.items():
                path = Path(directory) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            found = check(Path(directory))
        told = "\n".join(str(f) for f in found)
        if fixture.expect is None and found:
            complaints.append(f"{fixture.name}: must pass, but says:\n{told}")
        if fixture.expect is not None and fixture.expect not in told:
            complaints.append(f"{fixture.name}: must say '{fixture.expect}', but says: {told or 'nothing'}")
    if not any(f.expect for f in fixtures):
        complaints.append("no fixture that must fail")
    return complaints


def main(check, fixtures, description):
    parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="tree to judge")
    parser.add_argument("--self-test", action="store_true", help="judge the built-in fixtures instead")
    options = parser.parse_args()
    if options.self_test:
        complaints = run_fixtures(check, fixtures)
        for complaint in complaints:
            print("self-test:", complaint)
        sys.exit(1 if complaints else 0)
    found = check(options.root.resolve())
    for note in NOTES:
        print("note:", note)
    for finding in found:
        print(finding)
    sys.exit(1 if found else 0)
