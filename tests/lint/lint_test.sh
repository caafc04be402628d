#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each rule of lint.sh finds what it is there to find, and is content with a tree that keeps it.
set -u
cd "$(dirname "$0")" || exit 1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
bad=0
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

plant() { # FILE: its text is what comes in
    mkdir -p "$tree/$(dirname "$1")"
    cat >"$tree/$1"
}

expect() { # STATUS RULE TEXT
    local out rc
    out=$("$tree/tests/lint/lint.sh" "$2" 2>&1)
    rc=$?
    if [ $rc -ne "$1" ] || [[ $out != *"$3"* ]]; then
        printf '%s: exit %s, wanted %s with "%s", said: %s\n' "$2" $rc "$1" "$3" "$out"
        bad=1
    fi
}

function_of() { # NAME LINES
    printf '%s\nstatic void %s(void)\n{\n' "$spdx" "$1"
    for ((i = 0; i < $2; i++)); do echo '	;'; done
    echo '}'
}

mkdir -p "$tree/tests/lint" "$tree/include"
cp lint.sh "$tree/tests/lint/"
rules='spdx file-names unique-names file-length function-length third-party headers bpf-headers'
function_of short 60 | plant base/short.c
printf '%s\n#pragma once\n#include <stdint.h>\nstruct s {\n\tuint64_t x;\n};\n' "$spdx" | plant base/good.h
printf '%s\n#include <zlib.h>\n#include <zstd.h>\n' "$spdx" | plant formats/compress.c
printf '%s\n#include <zstd.h>\n' "$spdx" | plant symbolize/inflate.c
printf '%s\n#include <bpf/bpf_helpers.h>\n' "$spdx" | plant bpf/x.bpf.c
for rule in $rules; do
    expect 0 "$rule" ''
done

echo 'int x;' | plant base/none.c
expect 1 spdx base/none.c
echo "$spdx" | plant base/string_utils.c
expect 1 file-names base/string_utils.c
echo "$spdx" | plant bpf/good.h
expect 1 unique-names good.h
for ((i = 0; i < 601; i++)); do echo '/* */'; done | plant base/long.c
expect 1 file-length 'base/long.c: 601 lines'
function_of longish 61 | plant base/longish.c
expect 0 function-length 'base/longish.c:3: longish: 61 lines, warning'
function_of toolong 101 | plant base/toolong.c
expect 1 function-length 'base/toolong.c:3: toolong: 101 lines, at most 100'
printf '%s\n  # include <libdeflate.h>\n' "$spdx" | plant formats/other.c
expect 1 third-party 'formats/other.c:2'
printf '%s\n#include <zstd.h>\n' "$spdx" | plant profiler/another.c
expect 1 third-party 'profiler/another.c:2'
printf '%s\n#include <bpf/libbpf.h>\n' "$spdx" | plant bpf/y.bpf.c
expect 1 third-party 'bpf/y.bpf.c:2'
printf '%s\nuint64_t f(void);\n' "$spdx" | plant base/needy.h
expect 1 headers base/needy.h
printf '%s\nstatic bool b;\n' "$spdx" | plant bpf/needy_too.h
expect 1 bpf-headers bpf/needy_too.h
expect 2 no-such-rule 'no rule'
exit $bad
