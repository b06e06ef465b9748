#!/bin/bash
# Makes ARCH/linux and ARCH/installer.gz, the kernel and initrd of Debian 12's
# text installer, for amd64 and i386.
# usage: kernels.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"

for arch in amd64 i386; do
    package=debian-installer-12-netboot-$arch
    inside=usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
    from=/$inside
    if fresh "$out/$arch/linux" "$here/kernels.sh" && [[ -e $out/$arch/installer.gz ]] &&
        { [[ ! -e $from/linux ]] || fresh "$out/$arch/linux" "$from/linux"; }; then
        continue
    fi
    [[ -n $work ]] || start_work
    if [[ ! -e $from/linux ]]; then
        say "$package is not installed; downloading it"
        deb=$(fetch_deb "$arch" "$package") || die "cannot download $package"
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" "./$inside"
        from=$work/$inside
    fi
    cp "$from/initrd.gz" "$work/installer.gz"
    cp "$from/linux" "$work/linux"
    publish installer.gz "$out/$arch/installer.gz"
    publish linux "$out/$arch/linux"
done
