#!/bin/bash
# Makes ARCH/lib/{include,static}: the headers and static libraries that library.c links, from
# Debian's -dev packages. They are unpacked, not installed: no foreign architecture is needed.
# usage: libraries.sh CACHE BENCH   (guest assets; the Makefile's OUT)
set -euo pipefail
mkdir -p "$2"
bench=$(cd "$2" && pwd)
script=$(realpath "$0")
# shellcheck source=../../Tools/guest-assets/common.sh
source "$(dirname "$script")/../../Tools/guest-assets/common.sh"

for arch in amd64 i386; do
    target=$bench/$arch/lib
    if fresh "$target" "$script"; then continue; fi
    need dpkg-deb
    [[ -n $work ]] || start_work
    rm -rf "${work:?}/unpacked" "${work:?}/lib"
    mkdir -p "$work/unpacked" "$work/lib/include" "$work/lib/static"
    for package in zlib1g-dev libbz2-dev liblzma-dev liblua5.4-dev; do
        deb=$(fetch_deb "$arch" "$package") || die "cannot download $package for $arch"
        dpkg-deb -x "$deb" "$work/unpacked"
    done
    for library in z bz2 lzma lua5.4; do
        cp "$work/unpacked"/usr/lib/*/"lib$library.a" "$work/lib/static/"
    done
    include=$work/unpacked/usr/include
    cp -r "$include"/{zlib.h,zconf.h,bzlib.h,lzma.h,lzma} "$include"/lua5.4/*.h "$work/lib/include/"
    # Multiarch headers that the plain ones include.
    for directory in "$include"/*-linux-gnu; do
        if [[ -d $directory ]]; then cp -r "$directory"/. "$work/lib/include/"; fi
    done
    mkdir -p "$bench/$arch"
    out=$bench publish lib "$target"
done
