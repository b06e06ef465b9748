#!/bin/bash
# Makes proof/disk.img, an ext4 file system (no partitions) with an amd64 Debian 12 and the
# programs that `make proof` runs in a guest, and proof/initrd.gz, which mounts it by virtio and
# hands over to the runner on the second disk. The kernel is amd64/linux.
# usage: proof-disk.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$here/debian-common.sh"

packages=stress-ng,openssl,python3,libpython3.11-testsuite,gcc,libc6-dev,luajit,gdb,kmod,iproute2,procps
image=$out/proof/disk.img
"$here/modules.sh" "$out"

make_disk() {
    need mke2fs
    # Under fakeroot an ordinary user's copy of the tree keeps root's ownership.
    mkdir "$work/root"
    tar -x -f "$out/proof/root.tar" -C "$work/root" --exclude='./dev/*'
    mkdir -p "$work/root/proof"
    truncate -s 2G "$work/disk"
    mke2fs -q -F -t ext4 -L proof -E root_owner=0:0 -d "$work/root" "$work/disk"
    rm -rf "$work/root"
    publish disk "$image"
}

if [[ ${2-} = disk ]]; then # started again, under fakeroot
    start_work
    make_disk
    exit 0
fi

if ! fresh "$out/proof/root.tar" "$here/proof-disk.sh"; then
    start_work
    # shellcheck disable=SC2016 # $1, the new root, is for mmdebstrap to expand
    debian_tar "$work/root.tar" "$packages" \
        --customize-hook='echo "127.0.0.1 localhost proof" >"$1/etc/hosts"' \
        --customize-hook='echo proof >"$1/etc/hostname"'
    publish root.tar "$out/proof/root.tar"
fi
if ! fresh "$image" "$out/proof/root.tar"; then
    if [[ $(id -u) -ne 0 ]]; then
        need fakeroot
        fakeroot -- "$0" "$out" disk
    else
        [[ -n $work ]] || start_work
        make_disk
    fi
fi

if ! fresh "$out/proof/initrd.gz" "$out/amd64/modules" "$here/proof-disk.sh" "$here/proof-init"; then
    need modprobe
    [[ -n $work ]] || start_work
    root=$work/initrd
    mkdir -p "$root"/{bin,dev,proc,root}
    install -m 755 /bin/busybox "$root/bin/busybox"
    install -m 755 "$here/proof-init" "$root/init"
    release=$(kernel_release "$out/amd64/linux")
    for module in virtio_pci virtio_blk ext4 virtio_rng; do
        modprobe -d "$out/amd64/modules" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
        cp "$file" "$root/$(basename "$file")"
        echo "/$(basename "$file")"
    done >"$root/modules.list"
    pack_initrd "$root" "$work/initrd.gz"
    publish initrd.gz "$out/proof/initrd.gz"
fi
