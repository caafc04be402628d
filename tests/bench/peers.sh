#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The symbolizers that wick is measured beside and judged by, and inferno, which draws flame graphs;
# neither wick nor `make check` needs them.
#
#   tests/bench/peers.sh install   brings what is missing, by apt-get and cargo; says what stays absent
#   tests/bench/peers.sh list      a line for each that is here: NAME, its version, its program; tabs between
#
# What cargo builds goes to WICK_PEERS (default ~/.cache/wick-peers), one time, with debug information:
# these programs are also the Rust binaries that are asked about.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD
dir=${WICK_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/wick-peers}
gimli=0.27.1
llvm=19

# The Debian packages: symbolizers, and debug files to ask about.
packages=(binutils elfutils "llvm-$llvm" "lld-$llvm" libc6-dbg librgw2-dbg libstdc++6-12-dbg python3.11-dbg
    libkrb5-dbg)

newest_llvm() {
    find /usr/bin -name 'llvm-symbolizer-*' 2>/dev/null | sort -t- -k3 -n | tail -n 1
}

program() { # NAME: where it is; fails when it is not
    case $1 in
    llvm) p=$(newest_llvm) && [ -n "$p" ] || p=$(command -v llvm-symbolizer) ;;
    gimli) p=$dir/bin/addr2line ;;
    blaze) p=$dir/bin/blaze-addr2line ;;
    gnu) p=$(command -v addr2line) ;;
    eu) p=$(command -v eu-addr2line) ;;
    esac
    [ -x "$p" ] && echo "$p"
}

version() { # NAME PROGRAM
    case $1 in
    blaze) cat "$dir/blaze.version" ;;
    gimli) "$2" --version | awk '{ print $NF }' ;;
    llvm) "$2" --version | awk '/LLVM version/ { print $NF }' ;;
    *) "$2" --version | awk 'NR == 1 { print $NF }' ;;
    esac
}

list() {
    local name p
    for name in llvm gimli blaze gnu eu; do
        p=$(program $name) && printf '%s\t%s\t%s\n' $name "$(version $name "$p")" "$p"
    done
    return 0
}

absent() { # WHAT WHY
    echo "absent: $1 ($2)" >&2
}

install_packages() {
    local p root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    for p in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' && continue
        echo "installing $p"
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
            -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$p" >"$dir/log" 2>&1 ||
            absent "$p" "apt-get: $(tail -n 1 "$dir/log")"
    done
}

# One core and out of the way: the machine may have other things to do.
install_crates() {
    export CARGO_PROFILE_RELEASE_DEBUG=2
    if ! command -v cargo >/dev/null; then
        absent "gimli, blazesym and inferno" "no cargo"
        return
    fi
    if ! program gimli >/dev/null; then
        echo "building gimli's addr2line $gimli"
        nice cargo install -q -j1 addr2line --version "$gimli" --features bin --root "$dir" >"$dir/log" 2>&1 ||
            absent gimli "cargo: $(tail -n 1 "$dir/log")"
    fi
    if [ ! -x "$dir/bin/inferno-flamegraph" ]; then
        echo "building inferno"
        nice cargo install -q -j1 inferno --root "$dir" >"$dir/log" 2>&1 ||
            absent inferno "cargo: $(tail -n 1 "$dir/log")"
    fi
    if ! program blaze >/dev/null; then
        echo "building blazesym"
        mkdir -p "$dir/blaze" "$dir/bin"
        cp "$here/tests/bench/blaze/"* "$dir/blaze/"
        if (cd "$dir/blaze" && nice cargo build -q -j1 --release --target-dir "$dir/blaze-target") >"$dir/log" 2>&1; then
            awk '/^name = "blazesym"/ { getline; gsub(/.* = |"/, ""); print }' "$dir/blaze/Cargo.lock" >"$dir/blaze.version"
            cp "$dir/blaze-target/release/blaze-addr2line" "$dir/bin/"
            rm -rf "$dir/blaze-target"
        else
            absent blazesym "cargo: $(tail -n 1 "$dir/log")"
        fi
    fi
}

case ${1:-} in
list) list ;;
install)
    mkdir -p "$dir" || exit 1
    install_packages
    install_crates
    list ;;
*)
    echo "usage: tests/bench/peers.sh install|list" >&2
    exit 2 ;;
esac
