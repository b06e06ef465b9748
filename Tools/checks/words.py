#!/usr/bin/env python3
"""Forbidden words: paths of one machine, unknown hosts, host clocks in devices, and their like.

words.txt holds the patterns, hosts.txt the hosts that a URL may name.
"""

import re

from common import Finding, Fixture, data_lines, files, main, read, relative

WORDS, HOSTS = "Tools/checks/words.txt", "Tools/checks/hosts.txt"
URL = re.compile(r"\b(?:https?|ftp|git|ssh)://(?:[^\s/@\"'<>`]*@)?\[?([A-Za-z0-9_.-]+)")
TEXT = (
    ".swift", ".c", ".h", ".S", ".s", ".py", ".sh", ".md", ".txt", ".json", ".yml", ".yaml", "Makefile", "run",
    ".asl", ".ld", ".modulemap", ".cfg", ".gitignore", ".swift-format",
)


def check(root):
    patterns = []
    for number, line in data_lines(root / WORDS):
        # A `|` inside a pattern has no blanks around it.
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 4:
            return [Finding("not `FOLDERS | REGEX | why | fix`", f"{WORDS}:{number}", "unreadable rule", "add the parts")]
        patterns.append((parts[0].split(), re.compile(parts[1]), parts[2], parts[3]))
    hosts = {line for _, line in data_lines(root / HOSTS)}
    found = []
    for path in files(root, suffixes=TEXT):
        name = relative(path, root)
        text = read(path)
        for folders, pattern, why, fix in patterns:
            if applies(folders, name):
                for match in pattern.finditer(text):
                    found.append(Finding(f"`{match.group(0)}`", place(name, text, match), why, fix))
        for match in URL.finditer(text):
            if match.group(1).lower().rstrip(".") not in hosts:
                found.append(
                    Finding(
                        f"URL to {match.group(1)}", place(name, text, match),
                        "a private mirror must not leak, and a dead link helps nobody",
                        f"name the thing instead, or add the host to {HOSTS} when it is its public home",
                    )
                )
    return found


def applies(folders, name):
    inside = any(f == "." or name.startswith(f) for f in folders if not f.startswith("!"))
    return inside and not any(name.startswith(f[1:]) for f in folders if f.startswith("!"))


def place(name, text, match):
    return f"{name}:{text.count(chr(10), 0, match.start()) + 1}"


TOY = {WORDS: ". | /wor[k]/ | w | f\nSources/D !Sources/D/ok | clo[c]k | w | f\n", HOSTS: "example.org\n"}
FIXTURES = [
    Fixture("clean", {**TOY, "README.md": "see https://example.org/x and clock\n"}),
    Fixture("path", {**TOY, "README.md": "\nsee " + "/work" + "/x\n"}, "README.md:2: `/wor"),
    Fixture("host", {**TOY, "a.sh": "curl http" + "://mirror.internal:80/x\n"}, "URL to mirror.internal"),
    Fixture("clock", {**TOY, "Sources/D/a.swift": "clock\n"}, "a.swift:1: `clock`"),
    Fixture("taken out", {**TOY, "Sources/D/ok.swift": "clock\n"}),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
