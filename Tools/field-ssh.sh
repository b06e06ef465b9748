#!/bin/bash
# Vagrant, unchanged, with a guest that lets it in by ssh: two machines that reach each other over a private network, files
# over scp, suspend and resume, reload, halt by the guest's own hand.
# usage: field-ssh.sh FOLDER-OF-PROGRAMS FOLDER-OF-GUEST-ASSETS
set -euo pipefail
source "$(dirname "$0")/field-common.sh"

make_box ssh-disk.img --nictype1 virtio

# Both cards are of one kind, or their drivers' order would name them. The guest has busybox for a shell, and no disk that outlives a boot: its keys are new after each.
cat >Vagrantfile <<'V'
Vagrant.configure("2") do |c|
  c.vm.box = "base"
  c.vm.boot_timeout = 280
  c.ssh.shell = "sh"
  c.ssh.insert_key = false
  c.vm.synced_folder ".", "/vagrant", disabled: true
  c.vm.provider("virtualbox") { |v| v.check_guest_additions = false }
  c.vm.define "one" do |m|
    m.vm.network "private_network", ip: "192.168.56.11", nic_type: "virtio"
  end
  c.vm.define "two" do |m|
    m.vm.network "private_network", ip: "192.168.56.12", nic_type: "virtio"
  end
end
V
step 'vagrant up, two machines with ssh' vagrant up
finds 'vagrant ssh -c' '^Linux' vagrant ssh one -c 'uname -a'
finds 'the private network: ping' ' 0% packet loss' vagrant ssh one -c 'ping -c 3 192.168.56.12'
finds 'and the other way' ' 0% packet loss' vagrant ssh two -c 'ping -c 3 192.168.56.11'
finds 'vagrant status' 'one *running' vagrant status
vagrant ssh-config one >ssh-config
head -c 20M /dev/urandom >file
step 'vagrant upload of 20 MB' scp -O -q -F ssh-config file one:/tmp/file
finds 'the same bytes arrive' "$(md5sum <file | cut -d' ' -f1)" vagrant ssh one -c 'md5sum /tmp/file'
step 'vagrant suspend' vagrant suspend one
step 'vagrant resume' vagrant resume one
finds 'what was in memory is there' "$(md5sum <file | cut -d' ' -f1)" vagrant ssh one -c 'md5sum /tmp/file'
finds 'the private network after it' ' 0% packet loss' vagrant ssh one -c 'ping -c 3 192.168.56.12'
step 'vagrant reload' vagrant reload two
finds 'the private network after a reload' ' 0% packet loss' vagrant ssh one -c 'ping -c 3 192.168.56.12'
step 'vagrant halt' vagrant halt
step 'vagrant destroy' vagrant destroy --force
step 'deletion of the base' VBoxManage unregistervm base --delete
