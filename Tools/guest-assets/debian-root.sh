#!/bin/bash
# Makes debian/root.tar, an amd64 Debian 12 with systemd and a kernel, a login on
# ttyS0 and tty1, root's password "ringbox". debian-disk.sh makes a disk of it.
#
# Packages come from whatever Debian sources this host's own apt uses.
# usage: debian-root.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"

if fresh "$out/debian/root.tar" "$here/debian-root.sh"; then exit 0; fi
need mmdebstrap
start_work

sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
    if [[ -s $file ]]; then sources+=("$file"); fi
done

# mmdebstrap starts from an empty apt configuration; freshness checks and proxy
# have to be as the host set them, for instance because it uses a snapshot.
options=('APT::Install-Recommends "false"')
for key in Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http::Proxy; do
    value=$(apt-config dump --format '%v' "$key")
    if [[ -n $value ]]; then options+=("$key \"$value\""); fi
done

say "installing Debian (a few minutes)"
# shellcheck disable=SC2016  # $1, the new root, is for mmdebstrap to expand
mmdebstrap --quiet --variant=minbase --architectures=amd64 \
    --include=systemd-sysv,udev,dbus,e2fsprogs,kmod,iproute2,procps,linux-image-amd64 \
    "${options[@]/#/--aptopt=}" \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
    --essential-hook='echo "MODULES=most" >"$1/etc/initramfs-tools/conf.d/ringbox"' \
    --customize-hook='echo root:ringbox | chroot "$1" chpasswd' \
    --customize-hook='echo ringbox >"$1/etc/hostname"' \
    --customize-hook='echo "/dev/disk/by-label/ringbox / ext4 errors=remount-ro 0 1" >"$1/etc/fstab"' \
    --customize-hook='chroot "$1" systemctl enable serial-getty@ttyS0.service' \
    bookworm "$work/root.tar" "${sources[@]}" 2>"$work/mmdebstrap.log" || {
    tail -n 20 "$work/mmdebstrap.log" >&2
    die "mmdebstrap failed"
}
publish root.tar "$out/debian/root.tar"
