# Bootable disk images with GRUB, made without root, loop devices or mounts;
# sourced after common.sh.
# shellcheck shell=bash

grub=/usr/lib/grub/i386-pc

# mbr_disk IMAGE MIB TYPE TREE: a disk of MIB mebibytes whose one partition, at
# the usual 1 MiB, holds a TYPE (ext2, ext4) file system filled from TREE.
mbr_disk() {
    local image=$1 mib=$2 type=$3 tree=$4
    need sfdisk mke2fs grub-mkimage
    [[ -e $grub/boot.img ]] || die "needs GRUB's BIOS images (package grub-pc-bin)"
    rm -f "$image"
    truncate -s "${mib}M" "$image"
    # The identifier is fixed so that the same inputs give the same disk.
    printf 'label: dos\nlabel-id: 0x52494e47\nstart=2048, type=83, bootable\n' |
        sfdisk -q "$image"
    # The features left out are ones that GRUB 2.06 cannot read.
    mke2fs -q -F -t "$type" -L ringbox -O '^metadata_csum_seed,^orphan_file' \
        -E offset=$((1024 * 1024)),root_owner=0:0 -d "$tree" "$image" $(((mib - 1) * 1024))k

    # What grub-install does, by hand: the core image goes in the gap before the
    # partition, and boot.img, which looks for it in sector 1, around the
    # partition table (at 440) in sector 0.
    # shellcheck disable=SC2016  # the prefix is for GRUB to expand
    grub-mkimage -O i386-pc -d "$grub" -o "$image.core" -p '(hd0,msdos1)/boot/grub' \
        biosdisk part_msdos ext2 normal linux serial terminal echo configfile test halt reboot
    [[ $(stat -c %s "$image.core") -lt $((2047 * 512)) ]] || die "GRUB's core image is too big"
    dd if="$grub/boot.img" of="$image" bs=440 count=1 conv=notrunc status=none
    dd if="$image.core" of="$image" bs=512 seek=1 conv=notrunc status=none
    rm "$image.core"
}

# grub_config TITLE LINUX INITRD ARGUMENTS: a menu on screen and serial port.
grub_config() {
    cat <<EOF
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=3
set default=0
menuentry "$1" {
    echo "Loading $2 ..."
    linux $2 $4
    initrd $3
}
EOF
}
