#!/bin/bash
# Makes debian/disk.img, an installed Debian 12 (see debian-root.sh) on a sparse
# 2 GiB disk (MBR, ext4) that boots by GRUB, and beside it
# debian/{linux,initrd.gz,cmdline} to boot the same system directly.
# usage: debian-disk.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$here/grub-common.sh"
"$here/debian-root.sh" "$out"

image=$out/debian/disk.img
if fresh "$image" "$out/debian/root.tar" "$here/debian-disk.sh" "$here/grub-common.sh"; then
    exit 0
fi
# Under fakeroot an ordinary user's copy of the tree keeps root's ownership.
if [[ $(id -u) -ne 0 ]]; then
    need fakeroot
    exec fakeroot -- "$0" "$out"
fi

start_work
mkdir "$work/root"
tar -x -f "$out/debian/root.tar" -C "$work/root" --exclude='./dev/*'
cmdline="root=/dev/disk/by-label/ringbox rw console=tty0 console=ttyS0"
mkdir -p "$work/root/boot/grub"
grub_config "Debian 12" /vmlinuz /initrd.img "$cmdline" >"$work/root/boot/grub/grub.cfg"
mbr_disk "$work/disk" 2048 ext4 "$work/root"

cp -L "$work/root/vmlinuz" "$work/linux"
cp -L "$work/root/initrd.img" "$work/initrd.gz"
echo "$cmdline" >"$work/cmdline"
for file in linux initrd.gz cmdline; do publish "$file" "$out/debian/$file"; done
publish disk "$image"
