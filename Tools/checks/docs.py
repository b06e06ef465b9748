#!/usr/bin/env python3
"""Documents: a page per target, links that resolve, make targets that explain themselves, a fresh code map.

A page docs/<Target>.md says what the target is for, its invariants, the
specifications it follows and where to add things. Links are checked down to
the heading. `Tools/code-map.py` writes the code map of ARCHITECTURE.md.
"""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

from common import Finding, Fixture, files, main, read, relative

LINK = re.compile(r"(?<!!)\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.M)
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
PAGE_HEADINGS = ("What", "Invariants", "Specifications", "Where to add")


def check(root):
    return pages(root) + links(root) + make_targets(root) + code_map(root)


def pages(root):
    found = []
    sources = root / "Sources"
    for target in sorted(p.name for p in sources.iterdir() if p.is_dir()) if sources.exists() else []:
        page = root / "docs" / f"{target}.md"
        if not page.exists():
            found.append(
                Finding(f"target {target} has no page", f"docs/{target}.md", "a newcomer finds the room by its page",
                        "write one page: " + ", ".join(PAGE_HEADINGS))
            )
            continue
        headings = re.findall(r"^## (.+)$", read(page), re.M)
        for wanted in PAGE_HEADINGS:
            if not any(h.startswith(wanted) for h in headings):
                found.append(
                    Finding(f"no section '## {wanted}'", f"docs/{target}.md", "all pages answer the same questions",
                            "add the section; one true sentence is enough")
                )
    return found


def slug(heading):
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading))


def anchors(path):
    text = FENCE.sub("", read(path))
    return {slug(h) for h in re.findall(r"^#{1,6} (.+)$", text, re.M)} | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def links(root):
    found = []
    for path in files(root, suffixes=(".md",)):
        text = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), read(path))
        text = re.sub(r"`[^`\n]*`", lambda m: " " * len(m.group(0)), text)
        for match in [*LINK.finditer(text), *IMAGE.finditer(text)]:
            target = next(g for g in match.groups() if g)
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = unquote(target).partition("#")
            place = (path.parent / file) if file else path
            where = f"{relative(path, root)}:{text.count(chr(10), 0, match.start()) + 1}"
            if not place.exists():
                found.append(Finding(f"dead link {target}", where, "a reader follows it", "correct or remove the link"))
            elif anchor and place.suffix == ".md" and anchor not in anchors(place):
                found.append(Finding(f"no heading for #{anchor}", where, "a reader follows it", "correct the anchor"))
    return found


def make_targets(root):
    makefile = root / "Makefile"
    if not makefile.exists():
        return []
    text = read(makefile)
    readme = read(root / "README.md") if (root / "README.md").exists() else ""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"^([a-z][\w-]*)\s*:(?!=)", line)
        if match and "##" not in line and f"make {match.group(1)}" not in readme:
            found.append(
                Finding(f"target {match.group(1)} explains itself nowhere", f"Makefile:{number}",
                        "`make help` is the list of what can be done", "add `## what it does` behind its prerequisites")
            )
    for path in files(root, suffixes=(".md",)):
        for match in re.finditer(r"`make ([a-z][\w-]*)", read(path)):
            if not re.search(rf"^{match.group(1)}\s*:(?!=)", text, re.M):
                found.append(
                    Finding(f"`make {match.group(1)}` does not exist", relative(path, root), "a reader types it",
                            "correct the name")
                )
    return found


def code_map(root):
    architecture = root / "ARCHITECTURE.md"
    if not architecture.exists():
        return []
    location = Path(__file__).resolve().parents[1] / "code-map.py"
    spec = importlib.util.spec_from_file_location("code_map", location)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    if tool.updated(root) == read(architecture):
        return []
    return [
        Finding("the code map is stale", "ARCHITECTURE.md", "a map of another town leads astray", "run `make code-map`")
    ]


PAGE = {"Sources/A/A.swift": "/// It.\n", "docs/A.md": "# A\n## What\n## Invariants\n## Specifications\n## Where to add\n"}
FIXTURES = [
    Fixture("complete", {**PAGE, "README.md": "[a](docs/A.md#what) `[x](no)` ![b](LICENSE)\n", "LICENSE": ""}),
    Fixture("no page", {"Sources/A/A.swift": ""}, "target A has no page"),
    Fixture("no section", {**PAGE, "docs/A.md": "# A\n## What\n"}, "no section '## Invariants'"),
    Fixture("dead link", {"README.md": "\n[a](docs/B.md)\n"}, "README.md:2: dead link"),
    Fixture("dead anchor", {"README.md": "# A b\n[a](#a-b) [b](#c)\n"}, "no heading for #c"),
    Fixture("silent target", {"Makefile": "X := 1\nrun: ## runs\nodd: run\n"}, "target odd explains"),
    Fixture("unknown target", {"Makefile": "run: ## runs\n", "README.md": "`make walk`\n"}, "`make walk` does not"),
    Fixture(
        "stale map",
        {**PAGE, "ARCHITECTURE.md": "# A\n<!-- code-map:begin -->\n<!-- code-map:end -->\n"},
        "code map is stale",
    ),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
