#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whether `wick symbolize` says what others say, on files of many kinds that are built on the spot, with
# Debian packages alone: llvm-symbolizer and GNU addr2line where the two agree, `go tool addr2line` for Go.
#
#   tests/symagree/run.sh [OPTIONS OF judge.py...]
#
# SYMAGREE_BUILD (build/release) holds wick, and the files once they are built; WICK is another wick.
#
# `make symbolizer-agreement` asks more, about more files and by better judges.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${SYMAGREE_BUILD:-build/release}
list=$build/symagree/list
# In make check it is there already.
[ -s "$list" ] || tests/symagree/corpus.sh small "${list%/*}" || exit 1
WICK=${WICK:-$build/wick} exec tests/symagree/judge.py --references llvm,gnu "$@" "$list"
