#!/bin/bash
# Makes ssh-disk.img: a small disk whose GRUB boots the amd64 installer's kernel with an initrd that takes its addresses
# by DHCP and lets Vagrant in by ssh: Dropbear from Debian, the user vagrant with Vagrant's public key, which is no
# secret. iperf3 is there, too. amd64/ssh.gz is the initrd alone.
# usage: ssh-disk.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$here/grub-common.sh"
"$here/busybox-initrd.sh" "$out"

packages=(dropbear-bin libc6 libcrypt1 libgmp10 libtomcrypt1 libtommath1 zlib1g iperf3 libiperf0 libsctp1 libssl3 openssh-client)

build() {
    local root=$work/root deb package key file
    mkdir -p "$root"
    gzip -dc "$out/amd64/busybox.gz" | (cd "$root" && cpio --quiet -idm --no-absolute-filenames)
    mkdir -p "$work/packages"
    for package in "${packages[@]}"; do
        deb=$(fetch_deb amd64 "$package") || die "cannot download $package"
        dpkg-deb -x "$deb" "$work/packages"
    done
    mkdir -p "$root"/{lib,lib64,usr/lib,etc/dropbear,root/.ssh,var/run,run,var/log,usr/bin}
    find "$work/packages" \( -path '*/lib/x86_64-linux-gnu/*.so*' -o -name 'ld-linux*' \) ! -type d \
        ! -path '*/gconv/*' ! -path '*/engines-3/*' ! -path '*/ossl-modules/*' | while read -r file; do
        cp -L "$file" "$root/lib/$(basename "$file")"
    done
    cp -L "$root/lib/ld-linux-x86-64.so.2" "$root/lib64/"
    install -m 755 "$work/packages/usr/sbin/dropbear" "$work/packages/usr/bin/dropbearkey" \
        "$work/packages/usr/bin/iperf3" "$work/packages/usr/bin/scp" "$root/bin/"
    # Some take the place of a link to busybox.
    for file in "$here/ssh-guest/"*; do
        rm -f "$root/bin/$(basename "$file")"
        install -m 755 "$file" "$root/bin/"
    done
    # One account: what sudo would do is done already.
    printf 'root::0:0:root:/root:/bin/sh\nvagrant:*:0:0:vagrant:/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nvagrant:x:1000:\n' >"$root/etc/group"
    echo /bin/sh >"$root/etc/shells"
    echo 'passwd: files' >"$root/etc/nsswitch.conf"
    printf 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n' >"$root/etc/os-release"
    echo 'Debian GNU/Linux 12' >"$root/etc/issue"
    mkdir -p "$root/etc/network"/{if-up.d,if-down.d,if-pre-up.d,if-post-down.d}
    printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n' >"$root/etc/network/interfaces"
    printf 'ringbox\n' >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
    key='ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key'
    echo "$key" >"$root/root/.ssh/authorized_keys"
    chmod 700 "$root/root" "$root/root/.ssh"
    # The network before the marker of readiness.
    sed -i 's|^consoles=$|/bin/start-network\nconsoles=|' "$root/init"
    pack_initrd "$root" "$work/ssh.gz"
    mkdir -p "$work/disk-root/boot/grub"
    cp "$out/amd64/linux" "$work/disk-root/boot/linux"
    cp "$work/ssh.gz" "$work/disk-root/boot/initrd.gz"
    grub_config "Ringbox ssh" /boot/linux /boot/initrd.gz "console=tty0 console=ttyS0" |
        sed 's/timeout=3/timeout=0/' >"$work/disk-root/boot/grub/grub.cfg"
    mbr_disk "$work/disk" 48 ext2 "$work/disk-root"
    publish ssh.gz "$out/amd64/ssh.gz"
    publish disk "$out/ssh-disk.img"
}

if ! fresh "$out/ssh-disk.img" "$out/amd64/linux" "$out/amd64/busybox.gz" "$here/ssh-disk.sh" "$here/grub-common.sh" \
    "$here"/ssh-guest/*; then
    start_work
    build
fi
