#!/bin/bash
# Makes ARCH/modules/, a root directory whose lib/modules holds the drivers the
# installer's kernel needs to reach our disks, network and random source.
#
# The installer's initrd has no ata_piix, virtio_blk or ext4 (it downloads them),
# so they come from the linux-image package of exactly the same version.
# usage: modules.sh [CACHE]
set -euo pipefail
source "$(dirname "$0")/common.sh"
"$here/kernels.sh" "$out"

wanted=(ata_piix ata_generic sd_mod sr_mod isofs ext4 vfat nls_cp437 nls_ascii
    ahci nvme mptspi mptsas BusLogic virtio_scsi virtio_pci virtio_mmio virtio_blk virtio_rng virtio_net virtio_console
    floppy e1000 pcnet32 ne2k-pci af_packet)

for arch in amd64 i386; do
    kernel=$out/$arch/linux
    if fresh "$out/$arch/modules" "$kernel" "$here/modules.sh"; then continue; fi
    need depmod modprobe dpkg-deb
    [[ -n $work ]] || start_work
    release=$(kernel_release "$kernel")
    deb=$(fetch_deb "$arch" "linux-image-$release") ||
        die "the mirror no longer has linux-image-$release: install a newer debian-installer-12-netboot-$arch"
    rm -rf "$work/image" "$work/modules"
    mkdir "$work/image"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/image" ./lib/modules
    depmod -b "$work/image" "$release"

    # modprobe names each module with everything it needs, in order of loading.
    for module in "${wanted[@]}"; do
        modprobe -d "$work/image" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
        install -D -m 644 "$file" "$work/modules/${file#"$work/image/"}"
    done
    cp "$work/image/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} \
        "$work/modules/lib/modules/$release/"
    depmod -b "$work/modules" "$release"
    rm "$work/modules/lib/modules/$release"/modules.{order,builtin.modinfo}
    publish modules "$out/$arch/modules"
done
