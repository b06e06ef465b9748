#!/usr/bin/env python3
"""Unsafe fence: unsafe code lives in *+Unsafe.swift and every piece says why it is sound.

What counts as unsafe: the `unsafe` keyword, Unsafe*Pointer, Unmanaged,
OpaquePointer, unsafeBitCast and friends, `@unchecked Sendable`,
`nonisolated(unsafe)`, `unowned(unsafe)`, `@unsafe`, `@safe`.

What counts as justified, in a fenced file: a `// SAFETY:` comment (or a doc
line `/// - Safety:`) on the line, within the eight lines above it, or directly
above the function that holds it. `// SAFETY(type):` above a type or extension
covers its whole body, for types with one invariant for all of their pointers.
Files under Generated/ answer for their shape to the generator: they keep the
name rule and are free of the comment rule.
"""

import math
import re

from common import NOTES, Finding, Fixture, blank_comments_and_strings, files, main, ratchet, read, relative

TOKEN = re.compile(
    r"(?<![\w.])unsafe(?=\s+[\w(\[&*.{])|\bUnsafe\w*(?:Pointer|Continuation)\b|\bUnmanaged\b|\bOpaquePointer\b"
    r"|\bunsafe(?:BitCast|Downcast)\b|\bwithUnsafe\w+|@unchecked\s+Sendable|\((?:unsafe)\)|@unsafe\b|@safe\b"
)
NEEDS_COMMENT = re.compile(
    r"(?<![\w.])unsafe(?=\s+[\w(\[&*.{])|@unchecked\s+Sendable|\((?:unsafe)\)|\bunsafe(?:BitCast|Downcast)\b|@safe\b"
)
SAFETY = re.compile(r"//.*\bSAFETY:|///?\s*-?\s*Safety:")
TYPE_SAFETY = re.compile(r"//.*\bSAFETY\(type\):")
FUNCTION = re.compile(r"\b(?:func|init|deinit|subscript|var|let|get|set|_read|_modify)\b")
TYPE = re.compile(r"\b(?:struct|class|enum|extension|actor|protocol)\b")
REACH = 8


def check(root):
    found, count, lines_of_code, bare = [], 0, 0, 0
    for path in files(root, "Sources"):
        source = read(path)
        code = blank_comments_and_strings(source)
        lines = code.splitlines()
        generated = "Generated" in path.parts
        fenced = path.name.endswith("+Unsafe.swift")
        if not generated:
            lines_of_code += sum(1 for line in lines if line.strip())
        covered = None
        for number, line in enumerate(lines, 1):
            match = TOKEN.search(line)
            if not match:
                continue
            where = f"{relative(path, root)}:{number}"
            if not fenced:
                found.append(
                    Finding(
                        f"`{match.group(0)}` outside a +Unsafe.swift file",
                        where,
                        "the audit surface is a list of file names",
                        "use Span, InlineArray or a safe wrapper, or move this piece to <Type>+Unsafe.swift",
                    )
                )
                continue
            if generated:
                continue
            count += 1
            if NEEDS_COMMENT.search(line):
                if covered is None:
                    covered = justified_lines(source.splitlines(), lines)
                if number not in covered:
                    bare += 1
                    NOTES.append(f"{where}: unsafe without // SAFETY:")
    rate = 1000 * count / max(lines_of_code, 1)
    if lines_of_code:
        NOTES.append(f"{count} unsafe lines in {lines_of_code} lines of code: {rate:.1f} per kLOC")
    found += ratchet(
        root, "unsafe-without-safety", bare,
        "write // SAFETY: above the unsafe piece: which invariant makes it sound, and who keeps it",
    )
    return found + ratchet(
        root, "unsafe-per-kloc", math.ceil(rate), "put the new code behind a safe interface, or argue for a higher number"
    )


def justified_lines(source, code):
    """Numbers of the lines that a SAFETY comment covers."""
    covered = set()
    for number, line in enumerate(source, 1):
        if SAFETY.search(line):
            covered.update(range(number, number + REACH + 1))
    scopes, pending = [], ""
    for number, line in enumerate(code, 1):
        for character in line + "\n":
            if character == "{":
                scopes.append(any(scopes) or opens_covered(source, code, number, pending))
                pending = ""
            elif character == "}":
                if scopes:
                    scopes.pop()
                pending = ""
            elif character == "\n":
                pending += " "
            else:
                pending += character
        if any(scopes) or (scopes and scopes[-1]):
            covered.add(number)
        if not line.strip():
            pending = ""
    return covered


def opens_covered(source, code, number, head):
    """Whether the brace on this line opens a body whose declaration has a SAFETY comment above it."""
    pattern = SAFETY if FUNCTION.search(head) and not TYPE.search(head) else TYPE_SAFETY if TYPE.search(head) else None
    if pattern is None:
        return False
    first = number - 1
    while first > 0 and not (FUNCTION.search(code[first]) or TYPE.search(code[first])):
        first -= 1
    above = first - 1
    while above >= 0 and (source[above].strip().startswith(("//", "@", "*", "/*"))):
        if pattern.search(source[above]):
            return True
        above -= 1
    return False


RATCHET = {"Tools/checks/ratchets.txt": "unsafe-without-safety 0\nunsafe-per-kloc 1000\n"}
FIXTURES = [
    Fixture("safe code", {**RATCHET, "Sources/A/A.swift": '/// unsafe in a comment\nlet s = "unsafe pointer"\n'}),
    Fixture("pointer outside", {**RATCHET, "Sources/A/A.swift": "let p: UnsafeRawPointer\n"}, "A.swift:1: `UnsafeRaw"),
    Fixture("unchecked", {**RATCHET, "Sources/A/A.swift": "final class A: @unchecked Sendable {}\n"}, "outside a +Uns"),
    Fixture("nonisolated", {**RATCHET, "Sources/A/A.swift": "nonisolated(unsafe) var a = 1\n"}, "outside a +Unsafe"),
    Fixture("justified", {**RATCHET, "Sources/A/A+Unsafe.swift": "// SAFETY: p is owned.\nlet a = unsafe p.pointee\n"}),
    Fixture("bare", {**RATCHET, "Sources/A/A+Unsafe.swift": "let a = unsafe p.pointee\n"}, "unsafe-without-safety is 1"),
    Fixture(
        "function covers its body",
        {**RATCHET, "Sources/A/A+Unsafe.swift": "// SAFETY: owned.\nfunc f() {\n" + "  g()\n" * 12 + "  unsafe h()\n}\n"},
    ),
    Fixture(
        "and not the next one",
        {**RATCHET, "Sources/A/A+Unsafe.swift": "// SAFETY: owned.\nfunc f() {\n" + "  g()\n" * 12 + "}\nfunc i() { unsafe h() }\n"},
        "unsafe-without-safety is 1",
    ),
    Fixture(
        "type covers its body",
        {**RATCHET, "Sources/A/A+Unsafe.swift": "// SAFETY(type): owned.\nstruct S {\n" + "  // x\n" * 12 + "  func f() { unsafe h() }\n}\n"},
    ),
    Fixture("rate", {"Tools/checks/ratchets.txt": "unsafe-per-kloc 900\n", "Sources/A/A+Unsafe.swift": "let p: OpaquePointer\n" * 10}, "unsafe-per-kloc is 1000"),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
