#!/bin/bash
# Makes a CD image whose GRUB boots KERNEL and INITRD at once, for Bochs, which
# cannot boot a kernel directly.
# usage: iso.sh IMAGE KERNEL INITRD COMMAND-LINE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/iso/boot/grub"
cp "$2" "$work/iso/boot/linux"
cp "$3" "$work/iso/boot/initrd.gz"
cat >"$work/iso/boot/grub/grub.cfg" <<EOF
set timeout=0
menuentry bench {
    linux /boot/linux $4
    initrd /boot/initrd.gz
}
EOF
grub-mkrescue -d /usr/lib/grub/i386-pc --install-modules="linux normal iso9660 biosdisk" \
    --fonts= --locales= --themes= -o "$work/image" "$work/iso" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mv "$work/image" "$1"
