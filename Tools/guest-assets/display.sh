#!/bin/bash
# Makes amd64/display.gz, to be appended to the busybox initrd: the drivers bochs, vboxvideo,
# vmwgfx, psmouse and evdev with what they need, in /display, and /display/load DRIVER,
# which loads one. /display/probe does with a display what a desktop does, /display/events
# prints what an input device tells.
# They are not in the initrd itself, where every boot would have to unpack them.
# usage: display.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
"$here/kernels.sh" "$out"

kernel=$out/amd64/linux
if fresh "$out/amd64/display.gz" "$kernel" "$here/display.sh" "$here/display-probe.c" \
    "$here/pointer-probe.c"; then exit 0; fi
need depmod modprobe dpkg-deb gcc strip
start_work
release=$(kernel_release "$kernel")
deb=$(fetch_deb amd64 "linux-image-$release") ||
    die "the mirror no longer has linux-image-$release: install a newer debian-installer-12-netboot-amd64"
mkdir -p "$work/image" "$work/root/display"
dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/image" ./lib/modules
depmod -b "$work/image" "$release"
for driver in bochs vboxvideo vmwgfx psmouse evdev; do
    modprobe -d "$work/image" -S "$release" --show-depends "$driver" |
        awk '$1 == "insmod" { print $2 }' | while read -r file; do
        cp "$file" "$work/root/display/"
        basename "$file"
    done >"$work/root/display/$driver.list"
done
cat >"$work/root/display/load" <<'END'
#!/bin/sh
# usage: load DRIVER [PARAMETER...]
driver=$1
shift
while read -r file; do
    case $file in "$driver".ko) parameters=$* ;; *) parameters= ;; esac
    insmod "/display/$file" $parameters 2>/dev/null
done <"/display/$driver.list"
END
chmod 755 "$work/root/display/load"
gcc -Wall -Os -static -I/usr/include/libdrm -o "$work/root/display/probe" "$here/display-probe.c"
gcc -Wall -Os -static -o "$work/root/display/events" "$here/pointer-probe.c"
strip "$work/root/display/probe" "$work/root/display/events"
pack_initrd "$work/root" "$work/display.gz"
publish display.gz "$out/amd64/display.gz"
