#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-symbolize: time and memory of `wick symbolize` beside other symbolizers (tests/bench/peers.sh
# install), each a new process over files in the page cache: inlined calls, names and lines of random
# addresses in the text of large files. symbolize.sh [BUILD (build/release)]. Nothing asserts.
#
# RUNS (3) rounds in which the tools take turns; the medians are printed. A tool that takes more than LIMIT
# (30) seconds is given up, also for more addresses of that file; one that takes more than 5 runs once.
# ONLY="rgw:10000 libc:1" are the only measurements; TOOLS="wick gimli" the only tools; SEED (1).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build/release}
dir=build/bench-symbolize runs=${RUNS:-3} limit=${LIMIT:-30} seed=${SEED:-1}
mkdir -p "$dir" || exit 1
figures=$dir/figures
: >"$figures"
declare -A path program given_up

# --- the files --------------------------------------------------------------------------------------
build_id() {
    readelf -n "$1" 2>/dev/null | awk '/Build ID/ { print $3 }'
}

debug_file() { # FILE: by its build id
    local id
    id=$(build_id "$1")
    echo "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
}

file() { # NAME FILE WHAT: tells when it is not there
    if [ -s "$2" ]; then
        path[$1]=$2
        printf '%-10s %-60s %7.1f MB\n' "$1" "$3" "$(stat -L -c %s "$2" | awk '{ print $1 / 1e6 }')"
    else
        echo "absent: $1, $3" >&2
    fi
}

# derived FROM TO OPTION: makes TO of FROM by objcopy, one time. It gets a build id of its own, or tools
# would find the file that it was made from.
derived() {
    [ -s "$1" ] || return
    [ "$1" -nt "$2" ] || return
    objcopy "$3" "$1" "$2.new" && python3 - "$2.new" "$(build_id "$1")" <<'END' && mv "$2.new" "$2" && touch "$2"
import mmap, sys
with open(sys.argv[1], "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
    own = bytes.fromhex(sys.argv[2])
    at = m.find(b"GNU\0" + own)
    if own and at >= 0:
        m[at + 4:at + 4 + len(own)] = own[::-1]
END
}

prepare_files() {
    local rgw libc go
    rgw=$(dpkg -L librgw2-dbg 2>/dev/null | grep '\.debug$' | head -n 1)
    libc=$(debug_file "/usr/lib/$(uname -m)-linux-gnu/libc.so.6")
    go=$(command -v go || compgen -G '/usr/lib/go*/bin/go' || compgen -G '/usr/local/go/bin/go')
    derived "${rgw:-/}" "$dir/rgw" --decompress-debug-sections
    derived "${rgw:-/}" "$dir/rgw.sym" --strip-debug
    derived "$libc" "$dir/libc" --decompress-debug-sections
    [ -z "$go" ] || [ -s "$dir/go" ] || GOTOOLCHAIN=local GOFLAGS=-mod=mod nice "$go" build -p 1 -o "$dir/go" cmd/vet
    file rgw "$dir/rgw" 'librgw2-dbg, its sections inflated'
    file rgw.z "${rgw:-/}" 'librgw2-dbg as shipped, zlib'
    file rgw.sym "$dir/rgw.sym" 'librgw2-dbg without DWARF: symbols alone'
    file libc "$dir/libc" 'libc6-dbg, inflated'
    file libc.z "$libc" 'libc6-dbg as shipped, zlib'
    file rust "${WICK_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/wick-peers}/bin/blaze-addr2line" 'a Rust release binary with debug = 2'
    file go "$dir/go" 'a Go binary (cmd/vet)'
}

# --- the tools --------------------------------------------------------------------------------------
prepare_tools() {
    local name version where
    if [ -x "$build/wick" ]; then
        program[wick]=$build/wick
        echo "wick       $("$build/wick" --version | awk 'NR == 1 { print $NF }')"
    else
        echo "absent: wick, no $build/wick" >&2
    fi
    while IFS=$'\t' read -r name version where; do
        program[$name]=$where
        printf '%-10s %s\n' "$name" "$version"
    done < <(tests/bench/peers.sh list)
    for name in llvm gimli blaze gnu eu; do
        [ -n "${program[$name]:-}" ] || echo "absent: $name" >&2
    done
}

command_of() { # TOOL FILE: sets cmd
    local p=${program[${1%%.*}]} f=${path[$2]}
    # --cache off is said: somebody's cache must not make wick faster. wick.warm has been asked about the
    # file, though for other addresses; wick.fill has not, and keeps what it found for the next time.
    case $1 in
    wick) cmd=("$p" symbolize --cache off --addr2line "$f") ;;
    wick.warm) cmd=("$p" symbolize --cache "$dir/cache" --addr2line "$f") ;;
    wick.fill) cmd=("$p" symbolize --cache "$dir/fill" --addr2line "$f") ;;
    blaze) cmd=("$p" "$f") && [ "$2" = rgw.sym ] && cmd=("$p" -s "$f") ;;
    llvm) cmd=("$p" --output-style=GNU -a -f -i -C -e "$f") ;;
    *) cmd=("$p" -a -f -i -C -e "$f") ;;
    esac
}

# One run; a line "FILE N TOOL wall cpu memory" when it answered every address.
once() { # TOOL FILE N: fails when there is no use in more
    local n wall rest
    command_of "$1" "$2"
    rm -rf "$dir/fill"
    mkdir "$dir/fill"
    "$build/bench/timed" "$limit" "${cmd[@]}" <"$dir/addresses" >"$dir/out" 2>"$dir/err" 3>"$dir/timed" || true
    read -r wall rest <"$dir/timed"
    n=$(grep -c '^0x' "$dir/out")
    if [ "$wall" = over ]; then
        echo "$2 $3 $1 over over over" >>"$figures"
        given_up[$1:$2]=1
        return 1
    elif [ "$n" -ne "$3" ]; then
        echo "failed: $1 on $2, $3 addresses: answered $n; $(tail -n 1 "$dir/err")" >&2
        given_up[$1:$2]=1
        return 1
    fi
    echo "$2 $3 $1 $wall $rest" >>"$figures"
    awk -v w="$wall" 'BEGIN { exit w > 5 }'
}

measure() { # FILE N TOOLS...
    local file=$1 n=$2 r t
    local -A enough=()
    shift 2
    [ -n "${path[$file]:-}" ] || return
    [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $file:$n "* ]] || return
    python3 tests/symagree/elfsymbols.py text "${path[$file]}" "$n" "$seed" >"$dir/addresses"
    cat "${path[$file]}" >/dev/null
    if [[ " $* " == *' wick.warm '* && -n ${program[wick]:-} ]]; then
        rm -rf "$dir/cache"
        mkdir -p "$dir/cache"
        command_of wick.warm "$file"
        python3 tests/symagree/elfsymbols.py text "${path[$file]}" 10000 other >"$dir/other"
        "${cmd[@]}" <"$dir/other" >/dev/null 2>&1
    fi
    for ((r = 0; r < runs; r++)); do
        for t in "$@"; do
            [ -n "${program[${t%%.*}]:-}" ] || continue
            [ -z "${given_up[$t:$file]:-}${enough[$t]:-}" ] || continue
            [ -z "${TOOLS:-}" ] || [[ " $TOOLS " == *" ${t%%.*} "* ]] || continue
            once "$t" "$file" "$n" || enough[$t]=1
        done
    done
}

prepare_files
prepare_tools
all=(wick llvm gimli blaze gnu eu)
for n in 1 10000 100000; do
    for f in rgw rgw.z; do
        measure $f $n "${all[@]}" wick.warm wick.fill
    done
    for f in libc libc.z rust go; do
        measure $f $n "${all[@]}" wick.warm wick.fill
    done
    measure rgw.sym $n wick blaze llvm gimli
done
rm -rf "$dir/cache" "$dir/fill" "$dir/out" "$dir/other"
tests/bench/symbolize_table.py <"$figures"
[ -z "${ONLY:-}" ] || exit 0
loaded=()
for f in rgw.sym rgw libc go; do
    [ -z "${path[$f]:-}" ] || loaded+=("${path[$f]}")
done
echo
"$build/bench-names" "${loaded[@]}"
