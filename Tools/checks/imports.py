#!/usr/bin/env python3
"""Import arrows: a target imports only what imports.txt allows.

The table is the architecture; a new arrow is a change to the table, seen in
review. Package.swift is held to the same table, because SwiftPM lets a source
file import any target that happens to be built.
"""

import json
import re
import subprocess

from common import Finding, Fixture, blank_comments_and_strings, data_lines, files, main, read, relative

TABLE = "Tools/checks/imports.txt"
IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+)*(?:public |package |internal |private |fileprivate )?import[ \t]+"
    r"(?:(?:struct|class|enum|protocol|typealias|func|var|let)[ \t]+)?(\w+)",
    re.M,
)


def table(root):
    arrows = {}
    for _, line in data_lines(root / TABLE):
        target, _, modules = line.partition(":")
        arrows[target.strip()] = set(modules.split())
    return arrows


def check(root):
    arrows = table(root)
    own = {t.replace("-", "_") for t in arrows if t != "tests"}
    found = []
    for path in files(root, "Sources"):
        target = path.relative_to(root / "Sources").parts[0]
        if target not in arrows:
            found.append(unknown(target, relative(path, root)))
            arrows[target] = own | {"Foundation"}
        for module, line in imports(path):
            if module != target and module not in arrows[target]:
                found.append(
                    Finding(
                        f"{target} may not import {module}",
                        f"{relative(path, root)}:{line}",
                        "arrows point down only; Foundation costs a VM process 8 MB"
                        if module == "Foundation"
                        else "an upward or sideways arrow makes the layers one lump",
                        f"move the code to the layer it belongs to, or argue for a new arrow in {TABLE}",
                    )
                )
    for path in files(root, "Tests"):
        for module, line in imports(path):
            if module not in own | arrows.get("tests", set()):
                found.append(
                    Finding(
                        f"a test may not import {module}",
                        f"{relative(path, root)}:{line}",
                        "the package has no outside dependencies",
                        f"use what `tests:` in {TABLE} lists, or add it there with a reason",
                    )
                )
    return found + package_arrows(root, arrows)


def imports(path):
    text = blank_comments_and_strings(read(path))
    for match in IMPORT.finditer(text):
        yield match.group(1), text.count("\n", 0, match.start(1)) + 1


def unknown(target, where):
    return Finding(
        f"target {target} is not in the table",
        where,
        "a target without a place in the layers can be imported from anywhere",
        f"add `{target}: ...` to {TABLE}",
    )


def package_arrows(root, arrows):
    """The dependencies that Package.swift declares, against the same table."""
    if not (root / "Package.swift").exists():
        return []
    dump = subprocess.run(
        ["swift", "package", "--package-path", str(root), "dump-package"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    if dump.returncode:
        return [Finding("Package.swift does not load", "Package.swift", dump.stderr.strip()[-300:], "mend the manifest")]
    found = []
    for target in json.loads(dump.stdout)["targets"]:
        if target["type"] not in ("regular", "executable"):
            continue
        name = target["name"]
        if name not in arrows:
            found.append(unknown(name, "Package.swift"))
            continue
        for dependency in target["dependencies"]:
            wanted = (dependency.get("byName") or dependency.get("target") or dependency.get("product"))[0]
            if wanted not in arrows[name]:
                found.append(
                    Finding(
                        f"{name} may not depend on {wanted}",
                        "Package.swift",
                        "the manifest and the table must tell the same story",
                        f"drop the dependency, or argue for the arrow in {TABLE}",
                    )
                )
    return found


TOY = {TABLE: "Base: Glibc\nHostSystem: Base\nringbox: HostSystem Foundation\ntests: Testing\n"}
FIXTURES = [
    Fixture("downward arrow", {**TOY, "Sources/HostSystem/A.swift": "// import Foundation\nimport Base\n"}),
    Fixture("upward arrow", {**TOY, "Sources/Base/A.swift": "import HostSystem\n"}, "Base may not import HostSystem"),
    Fixture("scoped", {**TOY, "Sources/Base/A.swift": "@testable import struct HostSystem.X\n"}, "A.swift:1: Base may"),
    Fixture("Foundation", {**TOY, "Sources/HostSystem/A.swift": "\nimport Foundation\n"}, "A.swift:2: HostSystem may"),
    Fixture("Foundation allowed", {**TOY, "Sources/ringbox/A.swift": "internal import Foundation\n"}),
    Fixture("unknown target", {**TOY, "Sources/Odd/A.swift": "\n"}, "target Odd is not in the table"),
    Fixture("tests", {**TOY, "Tests/T/A.swift": "@testable import Base\nimport Testing\nimport Odd\n"}, "A.swift:3"),
]

if __name__ == "__main__":
    main(check, FIXTURES, __doc__)
