#!/bin/bash
# Makes ARCH/bench.gz beside the guest assets: an initrd whose /init is
# ringbox-bench, with the drivers for a disk to measure.
# usage: initrd.sh CACHE BENCH   (guest assets; the Makefile's OUT)
set -euo pipefail
bench=$(cd "$2" && pwd)
script=$(realpath "$0")
assets=$(dirname "$script")/../../Tools/guest-assets
# shellcheck source=../../Tools/guest-assets/common.sh
source "$assets/common.sh"
"$assets/modules.sh" "$out"

for arch in amd64 i386; do
    if fresh "$out/$arch/bench.gz" "$bench/$arch/ringbox-bench" "$out/$arch/modules" "$script"; then
        continue
    fi
    need modprobe
    [[ -n $work ]] || start_work
    root=$work/root
    rm -rf "$root"
    mkdir -p "$root"
    cp -r "$out/$arch/modules/." "$root/"
    install -m 755 "$bench/$arch/ringbox-bench" "$root/init"
    release=$(kernel_release "$out/$arch/linux")
    for module in virtio_pci virtio_blk ata_piix sd_mod nvme; do
        modprobe -d "$root" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
        sed "s|^$root||" >"$root/modules.list"
    # The rest would only make the guest's kernel unpack more.
    find "$root/lib" -type f | while read -r file; do
        grep -qxF "${file#"$root"}" "$root/modules.list" || rm "$file"
    done
    find "$root/lib" -type d -empty -delete
    pack_initrd "$root" "$work/bench.gz"
    publish bench.gz "$out/$arch/bench.gz"
done
