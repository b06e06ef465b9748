#!/bin/bash
# Packer, unchanged, makes a Debian machine from nothing: virtualbox-iso starts an installer from a disc whose boot loader
# it types to, serves it a preseed by HTTP, waits for ssh and provisions; the OVA is imported, and virtualbox-ovf boots it
# and makes another of it. The installer is a small one of ours (field-packer/), and takes packages from the mirror that
# this host uses.
# usage: field-packer.sh FOLDER-OF-PROGRAMS FOLDER-OF-GUEST-ASSETS
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
source "$tools/field-common.sh"
source "$tools/guest-assets/grub-common.sh"
need() { command -v "$@" >/dev/null || fail "needs $*"; }
die() { fail "$*"; }

# The disc: its boot loader finds no configuration, and waits at its prompt.
mkdir -p disc http tree initrd
cp "$assets/amd64/linux" "$assets/debian/root.tar" disc
gzip -dc "$assets/amd64/busybox.gz" | (cd initrd && cpio --quiet -idm --no-absolute-filenames)
install -m 755 "$tools/field-packer/init" initrd/init
(cd initrd && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >disc/initrd.gz
mbr_disk disk.img 1900 ext2 tree
head -c 1M disk.img >disc/loader
cp "$tools/field-packer/preseed" http/preseed
step 'an installation disc' grub-mkrescue -o disc.iso disc

# The firmware keeps fifteen keys for a loader that is busy: the rest waits until the kernel is there.
cat >installer.json <<'P'
{"builders": [{"type": "virtualbox-iso", "iso_url": "disc.iso", "iso_checksum": "none", "vm_name": "installed",
  "guest_os_type": "Debian_64", "disk_size": 1900, "hard_drive_interface": "sata", "headless": true, "memory": 512,
  "virtualbox_version_file": "", "guest_additions_mode": "disable", "output_directory": "out", "format": "ova",
  "http_directory": "http", "boot_wait": "3s", "boot_command": [
    "linux (cd)/linux console=ttyS0 url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed<enter><wait5>",
    "initrd (cd)/initrd.gz<enter><wait5>boot<enter>"],
  "communicator": "ssh", "ssh_username": "root", "ssh_password": "packer", "ssh_timeout": "30m",
  "shutdown_command": "poweroff", "shutdown_timeout": "3m",
  "vboxmanage": [["modifyvm", "{{ .Name }}", "--nictype1", "virtio", "--boot1", "disk", "--boot2", "dvd"],
    ["modifyvm", "{{ .Name }}", "--uart1", "0x3F8", "4", "--uartmode1", "file", "serial.log"]]}],
 "provisioners": [{"type": "shell", "inline": ["uname -a >/root/made-by-packer"]}]}
P
longer 'Packer, from an installation disc' packer build -color=false installer.json

# Packer starts what it imports, and gets in by ssh: so the OVA boots.
cat >appliance.json <<'P'
{"builders": [{"type": "virtualbox-ovf", "source_path": "out/installed.ova", "vm_name": "packed", "headless": true,
  "virtualbox_version_file": "", "guest_additions_mode": "disable", "output_directory": "out2", "format": "ova",
  "communicator": "ssh", "ssh_username": "root", "ssh_password": "packer", "ssh_timeout": "10m",
  "shutdown_command": "poweroff", "shutdown_timeout": "3m", "export_opts": ["--manifest", "--vsys", "0"]}],
 "provisioners": [{"type": "shell", "inline": ["grep Linux /root/made-by-packer"]}]}
P
longer 'Packer, from that appliance' packer build -color=false appliance.json
step 'its result, imported' VBoxManage import out2/packed.ova --dry-run
[ -z "$(VBoxManage list vms)" ] || fail "left behind: $(VBoxManage list vms)"
say 'ok      nothing is left behind'
