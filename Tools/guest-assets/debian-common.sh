# Debian 12 root file systems by mmdebstrap; sourced after common.sh.
#
# Packages come from whatever Debian sources this host's own apt uses.
# shellcheck shell=bash

# debian_tar FILE PACKAGES OPTION...: a tar of an amd64 system with PACKAGES (comma-separated)
# added to the minimum; further options go to mmdebstrap.
debian_tar() {
    local file=$1 packages=$2 key value list sources=() options=('APT::Install-Recommends "false"')
    shift 2
    need mmdebstrap
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        if [[ -s $list ]]; then sources+=("$list"); fi
    done

    # mmdebstrap starts from an empty apt configuration; freshness checks and proxy
    # have to be as the host set them, for instance because it uses a snapshot.
    for key in Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http::Proxy; do
        value=$(apt-config dump --format '%v' "$key")
        if [[ -n $value ]]; then options+=("$key \"$value\""); fi
    done

    say "installing Debian (a few minutes)"
    # shellcheck disable=SC2154 # common.sh sets $work
    mmdebstrap --quiet --variant=minbase --architectures=amd64 --include="$packages" \
        "${options[@]/#/--aptopt=}" \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" bookworm "$file" "${sources[@]}" 2>"$work/mmdebstrap.log" || {
        tail -n 20 "$work/mmdebstrap.log" >&2
        die "mmdebstrap failed"
    }
}
