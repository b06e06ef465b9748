#!/bin/bash
# Makes debian/root.tar, an amd64 Debian 12 with systemd and a kernel, a login on
# ttyS0 and tty1, root's password "ringbox". debian-disk.sh makes a disk of it.
# usage: debian-root.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$here/debian-common.sh"

if fresh "$out/debian/root.tar" "$here/debian-root.sh"; then exit 0; fi
start_work
# shellcheck disable=SC2016  # $1, the new root, is for mmdebstrap to expand
debian_tar "$work/root.tar" systemd-sysv,udev,dbus,e2fsprogs,kmod,iproute2,procps,linux-image-amd64 \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
    --essential-hook='echo "MODULES=most" >"$1/etc/initramfs-tools/conf.d/ringbox"' \
    --customize-hook='echo root:ringbox | chroot "$1" chpasswd' \
    --customize-hook='echo ringbox >"$1/etc/hostname"' \
    --customize-hook='echo "/dev/disk/by-label/ringbox / ext4 errors=remount-ro 0 1" >"$1/etc/fstab"' \
    --customize-hook='chroot "$1" systemctl enable serial-getty@ttyS0.service'
publish root.tar "$out/debian/root.tar"
