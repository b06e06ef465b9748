#!/bin/bash
# Builds the tests, makes the guest assets they boot, runs them and adds up the results.
#
#   Tools/test.sh [arguments of `swift test`]
#
# Ends with `N passed, N failed`. The status is that of the worst part.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v swift >/dev/null; then PATH=/opt/swift/usr/bin:$PATH; fi

flags=(-c release -Xswiftc -enable-testing)
log=.build/test.log
mkdir -p .build

# The products are built too: the tests start ringbox and ringbox-vm as a user would.
# --build-tests and then --skip-build, because `swift test` compiles with flags of its own.
swift build "${flags[@]}"
swift build "${flags[@]}" --build-tests

# An asset that cannot be made (no way to a Debian mirror, say) is one failure here, with its
# reason; the tests that need it fail or skip for themselves.
missing=0
if [[ -x Tools/guest-assets/all.sh ]] && ! Tools/guest-assets/all.sh .build/guest-assets </dev/null; then
  echo "FAILED: guest assets could not be made" >&2
  missing=1
fi

export SWIFT_BACKTRACE=${SWIFT_BACKTRACE:-interactive=no,color=no}
status=0
# Guests keep time by the host's clock, and their processors hand each other turns: one after the other, or each would
# starve the others.
run() {
  timeout --kill-after=30 "${RINGBOX_TEST_TIMEOUT:-5400}" swift test --skip-build "${flags[@]}" "$@" </dev/null 2>&1
}
if [[ $# -gt 0 ]]; then
  run --no-parallel "$@" | tee "$log" || status=$?
else
  run --skip "BootTests|GuestTests" | tee "$log" || status=$?
  run --no-parallel --filter "BootTests|GuestTests" | tee -a "$log" || status=$?
fi
if [[ $status = 124 ]]; then echo "test: no end after ${RINGBOX_TEST_TIMEOUT:-5400} s; stopped" >&2; fi
Tools/test-summary.py "$log" --status "$status" --failed "$missing"
