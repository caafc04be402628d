#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rules of the source tree that no compiler checks. lint.sh RULE runs one, lint.sh alone names them
# all. Exit 0: kept, 1: broken (each place on a line), 77: cannot be checked here. make sets LINT_BUILD
# to the build folder, and CC and CLANG. Needs nothing but a shell, awk and find; no git.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${LINT_BUILD:-build/release}

rules=(spdx file-names unique-names file-length function-length third-party headers bpf-headers
    mutable-globals shell format)

# Who may include a third-party header: one room, or single files. An entry that ends in / means every
# header in that folder, but one that is listed by its own name has its own owners.
third_party='
bpf/bpf_helpers.h bpf
bpf/bpf_tracing.h bpf
bpf/              profiler
libelf.h          symbolize
gelf.h            symbolize
dwarf.h           symbolize
elfutils/         symbolize
elfutils/libdwfl.h symbolize/libdwsource.c
elfutils/libdw.h  symbolize/libdwwalk.h symbolize/libdwfind.h
libiberty/        symbolize
libunwind         unwind
protobuf-c/       formats
isa-l/            formats/compress.c formats/gzipblocks.c symbolize/inflatestream.c
yajl/             formats/jsonread.c
zstd.h            formats/compress.c symbolize
libdeflate.h      formats/compress.c symbolize/inflate.c symbolize/symstore.c flamegraph/html.c
lzma.h            symbolize
'

# Mutable globals that are allowed, as OBJECT.o:NAME, and why.
globals='
interrupts.o:seen    what a signal handler has to know
log.o:log_level      one per process: how much is said
outfile.o:pending    a signal handler removes half-written files
snapshot.o:accessors libunwind wants a pointer to what it does not change
'

# Files whose names are somebody else's: what they stand in for.
given_names=tests/bpfsim/bpf/bpf_helpers.h

files() { # PATTERN...: files of the tree that somebody wrote
    local args=() p
    for p in "$@"; do
        args+=(-o -name "$p")
    done
    find . \( -path ./build -o -path ./.git \) -prune -o -type f \( "${args[@]:1}" \) -print |
        sed 's|^\./||' | LC_ALL=C sort
}

verdict() { # what a rule printed, if anything, breaks it
    local out
    out=$(cat)
    [ -z "$out" ] || { printf '%s\n' "$out"; exit 1; }
}

rule_spdx() {
    files '*.[chS]' '*.js' '*.css' '*.html' '*.sh' '*.py' '*.mk' '*.proto' '*.cc' '*.cpp' '*.go' '*.rs' Makefile run |
        while read -r f; do
            head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ' ||
                echo "$f: no SPDX-License-Identifier in the first three lines"
        done | verdict
}

rule_file_names() {
    files '*.[ch]' '*.sh' '*.py' | grep -vxF "$given_names" |
        grep -E '(^|/|[-_])(util|utils|misc|helper|helpers|common|logic)([-_][^/]*)?\.[a-z]+$' |
        sed 's/$/: a name that says nothing; call it after what it holds/' | verdict
}

# But a test is called after what it tests, in every tier.
rule_unique_names() {
    files '*.[ch]' | grep -vxF "$given_names" | grep -v '^tests/.*/test_[^/]*$' | sed 's|.*/||' |
        sort | uniq -d | sed 's/$/: more than one file is called so/' | verdict
}

rule_file_length() {
    files '*.[ch]' '*.sh' '*.py' '*.js' | while read -r f; do
        n=$(wc -l <"$f")
        [ "$n" -le 600 ] || echo "$f: $n lines, at most 600"
    done | verdict
}

# A function is what stands between a brace in column 0 and the next closing one in column 0.
rule_function_length() {
    local all
    # shellcheck disable=SC2016
    all=$(files '*.[ch]' | xargs awk '
        /^\{/ { start = FNR; name = before }
        /^\}/ && start {
            n = FNR - start - 1
            if (n > 60)
                printf "%s:%d: %s: %d lines, %s\n", FILENAME, start, name, n,
                       (n > 100 ? "at most 100" : "warning: better at most 60")
            start = 0
        }
        /^[A-Za-z_].*\(/ { before = $0; sub(/\(.*/, "", before); sub(/.*[ *]/, "", before) }')
    printf '%s' "$all" | grep warning >&2
    printf '%s' "$all" | grep -v warning | verdict
}

rule_third_party() {
    files '*.[ch]' | grep -v '^tests/' | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' |
        awk -v table="$third_party" '
        BEGIN {
            n = split(table, line, "\n")
            for (i = 1; i <= n; i++)
                if (match(line[i], " +"))
                    owners[substr(line[i], 1, RSTART - 1)] = substr(line[i], RSTART + RLENGTH)
        }
        function may(place, list,    word, n, i) {
            n = split(list, word, " ")
            for (i = 1; i <= n; i++)
                if (index(place, word[i] "/") == 1 || index(place, word[i] ":") == 1)
                    return 1
            return 0
        }
        {
            header = $0
            gsub(/.*<|>.*/, "", header)
            best = ""
            for (h in owners)
                if (index(header, h) == 1 && length(h) > length(best))
                    best = h
            if (best != "" && !may($0, owners[best]))
                print $0 ": belongs to " owners[best]
        }' | verdict
}

# Compiling every header on its own, rooms' folders and generated code in sight.
rule_headers() {
    local inc=(-Iinclude -I"$build/gen/formats" -I"$build/gen/bpf" -Itests) d
    command -v "${CC:=gcc}" >/dev/null || { echo "no $CC"; exit 77; }
    for d in $(files '*.h' | grep -v -e '^bpf/' -e '^include/' | sed 's|/[^/]*$||' | sort -u); do
        inc+=(-I"$d")
    done
    files '*.h' | grep -v '^bpf/' | while read -r f; do
        out=$("$CC" -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra "${inc[@]}" \
            -include "$f" -x c /dev/null 2>&1) || printf '%s: not self-contained\n%s\n' "$f" "$out"
    done | verdict
}

rule_bpf_headers() {
    command -v "${CLANG:=clang}" >/dev/null || { echo "no $CLANG"; exit 77; }
    files '*.h' | grep '^bpf/' | while read -r f; do
        out=$("$CLANG" -target bpf -D__TARGET_ARCH_x86 -fsyntax-only -O2 -Iinclude -Ibpf \
            -I"/usr/include/$(uname -m)-linux-gnu" -include "$f" -x c /dev/null 2>&1) ||
            printf '%s: not self-contained\n%s\n' "$f" "$out"
    done | verdict
}

rule_mutable_globals() {
    command -v objdump >/dev/null || { echo "no objdump"; exit 77; }
    compgen -G "$build/lib*.a" >/dev/null || { echo "nothing is built in $build"; exit 77; }
    case $build in *release* | *debug*) ;; *) echo "only in release and debug builds"; exit 77 ;; esac
    objdump -t "$build"/lib*.a | awk '
        / file format / { object = $1; sub(/:$/, "", object) }
        NF >= 5 && / \.(data|bss)/ && !/ \.data\.rel\.ro/ && !/ d +\./ { print object ":" $NF }' |
        grep -v '^profile\.pb-c\.o:' | while read -r g; do
        grep -q "^$g " <<<"$globals" || echo "$g: a mutable global that is not in the list of lint.sh"
    done | verdict
}

rule_shell() {
    command -v shellcheck >/dev/null || { echo "no shellcheck"; exit 77; }
    files '*.sh' run | xargs shellcheck -x | verdict
}

# Only lines changed since LINT_BASE (default HEAD: what is not committed yet).
rule_format() {
    command -v git-clang-format >/dev/null || { echo "no clang-format"; exit 77; }
    git rev-parse -q --verify "${LINT_BASE:=HEAD}" >/dev/null 2>&1 || { echo "no git history"; exit 77; }
    files '*.[ch]' | xargs git-clang-format --quiet --diff "$LINT_BASE" -- |
        grep -v -e '^no modified files' -e 'did not modify any files' | verdict
}

case ${1:-} in
'') printf '%s\n' "${rules[@]}" ;;
*)
    [[ " ${rules[*]} " == *" $1 "* ]] || { echo "lint.sh: there is no rule '$1'" >&2; exit 2; }
    "rule_${1//-/_}" ;;
esac
