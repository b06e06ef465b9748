#!/bin/bash
# Makes ARCH/busybox.gz for amd64 and i386: an initrd with a busybox shell on the
# serial port and the screen, for boot tests and `make run`.
# usage: busybox-initrd.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
"$here/modules.sh" "$out"

build() {
    local arch=$1 root=$work/root deb applet
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,etc,proc,sys,mnt,tmp,root}
    ln -s bin "$root/sbin"
    deb=$(fetch_deb "$arch" busybox-static) || die "cannot download busybox-static"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -O ./bin/busybox >"$root/bin/busybox"
    chmod 755 "$root/bin/busybox"
    "$root/bin/busybox" --list | grep -vx busybox | while read -r applet; do
        ln -sf busybox "$root/bin/$applet"
    done

    echo 'root::0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    # A serial line does not know its size, and programs then guess.
    cat >"$root/etc/profile" <<'EOF'
export PATH=/bin
[ "$(tty)" != /dev/ttyS0 ] || stty rows 24 cols 80
EOF
    # What udhcpc calls with what it was given.
    mkdir -p "$root/etc/udhcpc"
    cat >"$root/etc/udhcpc/default.script" <<'EOF'
#!/bin/sh
case $1 in
bound | renew)
    ip addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
    for gateway in $router; do ip route add default via "$gateway" dev "$interface"; done
    for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
    ;;
deconfig) ip link set "$interface" up ;;
esac
EOF
    chmod 755 "$root/etc/udhcpc/default.script"
    cp -r "$out/$arch/modules/." "$root/"
    install -m 755 "$here/busybox-init" "$root/init"
    pack_initrd "$root" "$work/busybox.gz"
    publish busybox.gz "$out/$arch/busybox.gz"
}

for arch in amd64 i386; do
    if ! fresh "$out/$arch/busybox.gz" "$here/busybox-initrd.sh" "$here/busybox-init" \
        "$here/common.sh" "$out/$arch/modules"; then
        [[ -n $work ]] || start_work
        build "$arch"
    fi
done
