#!/bin/bash
# Makes a CD image whose GRUB boots at once what a menu entry's LINES say, with FILES in /boot,
# for Bochs, which cannot boot a kernel directly.
# usage: iso.sh IMAGE LINES NAME=FILE...
set -euo pipefail
image=$1 lines=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/iso/boot/grub"
for file; do cp "${file#*=}" "$work/iso/boot/${file%%=*}"; done
cat >"$work/iso/boot/grub/grub.cfg" <<EOF
set timeout=0
menuentry bench {
$lines
}
EOF
grub-mkrescue -d /usr/lib/grub/i386-pc --install-modules="linux normal iso9660 biosdisk multiboot" \
    --fonts= --locales= --themes= -o "$work/image" "$work/iso" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mv "$work/image" "$image"
