#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building (deps.sh build) or building and testing wick (deps.sh check, the default)
# needs and this system does not have. Where nothing is missing it asks no package manager and prints
# nothing. Debian 12, Debian 13 and Ubuntu 24.04 are known; elsewhere it names what is missing.
set -u
cd "$(dirname "$0")/.." || exit 1

# One line a package: what for, its name, and a proof that it is there - a command, a header, or a
# word that has() below knows.
table='
build gcc                  cmd gcc                        the C compiler
build libc6-dev            hdr stdio.h                    the C library
build linux-libc-dev       hdr linux/bpf.h                perf_event_open, bpf and their structures
build clang                cmd clang                      compiles the sampler to BPF
build llvm                 run llvm-strip                 takes the DWARF out of the sampler, keeps its BTF
build bpftool              run bpftool                    writes the sampler skeleton
build libbpf-dev           hdr bpf/libbpf.h               loads the sampler
build libelf-dev           hdr libelf.h                   ELF files; libbpf needs it, too
build libdw-dev            hdr elfutils/libdwfl.h         debug information of other kinds of ELF files; in tests, a second opinion
build libunwind-dev        hdr libunwind.h                unwinds stacks that the kernel sends whole
build libiberty-dev        hdr libiberty/demangle.h       names of C++, Rust and D
build libprotobuf-c-dev    hdr protobuf-c/protobuf-c.h    reads and writes pprof
build protobuf-c-compiler  cmd protoc-c                   code from formats/profile.proto
build libdeflate-dev       hdr libdeflate.h               small .pb.gz, compressed sections of debug information
build libisal-dev          hdr isa-l/igzip_lib.h          reads .pb.gz, writes large ones; large compressed sections
build zlib1g-dev           hdr zlib.h                     libelf needs it; in tests, a second opinion
build libdebuginfod-dev    hdr elfutils/debuginfod.h      the header alone: the library is loaded when asked for
build liblzma-dev          hdr lzma.h                     .gnu_debugdata
build libyajl-dev          hdr yajl/yajl_parse.h          reads JSON token by token
build libzstd-dev          hdr zstd.h                     .pb.zst, compressed sections
check libcriterion-dev     hdr criterion/criterion.h      the test programs
check protobuf-compiler    cmd protoc                     a second reader of the pprof files
check golang-go            run go                         go tool pprof reads them; Go programs to profile
check g++                  cmd g++                        C++ programs to profile
check musl-tools           cmd musl-gcc                   programs of another C library to profile
check rustc                cmd rustc                      Rust programs to profile
check mandoc               cmd mandoc                     reads the man pages
check zstd                 cmd zstd                       a second reader of .pb.zst, compressed sections
check python3              cmd python3                    Python programs to profile
check binutils             cmd nm                         nm, readelf and objcopy say what symbols there are
check dwz                  cmd dwz                        debug information shared by files
check xz-utils             cmd xz                         makes .gnu_debugdata for the tests
check llvm                 cmd llvm-symbolizer            a second opinion on names of addresses; llvm-dwp
check util-linux           cmd setpriv                    runs wick as somebody without privilege
check qemu-system-x86      cmd qemu-system-x86_64         other kernels, in virtual machines
check busybox-static       cmd busybox                    what runs in them beside wick
check chromium             cmd chromium                   shows the pages and pictures
check nodejs               cmd node                       drives it
check npm                  cmd npm                        brings playwright-core for that
check findutils            cmd find                       the lint rules
check shellcheck           cmd shellcheck                 of these, the one on shell scripts
check linux-perf           cmd perf                       perf script writes what is read
check valgrind             cmd callgrind_annotate         a second reader of .callgrind
check python3-jsonschema   file /usr/lib/python3/dist-packages/jsonschema  holds JSON against its schema
check libdevel-nytprof-perl file /usr/share/perl5/Devel/NYTProf/flamegraph.pl  reads the folded stacks
'

has() { # KIND WHAT
    local d
    case $1:$2 in
    run:bpftool) "$(scripts/find-bpftool.sh)" version ;;
    run:llvm-strip) command -v llvm-strip || compgen -G '/usr/bin/llvm-strip-*' ;;
    run:go) command -v go || compgen -G '/usr/local/go/bin/go' || compgen -G '/usr/lib/go*/bin/go' ;;
    cmd:*) command -v "$2" ;;
    file:*) [ -e "$2" ] ;;
    hdr:*)
        for d in /usr/local/include /usr/include /usr/include/*-linux-gnu; do
            [ -e "$d/$2" ] && return 0
        done
        return 1 ;;
    esac >/dev/null 2>&1
}

missing() { # TIER: the packages of it that are not there
    local tier package kind what
    while read -r tier package kind what _; do
        if [ -n "$tier" ] && { [ "$tier" = build ] || [ "$1" = check ]; } && ! has "$kind" "$what"; then
            echo "$package"
        fi
    done <<<"$table"
}

die() {
    echo "deps.sh: $*" >&2
    exit 1
}

tier=${1:-check}
case $tier in build | check) ;; *) die "usage: scripts/deps.sh [build|check]" ;; esac
list=$(missing "$tier")
[ -z "$list" ] && exit 0
mapfile -t want <<<"$list"

# shellcheck source=/dev/null
system=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "${ID:-}:${VERSION_ID:-}")
case $system in
debian:12 | debian:13) ;;
ubuntu:24.04)
    case " ${want[*]} " in *' bpftool '*)
        want=("${want[@]/#bpftool/linux-tools-common}" linux-tools-generic) ;;
    esac
    want=("${want[@]/#chromium/chromium-browser}")
    want=("${want[@]/#linux-perf/linux-tools-generic}") ;;
*) die "these packages, here called as in Debian, are missing and have to be installed by hand," \
    "since only Debian 12, Debian 13 and Ubuntu 24.04 are known to this script: ${want[*]}" ;;
esac
command -v apt-get >/dev/null || die "there is no apt-get here; install these by hand: ${want[*]}"

root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
        die "installing needs root; run this as root: apt-get install --no-install-recommends ${want[*]}"
    root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=300 -qq "$@" >>"$log" 2>&1
}
echo "installing ${want[*]}"
apt update || echo "deps.sh: apt-get update failed; going on with the package lists that are here" >&2
if ! apt install -y --no-install-recommends "${want[@]}"; then
    tail -n 20 "$log" >&2
    die "apt-get could not install ${want[*]}"
fi
list=$(missing "$tier")
[ -z "$list" ] || die "installed, but still not usable:" "${list//$'\n'/ }"
