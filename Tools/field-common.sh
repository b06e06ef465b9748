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
