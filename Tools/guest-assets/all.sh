#!/bin/bash
# Makes every guest asset. usage: all.sh [CACHE]
set -euo pipefail
here=$(dirname "$0")
"$here/demo.sh" "$@"
"$here/display.sh" "$@"
"$here/grub-disk.sh" "$@"
"$here/debian-disk.sh" "$@"
