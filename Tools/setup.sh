#!/bin/sh
# Installs the Debian packages Ringbox needs and checks for Swift 6.3; quiet when nothing is to do.
#
#   Tools/setup.sh [run|test|bench|field|all|list] ...      (default: run)
#
# A group holds what its make target needs beyond the groups before it:
# `make run` installs less than `make test`, `make test` less than `make bench`.
# Works as root and through sudo; where neither is possible it prints the
# command for an administrator and fails. Only packages are installed: no
# user, service, kernel module or setting of the host is touched.
set -eu

need_swift=6.3

# group package            reason
packages() {
  cat <<'LIST'
build make                 runs the Makefile
build git                  SwiftPM asks it for the package's version
build gcc                  SwiftPM compiles the C targets and links with its start files
build libc6-dev            C headers and start files of the host
build libstdc++-12-dev     the static Swift runtime links to libstdc++
build binutils             objdump and readelf for the checks; the linker
build pkg-config           SwiftPM finds system libraries with it
build zlib1g-dev           inflates compressed kernels, deflates screenshots
build libzstd-dev          compresses saved states
build libslirp-dev         the TCP/IP stack of the NAT
build libxml2-dev          reads the settings files of machines
build libsdl2-dev          the window of a machine
build tzdata               Foundation reads time zones in the command line
build python3              checks, code map, benchmarks
run   seabios              the PC firmware a machine starts with
run   ovmf                 the EFI firmware of machines that want one
run   ipxe-qemu            network boot programs of the network cards
run   vgabios              VGA and VESA firmware of the display adapter
run   debian-installer-12-netboot-amd64  a 64-bit Linux kernel and the installer to boot
run   busybox-static       the user space of the demonstration guest
run   cpio                 packs and unpacks initial RAM disks
run   gzip                 compresses initial RAM disks
run   kmod                 orders the modules put into initial RAM disks
test  debian-installer-12-netboot-i386   the same for the 32-bit tests
test  gcc-multilib         builds 32-bit guest programs
test  libc6-dev-i386       C library for 32-bit guest programs
test  acpica-tools         compiles and disassembles the ACPI tables
test  mmdebstrap           makes the Debian disk image of the boot tests
test  fakeroot             owners and device nodes of the disk image, made as an ordinary user
test  uidmap               the same, for mmdebstrap's user namespace
test  grub-pc-bin          boot loader for the disk image tests
test  grub-common          grub-mkrescue and grub-mkimage
test  qemu-utils           qemu-img makes and compares disk images
test  xz-utils             unpacks kernel modules and packages
test  mtools               writes floppy images without mounting them
test  dosfstools           makes FAT file systems for floppies
test  e2fsprogs            makes and checks ext4 file systems
test  fdisk                partitions disk images
test  xorriso              makes CD-ROM images
test  openssl              computes what the guest's OpenSSL must find (make proof)
test  libdrm-dev           headers for a program that sets modes in a guest
test  ffmpeg               records the screen, and looks at recordings
test  tshark               reads the traces of network cards
test  xvfb                 a desktop without a screen, for windows
test  openbox              window manager of that desktop
test  xdotool              keys and mouse for windows
test  xclip                the clipboard of that desktop
test  edid-decode          judges what the monitor says of itself
test  tigervnc-viewer      a viewer that shares clipboards by VNC
test  chromium             uses the web manager
test  python3-venv         place for the OpenAPI validator and schemathesis from PyPI
test  util-linux           unshare and setpriv, for the tests without privileges
test  iproute2             makes taps in a network namespace, for bridged cards
bench qemu-system-x86      what we compare with: a portable translator
bench iperf3               TCP throughput between guest and host
bench bochs                what we compare with: an interpreter
bench bochs-term           Bochs needs one display library; this one needs no display
bench bochsbios            the firmware Bochs starts with
field openssh-client       scp and ssh into Vagrant's machines
field vagrant              drives machines as its users do (make field)
field packer               builds images as its users do (make field)
field rsync                carries Vagrant's synced folders (make field)
field wrk                  asks a guest's web server from many connections (make field)
LIST
}

say() { printf '%s\n' "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

wanted_groups() {
  case $1 in
    build) echo 'build' ;;
    run) echo 'build run' ;;
    test) echo 'build run test' ;;
    bench) echo 'build run test bench' ;;
    field) echo 'build run test field' ;;
    all) echo 'build run test bench field' ;;
    *) say "unknown group '$1'"; say "usage: Tools/setup.sh [build|run|test|bench|field|all|list]"; exit 2 ;;
  esac
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
  for group in $1; do
    packages | while read -r in_group package _; do
      if [ "$in_group" = "$group" ] && ! installed "$package"; then printf '%s ' "$package"; fi
    done
  done
}

# Prints the word that gives root's rights: nothing for root, sudo otherwise.
elevation() {
  if [ "$(id -u)" = 0 ]; then
    echo env
  elif command -v sudo >/dev/null 2>&1; then
    if [ -t 0 ]; then echo sudo; else echo 'sudo -n'; fi
  fi
}

install_packages() {
  missing=$1
  if ! command -v apt-get >/dev/null 2>&1; then
    fail "this is not a Debian system; please install what these Debian packages hold: $missing"
  fi
  elevate=$(elevation)
  if [ -z "$elevate" ]; then
    fail "neither root nor sudo; ask an administrator to run: apt-get install --no-install-recommends $missing"
  fi
  say "installing: $missing"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # Three tries, the package lists renewed between them: another apt may hold the lock, lists may be old or absent.
  for attempt in 1 2 3; do
    # shellcheck disable=SC2086 — both are lists of words
    if $elevate env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq \
      install -y --no-install-recommends $missing >"$log" 2>&1 </dev/null; then
      still=$(missing_packages "$groups")
      [ -z "$still" ] || fail "apt-get says it succeeded, but these are missing: $still"
      return 0
    fi
    [ "$attempt" = 3 ] || $elevate apt-get -o DPkg::Lock::Timeout=300 -qq update >>"$log" 2>&1 </dev/null || true
  done
  tail -n 20 "$log" >&2
  fail "apt-get could not install: $missing"
}

# True when version $1 is at least $2; both are MAJOR.MINOR[.PATCH].
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

check_swift() {
  if ! command -v swift >/dev/null 2>&1; then
    for place in /opt/swift/usr/bin /usr/local/swift/usr/bin "$HOME/.local/share/swiftly/bin"; do
      if [ -x "$place/swift" ]; then
        fail "Swift is in $place but not on PATH; run: export PATH=$place:\$PATH"
      fi
    done
    say "Swift $need_swift or newer is missing; Debian 12 has no package of it."
    say "Get the Debian 12 x86_64 tool chain from https://www.swift.org/install/linux/, then for example:"
    say "  mkdir -p /opt/swift && tar -xzf swift-*-debian12.tar.gz --strip-components=1 -C /opt/swift"
    say "  export PATH=/opt/swift/usr/bin:\$PATH"
    exit 1
  fi
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$version" ] || fail "'swift --version' says no version; is $(command -v swift) a working tool chain?"
  at_least "$version" "$need_swift" || fail "Swift $version is too old; $need_swift or newer is needed (https://www.swift.org/install/linux/)"
}

[ "$(uname -m)" = x86_64 ] || fail "the host is $(uname -m); Ringbox runs on x86_64 hosts only"

[ $# -gt 0 ] || set -- run
if [ "$1" = list ]; then
  packages
  exit 0
fi
for name in "$@"; do
  groups=$(wanted_groups "$name")
  missing=$(missing_packages "$groups")
  [ -z "$missing" ] || install_packages "${missing% }"
done
check_swift
