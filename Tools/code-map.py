#!/usr/bin/env python3
"""Rewrites the code map of ARCHITECTURE.md from the comments at the head of each file.

Between the two code-map markers stands one table per target: the target's
purpose is the first sentence under `## What` of its docs page, a file's
purpose is the first sentence of its head comment or of its main type's. Generated/ folders are one row.
"""

import re
import sys
from pathlib import Path

BEGIN, END = "<!-- code-map:begin -->", "<!-- code-map:end -->"
SUFFIXES = (".swift", ".c", ".h", ".S", ".py", ".sh")
TYPES = "struct|class|enum|protocol|actor|extension|typealias"
NOT_A_PURPOSE = re.compile(r"^(?:SPDX|swift-format|swift-tools|swiftlint|MARK|SAFETY|import\b|!|-\*-)")


def purpose(path):
    """What a file says it holds: its head comment, else its main type's, else its first comment."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".py":
        match = re.search(r'^"""(.+?)(?:"""|$)', text, re.M)
        return match.group(1).strip() if match else ""
    lines = [line.strip() for line in text.splitlines()]
    mark = "#" if path.suffix == ".sh" else "//"
    code = next((n for n, line in enumerate(lines) if line and not is_comment(line, mark)), len(lines))
    # A doc comment that touches a declaration speaks of that declaration, not of the file.
    head = code if code < len(lines) and (lines[code].startswith(("import", "#")) or not lines[code - 1]) else 0
    stem = re.escape(path.name.split(".")[0].split("+")[0])
    main = next((n for n, line in enumerate(lines) if re.search(rf"\b(?:{TYPES})\s+{stem}\b", line)), 0)
    block = main
    while block and (is_comment(lines[block - 1], mark) or lines[block - 1].startswith("@")):
        block -= 1
    return sentence(lines[:head], mark) or sentence(lines[block:main], mark) or sentence(lines, mark)


def is_comment(line, mark):
    return line.startswith((mark, "/*", "*"))


def sentence(lines, mark):
    """The first sentence of the first comment that says something."""
    words = []
    for line in lines:
        text = re.sub(r"^(?:///?|/\*+|\*+/?|#+)\s*|\*/$", "", line).strip() if is_comment(line, mark) else ""
        if not words and (NOT_A_PURPOSE.match(text) or not re.search(r"[A-Za-z]{2}", text)):
            continue
        if not text or (words and text.startswith("- ")):
            break
        words.append(text)
    text = " ".join(words)
    match = re.match(r".*?\.(?=\s+[A-Z]|$)", text)
    return (match.group(0) if match else text)[:200]


def target_purpose(root, target):
    page = root / "docs" / f"{target}.md"
    if not page.exists():
        return ""
    match = re.search(r"^## What[^\n]*\n+(.+?)(?:\n\n|\n#|\Z)", page.read_text(encoding="utf-8"), re.M | re.S)
    return re.split(r"(?<=\.)\s", " ".join(match.group(1).split()))[0] if match else ""


def cell(text):
    return text.replace("|", "\\|")


def rows(root, target):
    folder = root / "Sources" / target
    generated = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        name = str(path.relative_to(folder))
        if "Generated" in path.relative_to(folder).parts:
            parent = name[: name.index("Generated") + len("Generated")]
            generated[parent] = generated.get(parent, 0) + 1
            continue
        yield f"| `{name}` | {cell(purpose(path)) or '(no comment says)'} |"
    for parent in sorted(generated):
        yield f"| `{parent}/` | written by `isa-gen`; never edited by hand |"


def code_map(root):
    lines = []
    sources = root / "Sources"
    for target in sorted(p.name for p in sources.iterdir() if p.is_dir()) if sources.exists() else []:
        lines += [f"### {target}", ""]
        words = target_purpose(root, target)
        if words:
            lines += [words, ""]
        table = list(rows(root, target))
        if table:
            lines += ["| File | What is in it |", "|---|---|", *table, ""]
    return "\n".join(lines)


def updated(root):
    """ARCHITECTURE.md as it should be."""
    text = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"ARCHITECTURE.md needs the lines {BEGIN} and {END}")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{code_map(root)}\n{END}{tail}"


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    new = updated(root)
    architecture = root / "ARCHITECTURE.md"
    if architecture.read_text(encoding="utf-8") != new:
        architecture.write_text(new, encoding="utf-8")
        print("ARCHITECTURE.md: code map rewritten")
    sys.exit(0)
