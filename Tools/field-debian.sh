#!/bin/bash
# Packer, unchanged, makes a Debian machine from nothing: virtualbox-iso starts an installer from a disc whose boot loader
# it types to, serves it a preseed by HTTP, waits for ssh and provisions; virtualbox-ovf boots the OVA and makes a box of
# it. Vagrant brings two of them up, as linked clones on a private network, and does with them all that it can. The
# installer is a small one of ours (field-debian/), and takes packages from the mirror that this host uses.
# usage: field-debian.sh FOLDER-OF-PROGRAMS FOLDER-OF-GUEST-ASSETS
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
install -m 755 "$tools/field-debian/init" initrd/init
(cd initrd && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >disc/initrd.gz
mbr_disk disk.img 1900 ext2 tree
head -c 1M disk.img >disc/loader
cp "$tools/field-debian/preseed" http/preseed
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
  "vboxmanage": [["modifyvm", "{{ .Name }}", "--nictype1", "virtio", "--boot1", "disk", "--boot2", "dvd",
    "--nat-localhostreachable1", "on"],
    ["modifyvm", "{{ .Name }}", "--uart1", "0x3F8", "4", "--uartmode1", "file", "serial.log"]]}],
 "provisioners": [{"type": "shell", "inline": ["uname -a >/root/made-by-packer"]}]}
P
longer 'Packer, from an installation disc' packer build -color=false installer.json

# Packer starts what it imports, and gets in by ssh: so the OVA boots.
cp "$(gem_file keys/vagrant.pub)" http/key
cat >appliance.json <<'P'
{"builders": [{"type": "virtualbox-ovf", "source_path": "out/installed.ova", "vm_name": "box", "headless": true,
  "virtualbox_version_file": "", "guest_additions_mode": "disable", "output_directory": "box", "http_directory": "http",
  "communicator": "ssh", "ssh_username": "root", "ssh_password": "packer", "ssh_timeout": "10m",
  "shutdown_command": "poweroff", "shutdown_timeout": "3m", "export_opts": ["--manifest", "--vsys", "0"]}],
 "provisioners": [{"type": "file", "source": "http/key", "destination": "/tmp/key"}, {"type": "shell", "script": "provision"}]}
P
cat >provision <<'P'
set -eux
grep Linux /root/made-by-packer
apt-get install -y --no-install-recommends sudo rsync nginx-light iputils-ping
useradd -m -s /bin/bash vagrant
install -d -m 700 -o vagrant -g vagrant ~vagrant/.ssh
install -m 600 -o vagrant -g vagrant /tmp/key ~vagrant/.ssh/authorized_keys
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant
P
longer 'Packer, from that appliance' packer build -color=false appliance.json
[ -z "$(VBoxManage list vms)" ] || fail "left behind: $(VBoxManage list vms)"
echo '{"provider":"virtualbox"}' >box/metadata.json
step 'a box' tar czf debian.box -C box .
step 'vagrant box add' vagrant box add --name debian debian.box

# In a folder of its own, which goes into the guests.
mkdir "$work/machines"
cd "$work/machines"
cat >Vagrantfile <<'V'
Vagrant.configure("2") do |c|
  c.vm.box = "debian"
  c.vm.boot_timeout = 600
  c.vm.provider("virtualbox") do |v|
    v.check_guest_additions = false
    # No vboxsf in the guest: the folder goes by rsync.
    v.functional_vboxsf = false
    v.linked_clone = true
    v.memory = 384
  end
  c.vm.define "one" do |m|
    m.vm.network "private_network", ip: "192.168.56.21"
    m.vm.network "forwarded_port", guest: 80, host: 18080, auto_correct: true
  end
  c.vm.define "two" do |m|
    m.vm.network "private_network", ip: "192.168.56.22"
  end
end
V
longer 'vagrant up, two linked clones of Debian' vagrant up
finds 'vagrant ssh -c' '^Linux' vagrant ssh one -c 'uname -a'
finds 'vagrant status' 'two *running' vagrant status
finds 'the synced folder, by rsync' 'c.vm.box' vagrant ssh two -c 'cat /vagrant/Vagrantfile'
finds 'the private network' ' 0% packet loss' vagrant ssh one -c 'ping -c 3 192.168.56.22'
vagrant ssh-config one >ssh-config
head -c 100M /dev/urandom >../file
step 'scp of 100 MB' scp -O -q -F ssh-config ../file one:/tmp/file
finds 'the same bytes arrive' "$(md5sum <../file | cut -d' ' -f1)" vagrant ssh one -c 'md5sum /tmp/file'
finds 'nginx through a forwarded port' 'Welcome to nginx' wget -q -O - http://127.0.0.1:18080/
finds 'and with fifty callers at once' 'Requests/sec' wrk -t 2 -c 50 -d 10 --timeout 10s http://127.0.0.1:18080/
grep -E 'Socket errors|Non-2xx' "$work/log" && fail 'some of them got no answer'
sed -n 's/^/        /p' "$work/log" | grep -E 'Latency|Requests/sec'
step 'vagrant snapshot save' vagrant snapshot save one first
step 'a change' vagrant ssh one -c 'sudo touch /root/changed'
step 'vagrant snapshot restore' vagrant snapshot restore one first
finds 'the change is gone' 'No such file' vagrant ssh one -c 'sudo ls /root/changed 2>&1 || true'
step 'vagrant snapshot push' vagrant snapshot push
step 'another change' vagrant ssh two -c 'sudo touch /root/changed'
step 'vagrant snapshot pop' vagrant snapshot pop
finds 'that is gone, too' 'No such file' vagrant ssh two -c 'sudo ls /root/changed 2>&1 || true'
step 'vagrant snapshot delete' vagrant snapshot delete one first
step 'vagrant suspend' vagrant suspend
step 'vagrant resume' vagrant resume
finds 'the private network after it' ' 0% packet loss' vagrant ssh one -c 'ping -c 3 192.168.56.22'
step 'vagrant reload' vagrant reload two
step 'vagrant halt' vagrant halt
step 'vagrant package' vagrant package one --output packed.box
step 'vagrant destroy' vagrant destroy --force
