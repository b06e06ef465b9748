#!/usr/bin/env python3
"""Public declarations carry doc comments; files begin with a line that says what is in them.

A simple scanner, not a compiler: it looks at `public` and `open` declarations
outside Generated/ and asks for a `///` line above. Initialisers are exempt (the
type and its properties explain them), and so are members whose name a protocol
of ours or of the standard library requires: they are explained there.
"""

import importlib.util
import re
from pathlib import Path

from common import NOTES, Fixture, blank_comments_and_strings, files, main, ratchet, read, relative

DECLARATION = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:static|final|class|override|mutating|nonmutating|nonisolated|consuming|"
    r"borrowing|indirect|convenience|required|lazy|weak|unowned|@\w+)\s+)*(?:public(?:\(set\))?|open)\s+"
    r"(?:(?:static|final|override|mutating|nonmutating|nonisolated|consuming|borrowing|indirect|convenience|required|"
    r"lazy|private\(set\)|internal\(set\)|fileprivate\(set\)|package\(set\)|unsafe|@\w+)\s+)*"
    r"(func|var|let|struct|class|enum|protocol|actor|init|subscript|typealias|associatedtype|macro)\b[\s?]*([^\s(<:={]*)"
)
EXEMPT_NAMES = {
    "description", "debugDescription", "hash", "==", "<", "deinit", "rawValue", "encode", "save", "RawValue",
    "startIndex", "endIndex", "next", "makeIterator", "advanced", "distance",
}
REQUIREMENT = re.compile(r"^\s*(?:(?:static|mutating|nonmutating|@\w+)\s+)*(?:func|var)\s+([^\s(<:]+)")


def first_line_tool():
    location = Path(__file__).resolve().parents[1] / "code-map.py"
    spec = importlib.util.spec_from_file_location("code_map", location)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def check(root):
    purpose = first_line_tool().purpose
    bare, silent = [], []
    exempt = EXEMPT_NAMES | requirements(root)
    for path in files(root, "Sources", generated=False):
        source = read(path)
        if not purpose(path):
            silent.append(relative(path, root))
        lines = source.splitlines()
        code = blank_comments_and_strings(source).splitlines()
        for number, line in enumerate(code):
            match = DECLARATION.match(line)
            if not match or match.group(2) in exempt or match.group(1) == "init" or "override" in line:
                continue
            if not documented(lines, number):
                bare.append(f"{relative(path, root)}:{number + 1}: public {match.group(1)} {match.group(2)}".rstrip())
    NOTES.extend(f"{b} has no doc comment" for b in bare[:20])
    if len(bare) > 20:
        NOTES.append(f"... and {len(bare) - 20} more public declarations without a doc comment")
    NOTES.extend(f"{s}: no first comment line" for s in silent)
    return ratchet(
        root, "public-undocumented", len(bare), "say in one /// line what a caller must know: meaning, unit, invariant"
    ) + ratchet(
        root, "files-without-first-line", len(silent), "begin the file's main type with a /// line; the code map shows it"
    )


def requirements(root):
    """Names that the protocols of the package require."""
    names = set()
    for path in files(root, "Sources", generated=False):
        inside = False
        for line in blank_comments_and_strings(read(path)).splitlines():
            if re.match(r"^(?:@\w+\s+)*(?:public\s+|package\s+)?protocol\b", line):
                inside = "}" not in line
            elif inside and line.startswith("}"):
                inside = False
            elif inside and (match := REQUIREMENT.match(line)):
                names.add(match.group(1))
    return names


def documented(lines, number):
    above = number - 1
    while above >= 0 and (lines[above].strip().startswith("@") or lines[above].strip().startswith("// ")):
        above -= 1
    text = lines[above].strip() if above >= 0 else ""
    return text.startswith("///") or text.endswith("*/")


RATCHET = {"Tools/checks/ratchets.txt": "public-undocumented 0\nfiles-without-first-line 0\n"}
FIXTURES = [
    Fixture("documented", {**RATCHET, "Sources/A/A.swift": "/// It.\n@frozen\npublic struct A {\n  var x = 1\n}\n"}),
    Fixture("bare", {**RATCHET, "Sources/A/A.swift": "/// It.\n\npublic static func f() {}\n"}, "undocumented is 1"),
    Fixture("bare with set", {**RATCHET, "Sources/A/A.swift": "/// I.\nlet a = 1\npublic private(set) var x = 1\n"}, "is 1"),
    Fixture("exempt", {**RATCHET, "Sources/A/A.swift": "/// It.\nlet x = 1\npublic var description: String { x }\n"}),
    Fixture(
        "required by a protocol",
        {**RATCHET, "Sources/A/A.swift": "/// It.\npublic protocol P {\n  func f()\n}\n\n\npublic func f() {}\n"},
    ),
    Fixture("in a string", {**RATCHET, "Sources/A/A.swift": '/// It.\nlet x = """\npublic var a\n"""\n'}),
    Fixture("silent file", {**RATCHET, "Sources/A/A.swift": "import B\nlet x = 1\n"}, "files-without-first-line is 1"),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
