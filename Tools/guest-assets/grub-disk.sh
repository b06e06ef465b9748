#!/bin/bash
# Makes grub-disk.img: a small disk (MBR, ext2) whose GRUB menu boots the amd64
# installer's kernel with the busybox initrd, to test booting from firmware up.
# usage: grub-disk.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$here/grub-common.sh"
"$here/busybox-initrd.sh" "$out"

image=$out/grub-disk.img
if ! fresh "$image" "$out/amd64/linux" "$out/amd64/busybox.gz" \
    "$here/grub-disk.sh" "$here/grub-common.sh"; then
    start_work
    mkdir -p "$work/root/boot/grub"
    cp "$out/amd64/linux" "$work/root/boot/linux"
    cp "$out/amd64/busybox.gz" "$work/root/boot/initrd.gz"
    grub_config "Ringbox busybox" /boot/linux /boot/initrd.gz "console=tty0 console=ttyS0" \
        >"$work/root/boot/grub/grub.cfg"
    mbr_disk "$work/disk" 32 ext2 "$work/root"
    publish disk "$image"
fi
