# Shared by the guest-asset scripts; sourced, never run.
#
# A script makes its files in $work and moves them into place whole, so a test
# that looks while a build runs, or after one was interrupted, never sees half.
# shellcheck shell=bash

# shellcheck disable=SC2034  # for the scripts that source this
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-.build/guest-assets}"
out=$(cd "${1:-.build/guest-assets}" && pwd)
work=
trap '[[ -z $work ]] || rm -rf "$work"' EXIT

# depmod, mke2fs and the like are not on an ordinary user's path.
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

# need TOOL...: the Debian packages are listed in README.md.
need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || die "needs '$tool', which is not installed"
    done
}

# fresh TARGET INPUT...: TARGET exists and is older than no input.
fresh() {
    local target=$1 input
    shift
    [[ -e $target ]] || return 1
    for input; do
        if [[ $input -nt $target ]]; then return 1; fi
    done
}

# On the same file system as $out, so that moving a file there is one rename.
start_work() { work=$(mktemp -d "$out/.work.XXXXXX"); }

# publish NAME TARGET: put a finished $work/NAME in place.
publish() {
    mkdir -p "$(dirname "$2")"
    if [[ -d $work/$1 ]]; then rm -rf "$2"; fi
    touch "$work/$1"
    mv -fT "$work/$1" "$2"
    say "made ${2#"$out"/}"
}

# private_apt ARCH COMMAND...: apt with the host's sources but its own state, so
# that foreign packages need neither root nor a change to the host's own apt.
private_apt() {
    local arch=$1 root=$out/apt/$1
    shift
    mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
    apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 \
        -o Dir::State="$root/state" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$root/cache" "$@"
}

# fetch_deb ARCH PACKAGE: print the path of PACKAGE's newest archive file,
# downloading it the first time.
fetch_deb() {
    local arch=$1 package=$2 dir=$out/debs/$1 file
    file=$(compgen -G "$dir/${package}_*.deb" | tail -n 1) || true
    if [[ -z $file ]]; then
        need apt-get
        mkdir -p "$dir"
        # A source that cannot be refreshed matters only if the package is then missing.
        private_apt "$arch" update >"$work/apt.log" 2>&1 || true
        (cd "$work" && private_apt "$arch" download "$package" >>apt.log 2>&1) || {
            tail -n 3 "$work/apt.log" >&2
            return 1
        }
        file=$(compgen -G "$work/${package}_*.deb")
        mv "$file" "$dir/"
        file=$dir/$(basename "$file")
    fi
    printf '%s\n' "$file"
}

# kernel_release BZIMAGE: what `uname -r` says under it (the boot protocol's
# kernel_version field, at 0x20e, points 0x200 short of the string).
kernel_release() {
    local at
    at=$(od -An -tu2 -j $((0x20e)) -N2 "$1")
    dd if="$1" bs=1 skip=$((at + 0x200)) count=64 status=none | tr '\0' ' ' | cut -d' ' -f1
}

# pack_initrd DIR FILE: the tree as a gzipped initramfs owned by root. No device
# nodes: the kernel's built-in initramfs holds /dev/console, the rest is devtmpfs.
pack_initrd() {
    need cpio
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) |
        gzip -9n >"$2"
}
