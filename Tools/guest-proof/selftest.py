#!/usr/bin/env python3
"""Runs guest-proof.py on shell scripts in a guest's place: no failure, death or silence may go unnoticed.

Ends with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "guest-proof.py"
specification = importlib.util.spec_from_file_location("guest_proof", SCRIPT)
assert specification and specification.loader
proof = importlib.util.module_from_spec(specification)
specification.loader.exec_module(proof)

failures: list[str] = []
passed = 0


def expect(condition: object, what: str) -> None:
    global passed
    if condition:
        passed += 1
    else:
        failures.append(what)
        print(f"FAILED: {what}")


def outcome(script: str) -> tuple[int, str]:
    """Status and output of the driver with this script as its VM."""
    chosen = argparse.Namespace(
        vm="qemu", engine="", proofs=["smc", "gcc"], short=True, limit=1, boot_limit=1, share=1, bench=Path("."), log=None, json=None
    )
    proof.options = lambda: chosen
    proof.prepare = lambda _: None
    proof.config = lambda _: {}
    proof.inputs.make = lambda work, *_: work
    proof.command = lambda *_: ["sh", "-c", script]
    proof.GRACE_S = 0
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = proof.main()
    return status, output.getvalue()


def main() -> int:
    status, text = outcome("echo PROOF-START smc; echo PROOF smc ok 3 fine; echo PROOF gcc ok 1; echo PROOF-END")
    expect(status == 0 and "2 passed, 0 failed" in text, "all well")

    status, text = outcome("echo PROOF smc ok 3; echo PROOF gcc FAIL 2 differs; echo PROOF-END")
    expect(status == 1 and "gcc: FAILED, 2 s: differs" in text and "1 passed, 1 failed" in text, "a failed proof")

    status, text = outcome("echo PROOF smc ok 3; echo PROOF-END")
    expect(status == 1 and "gcc: FAILED: not reached" in text, "a proof that was left out")

    status, text = outcome("echo PROOF smc ok 3; echo PROOF-START gcc; exit 7")
    expect(status == 1 and "gcc: FAILED: the VM ended with 7" in text, "a VM that dies in a proof")

    status, text = outcome("sleep 30")
    expect(status == 1 and "the guest said nothing" in text and "0 passed, 2 failed" in text, "a guest that does not start")

    status, text = outcome("echo PROOF-START smc; sleep 30")
    expect(status == 1 and "smc: FAILED: the guest said nothing" in text, "a guest that hangs in a proof")

    status, text = outcome("echo 'KERNEL BUG: x'; echo PROOF smc ok 1; echo PROOF gcc ok 1; echo PROOF-END")
    expect("remark: KERNEL BUG: x" in text, "what the guest's kernel complains of")

    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "inside").mkdir()
        (work / "inside/file").write_bytes(bytes(3 << 20))
        size = proof.inputs.pack(work / "inside", work / "tar").stat().st_size
        expect(size % (1 << 20) == 0 and size >= 6 << 20, "the inputs are whole MiB with room behind")
    one, two = proof.inputs.c_program(150), proof.inputs.c_program(150)
    expect(one == two and one.count("\n") >= 2000, "the C program is the same every time, and long enough")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
