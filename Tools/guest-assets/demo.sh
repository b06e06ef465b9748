#!/bin/bash
# Makes demo/{linux,initrd.gz,cmdline}, what `make run` boots: the amd64
# installer's kernel with the busybox initrd.
# usage: demo.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
"$here/busybox-initrd.sh" "$out"

# Relative links follow the originals when those are remade.
mkdir -p "$out/demo"
ln -sfn ../amd64/linux "$out/demo/linux"
ln -sfn ../amd64/busybox.gz "$out/demo/initrd.gz"
printf 'console=tty0 console=ttyS0\n' >"$out/demo/cmdline"
