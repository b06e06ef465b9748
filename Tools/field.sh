#!/bin/bash
# Vagrant and Packer, unchanged, with ringbox in VBoxManage's place: a box is made, brought up, snapshotted, packaged and
# destroyed; linked clones; images are built from an appliance and from an ISO. The guest has no SSH server, so Vagrant
# waits for it in vain: all that it does before and after is what counts here.
# usage: field.sh FOLDER-OF-PROGRAMS FOLDER-OF-GUEST-ASSETS
set -euo pipefail
source "$(dirname "$0")/field-common.sh"

# Everything but the guest's answer.
up() {
  timeout -s KILL 300 vagrant up >"$work/log" 2>&1 || true
  grep -q 'Waiting for machine to boot' "$work/log" || fail "$1"
  VBoxManage list runningvms | grep -q _default_ || fail "$1: no machine runs"
  say "ok      $1"
}

make_box grub-disk.img
cat >Vagrantfile <<'V'
Vagrant.configure("2") do |c|
  c.vm.box = "base"
  c.vm.boot_timeout = 5
  c.vm.network "forwarded_port", guest: 80, host: 18080, auto_correct: true
  c.vm.network "private_network", ip: "192.168.56.10"
  c.vm.provider("virtualbox") { |v| v.memory = 300; v.linked_clone = !ENV["LINKED"].nil? }
end
V
up 'vagrant up'
step 'vagrant halt' vagrant halt --force
step 'vagrant snapshot save' vagrant snapshot save first
step 'vagrant snapshot delete' vagrant snapshot delete first
step 'vagrant package' vagrant package --output packed.box
step 'vagrant destroy' vagrant destroy --force
LINKED=1 up 'vagrant up, a linked clone'
LINKED=1 step 'vagrant destroy, of a linked clone' vagrant destroy --force

cat >appliance.json <<'P'
{"builders": [{"type": "virtualbox-ovf", "source_path": "../box/box.ovf", "vm_name": "packed", "communicator": "none",
  "virtualbox_version_file": "", "guest_additions_mode": "disable", "headless": true, "output_directory": "out",
  "boot_wait": "1s", "boot_command": ["ls<enter>"], "shutdown_timeout": "30s", "format": "ova",
  "export_opts": ["--manifest", "--vsys", "0", "--description", "made by Packer"]}]}
P
step 'packer, from an appliance' packer build -color=false appliance.json
step 'what Packer built, imported' VBoxManage import out/packed.ova --dry-run
head -c 2M /dev/zero >disc.iso
cat >installer.json <<'P'
{"builders": [{"type": "virtualbox-iso", "iso_url": "disc.iso", "iso_checksum": "none", "vm_name": "installed",
  "guest_os_type": "Debian_64", "disk_size": 100, "hard_drive_interface": "sata", "communicator": "none",
  "virtualbox_version_file": "", "guest_additions_mode": "disable", "headless": true, "output_directory": "out2",
  "boot_wait": "1s", "boot_command": ["ls<enter>"], "shutdown_timeout": "30s", "floppy_files": ["appliance.json"]}]}
P
step 'packer, from an ISO' packer build -color=false installer.json
for name in $(VBoxManage list vms | sed -n 's/.*{\(.*\)}/\1/p' | tac); do
  step "deletion of $name" VBoxManage unregistervm "$name" --delete
done
[ -z "$(ls -A "$work/VirtualBox VMs")" ] || fail "left behind: $(ls -A "$work/VirtualBox VMs")"
say 'ok      nothing is left behind'
