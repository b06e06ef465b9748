# Vagrant and Packer with ringbox in VBoxManage's place, in folders of their own; sourced by the field scripts with their
# arguments: FOLDER-OF-PROGRAMS FOLDER-OF-GUEST-ASSETS.
# shellcheck shell=bash
programs=$(cd "$1" && pwd)
assets=$(cd "$2" && pwd)
work=$(mktemp -d)

finish() {
  VBoxManage list runningvms 2>/dev/null | sed -n 's/.*{\(.*\)}/\1/p' | while read -r uuid; do
    VBoxManage controlvm "$uuid" poweroff 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work/bin" "$work/run" "$work/project" "$work/box"
chmod 700 "$work/run"
for program in ringbox ringbox-vm ringbox-net ringboxd; do
  if [ -x "$programs/$program" ]; then ln -s "$programs/$program" "$work/bin/$program"; fi
done
ln -s "$programs/ringbox" "$work/bin/VBoxManage"
ln -s "$programs/ringbox" "$work/bin/vboxmanage"
export HOME=$work VBOX_USER_HOME=$work/home XDG_RUNTIME_DIR=$work/run PATH=$work/bin:$PATH
export VAGRANT_HOME=$work/vagrant VAGRANT_CHECKPOINT_DISABLE=1 CHECKPOINT_DISABLE=1
cd "$work/project"

say() { printf '%s\n' "$*"; }
fail() {
  say "FAILED: $*"
  tail -n 40 "$work/log"
  exit 1
}
step() {
  local what=$1
  shift
  timeout -s KILL 300 "$@" >"$work/log" 2>&1 || fail "$what"
  say "ok      $what"
}
# WHAT PATTERN COMMAND...: the output must have the pattern.
finds() {
  local what=$1 pattern=$2
  shift 2
  timeout -s KILL 300 "$@" >"$work/log" 2>&1 || fail "$what"
  grep -q "$pattern" "$work/log" || fail "$what: no '$pattern'"
  say "ok      $what"
}
# A file of Debian's package of Vagrant.
gem_file() { dpkg -L vagrant | grep -m 1 "/$1\$"; }
# As `step`, for what may take an hour: its output goes by meanwhile.
longer() {
  local what=$1
  shift
  timeout -s KILL 3600 "$@" 2>&1 | tee "$work/log" || fail "$what"
  say "ok      $what"
}

# IMAGE [OPTION-OF-MODIFYVM...]: the machine `base` with a disk of that content, and a box of the same name made from it.
make_box() {
  local image=$1 disk="$work/VirtualBox VMs/base/base.vdi"
  shift
  step 'a machine' VBoxManage createvm --name base --ostype Debian_64 --register
  step 'its settings' VBoxManage modifyvm base --memory 256 --nic1 nat --uart1 0x3F8 4 --boot1 disk "$@"
  step 'its disk' VBoxManage convertfromraw "$assets/$image" "$disk"
  step 'its controller' VBoxManage storagectl base --name SATA --add sata
  step 'the disk in its place' VBoxManage storageattach base --storagectl SATA --port 0 --type hdd --medium "$disk"
  step 'the box' VBoxManage export base --output "$work/box/box.ovf"
  printf '{"provider":"virtualbox"}\n' >"$work/box/metadata.json"
  tar czf base.box -C "$work/box" .
  step 'vagrant box add' vagrant box add --name base base.box
}
