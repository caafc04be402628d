#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the files that symbolizers are judged on:
#
#   tests/symagree/corpus.sh small|full DIR
#
# and lists them in DIR/list, a line each, tabs between:
#
#   NAME   the file to ask about   the file that the references are asked about   references   about it
#
# The references get the plainest form of the same code: what another form of it (compressed, split,
# stripped, shared) says must be what that says. "-" for references means: the usual ones.
# small needs Debian packages alone (scripts/deps.sh check) and takes seconds; full takes minutes, and
# adds what else is here: distributions' debug files, other linkers, more compilers and options.
# What cannot be built here is told, on a line that begins with "absent:", and is in DIR/absent.
set -u
cd "$(dirname "$0")/../.." || exit 1
tier=${1:-} out=${2:-}
case $tier in small | full) ;; *) out= ;; esac
[ -n "$out" ] || { echo "usage: corpus.sh small|full DIR" >&2; exit 2; }
mkdir -p "$out" || exit 1
src=$PWD/tests/symagree/programs
out=$(realpath "$out")
cd "$out" || exit 1
: >list
: >absent

absent() { # NAME WHY
    echo "absent: $1: $2" | tee -a "$out/absent"
}

# add NAME FILE REFERENCE [REFERENCES [ABOUT]]
add() {
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:--}" "${5//$out\/}" >>"$out/list"
}

# try NAME COMMAND...: whether it went well; tells when not.
try() {
    local name=$1
    shift
    type "$1" >/dev/null 2>&1 || { absent "$name" "no $1"; return 1; }
    "$@" >"$out/log" 2>&1 ||
        { absent "$name" "${1##*/}: $(grep -m 1 -i -E 'error|unknown|unsupported' "$out/log" || tail -n 1 "$out/log")"; return 1; }
}

made() { # FILE...: whether the parts that others are derived from are there
    local f
    for f in "$@"; do [ -s "$f" ] || return 1; done
}

# build NAME LANGUAGE COMPILER FLAGS...: a program, from objects in a folder of its own: .dwo files are
# found by the names in them.
build() {
    local name=$1 language=$2 cc=$3 part parts=(inlines.c inlines_far.c) objects=()
    shift 3
    [ "$language" = c ] || { parts=(templates.cc) && set -- -std=c++20 "$@"; }
    mkdir -p "$name.parts"
    for part in "${parts[@]}"; do
        try "$name" "$cc" -c -g "$@" "$src/$part" -o "$name.parts/${part%.*}.o" || return
        objects+=("$name.parts/${part%.*}.o")
    done
    try "$name" "$cc" -g "$@" "${objects[@]}" -o "$name"
}

c() { # NAME COMPILER FLAGS...: a program to ask about as it is
    build "$1" c "${@:2}" && add "$1" "$out/$1" "$out/$1" - "${*:2}"
}

cxx() {
    build "$1" cxx "${@:2}" && add "$1" "$out/$1" "$out/$1" - "${*:2}"
}

same_code() { # A B: whether their code is the same, byte for byte
    objcopy -O binary -j .text "$1" a.text && objcopy -O binary -j .text "$2" b.text && cmp -s a.text b.text
}

# as NAME FILE PLAIN ABOUT: another form of PLAIN, judged by PLAIN if the code is the same.
as() {
    local reference=$3
    same_code "$2" "$3" || reference=$2
    add "$1" "$out/$2" "$out/$reference" - "$4"
}

# split NAME PLAIN DWP LANGUAGE COMPILER FLAGS...: PLAIN again with its debug information in .dwo files,
# and once more in one .dwp by the program DWP.
split() {
    local name=$1 plain=$2 dwp=$3
    shift 3
    made "$plain" || return
    build "$name-dwo" "$@" -gsplit-dwarf && as "$name-dwo" "$name-dwo" "$plain" "${*:2} (.dwo)"
    build "$name-dwp" "$@" -gsplit-dwarf && try "$name-dwp" "$dwp" -e "$name-dwp" -o "$name-dwp.dwp" || return
    rm -f "$name-dwp.parts"/*.dwo
    as "$name-dwp" "$name-dwp" "$plain" "${*:2} (.dwp by $dwp)"
}

packed() { # PLAIN HOW: the same with compressed sections
    made "$1" && try "$1-$2" objcopy --compress-debug-sections="$2" "$1" "$1-$2" &&
        as "$1-$2" "$1-$2" "$1" "sections compressed with $2"
}

shared() { # NAME A B: A and B with what they have in common in a file beside them
    made "$2" "$3" || return
    cp "$2" "$1-a" && cp "$3" "$1-b"
    # Its name is in the two files as it is said here.
    try "$1" dwz -m "$1.common" "$1-a" "$1-b" || return
    made "$1.common" || { absent "$1" "dwz found nothing in common"; return; }
    as "$1-a" "$1-a" "$2" 'dwz -m'
    as "$1-b" "$1-b" "$3" 'dwz -m'
}

stripped() { # PLAIN: its debug information in a file beside it, found by name
    made "$1" || return
    objcopy --only-keep-debug "$1" "$1-apart.debug" && objcopy --strip-debug "$1" "$1-symbols" &&
        objcopy --strip-all --add-gnu-debuglink="$1-apart.debug" "$1" "$1-apart"
    as "$1-apart" "$1-apart" "$1" 'stripped, with a debug file beside it'
    add "$1-symbols" "$out/$1-symbols" "$out/$1-symbols" - 'no DWARF, symbols alone'
}

rust() { # NAME FLAGS...
    local name=$1
    shift
    try "$name" rustc -g "$@" "$src/ranges.rs" -o "$name" && add "$name" "$out/$name" "$out/$name" - "rustc $*"
}

go_tool() {
    if have go; then go "$@"; else "$(compgen -G '/usr/local/go/bin/go' || compgen -G '/usr/lib/go*/bin/go')" "$@"; fi
}

go_program() { # NAME REFERENCES PLAIN FLAGS...
    local name=$1 refs=$2 plain=$3
    shift 3
    export GOFLAGS=-mod=mod GO111MODULE=off GOTOOLCHAIN=local
    try "$name" go_tool build "$@" -o "$name" "$src/closures.go" && add "$name" "$out/$name" "$out/$plain" "$refs" "go build $*"
}

small() {
    c gcc-O2 gcc -O2
    c clang-O2 clang -O2
    c gcc-O0 gcc -O0
    c gcc-dwarf4 gcc -O2 -gdwarf-4
    c gcc-dwarf3 gcc -O2 -gdwarf-3 -gstrict-dwarf
    c gcc-dwarf2 gcc -O2 -gdwarf-2 -gstrict-dwarf
    c clang-dwarf4 clang -O2 -gdwarf-4
    c gcc-static gcc -O2 -static
    c gcc-nopie gcc -O2 -fno-pie -no-pie
    c gcc-lto gcc -O2 -flto
    c gcc-sections gcc -O2 -ffunction-sections -Wl,--gc-sections
    try asm gcc -g "$src/steps.S" -o asm && add asm "$out/asm" "$out/asm" - 'assembly, gcc -g'
    split gcc-split gcc-O2 llvm-dwp c gcc -O2
    split gcc-split4 gcc-dwarf4 dwp c gcc -O2 -gdwarf-4
    split clang-split clang-O2 llvm-dwp c clang -O2
    cxx cxx-gcc g++ -O2 "$@"
    cxx cxx-clang clang++ -O2 "$@"
    packed cxx-gcc zlib
    packed cxx-gcc zstd
    packed gcc-O2 zlib-gnu
    stripped gcc-O2
    stripped cxx-gcc
    shared dwz cxx-gcc gcc-O2
    rust rust -O
    go_program go-plain gotool go-plain
    go_program go-stripped gotool go-plain -ldflags=-s
}

# What distributions ship: the file that runs, and its debug file as the reference.
debian() { # NAME FILE DEBUG-FILE [REFERENCES]
    if [ -e "$2" ] && [ -e "$3" ]; then
        add "$1" "$2" "$3" "${4:--}" "Debian's $(basename "$2")"
    else
        absent "$1" "no $([ -e "$2" ] && echo "$3" || echo "$2")"
    fi
}
debug_file() { # FILE: by its build id
    local id
    id=$(readelf -n "$1" 2>/dev/null | awk '/Build ID/ { print $3 }')
    echo "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
}

full() {
    local v lib libc clangs lld
    lib=/usr/lib/$(uname -m)-linux-gnu
    small -DWITH_REGEX
    libc=$lib/libc.so.6
    debian debian-libc "$libc" "$(debug_file "$libc")"
    debian debian-ld "$lib/ld-linux-x86-64.so.2" "$(debug_file "$lib/ld-linux-x86-64.so.2")"
    debian debian-libstdcxx "$lib/debug/libstdc++.so.6.0.30" "$lib/debug/libstdc++.so.6.0.30"
    debian debian-python /usr/bin/python3.11d /usr/bin/python3.11d
    v=$(dpkg -L librgw2-dbg 2>/dev/null | grep '\.debug$')
    debian debian-librgw "${v:-librgw2-dbg}" "${v:-librgw2-dbg}"
    # A debug file of Debian's that shares a part with others (.gnu_debugaltlink): llvm and gimli lose the
    # names in that part, and GNU the inlined calls.
    v=$lib/krb5/plugins/preauth/spake.so
    debian debian-spake-dwz "$v" "$(debug_file "$v")" blaze

    for v in 2 3 4; do
        cxx "cxx-gcc-dwarf$v" g++ -O2 "-gdwarf-$v" -gstrict-dwarf
        cxx "cxx-clang-dwarf$v" clang++ -O2 "-gdwarf-$v"
    done
    cxx cxx-gcc-O0 g++ -O0
    cxx cxx-gcc-O3 g++ -O3 -march=x86-64-v3
    cxx cxx-gcc-Os g++ -Os
    cxx cxx-gcc-types g++ -O2 -fdebug-types-section
    cxx cxx-gcc-dwarf64 g++ -O2 -gdwarf64
    cxx cxx-gcc-g3 g++ -O2 -g3
    cxx cxx-gcc-g1 g++ -O2 -g1
    cxx cxx-gcc-lto g++ -O2 -flto
    cxx cxx-gcc-static g++ -O2 -static
    cxx cxx-gcc-sections g++ -O2 -ffunction-sections -Wl,--gc-sections
    cxx cxx-gcc-as-relax g++ -O2 -gno-as-loc-support
    cxx cxx-clang-O1 clang++ -O1
    cxx cxx-clang-g1 clang++ -O2 -gline-tables-only
    cxx cxx-clang-types clang++ -O2 -fdebug-types-section
    cxx cxx-clang-blocks clang++ -O2 -fbasic-block-sections=all
    c clang-cold clang -O2 -mllvm -hot-cold-split
    c gcc-partition gcc -O2 -freorder-blocks-and-partition -ffunction-sections
    c gcc-pg gcc -O2 -fno-omit-frame-pointer -fpatchable-function-entry=5
    split cxx-gcc-split cxx-gcc llvm-dwp cxx g++ -O2 -DWITH_REGEX
    split cxx-clang-split cxx-clang llvm-dwp cxx clang++ -O2 -DWITH_REGEX
    split cxx-gcc-split4 cxx-gcc-dwarf4 dwp cxx g++ -O2 -gdwarf-4 -gstrict-dwarf
    packed cxx-clang zstd
    stripped cxx-clang
    shared dwz4 cxx-gcc-dwarf4 gcc-dwarf4
    if made cxx-gcc-dwarf4 && try dwz-alone dwz cxx-gcc-dwarf4 -o dwz-alone; then
        as dwz-alone dwz-alone cxx-gcc-dwarf4 'dwz, one file'
    fi

    lld=$(compgen -c ld.lld | sort -t- -k2 -n | tail -n 1)
    if [ -n "$lld" ]; then
        # What stands in for the linker of both compilers, whatever its version.
        mkdir -p linker && ln -sf "$(command -v "$lld")" linker/ld
        c lld-icf clang -O2 -ffunction-sections -B"$out/linker" -Wl,--icf=all -Wl,--gc-sections
        cxx cxx-lld-icf clang++ -O2 -ffunction-sections -B"$out/linker" -Wl,--icf=all -Wl,--gc-sections
        cxx cxx-lld-gcc g++ -O2 -ffunction-sections -B"$out/linker" -Wl,--gc-sections
        c lld-lto clang -O2 -flto -B"$out/linker"
        c lld-thinlto clang -O2 -flto=thin -B"$out/linker"
    else
        absent lld-icf 'no ld.lld'
    fi
    clangs=$(compgen -c clang-1 | grep -E '^clang-[0-9]+$' | sort -u | tail -n 1)
    [ "$clangs" = clang-14 ] || [ -z "$clangs" ] || c "$clangs" "$clangs" -O2

    rust rust-O0
    rust rust-mangling-v0 -O -C symbol-mangling-version=v0
    rust rust-lto -O -C lto=fat -C codegen-units=1
    rust rust-split -O -C split-debuginfo=packed
    for v in "${WICK_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/wick-peers}"/bin/*addr2line; do
        [ -e "$v" ] && add "rust-$(basename "$v")" "$v" "$v" - 'a release binary with debug = 2'
    done
    go_program go-dwarf - go-plain
}

"$tier"
rm -f log a.text b.text
echo "$(wc -l <list) files, $(wc -l <absent) absent; in $out/list"
