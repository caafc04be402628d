#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# wick symbolize --debuginfod against a server on the loopback that has one debug file.
set -u
cd "$(dirname "$0")/../.." || exit 1
wick=$PWD/${LINT_BUILD:-build/release}/wick
[ -x "$wick" ] || { echo "$wick is not built"; exit 77; }
for tool in python3 objcopy readelf "${CC:=gcc}"; do
    command -v "$tool" >/dev/null || { echo "no $tool"; exit 77; }
done
dir=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
server=
export XDG_CACHE_HOME=$dir/cache DEBUGINFOD_CACHE_PATH=$dir/fetched no_proxy='*'
unset DEBUGINFOD_VERBOSE DEBUGINFOD_PROGRESS
bad=0

complain() { # MESSAGE
    echo "$1"
    bad=1
}

"$CC" -O1 -g -fno-pie -no-pie -Wl,--build-id=sha1 tests/fixtures/symbolize/names.c -o "$dir/whole" || exit 1
objcopy --strip-debug "$dir/whole" "$dir/program" || exit 1
main=$(nm "$dir/whole" | awk '$3 == "main" { print $1 }')
id=$(readelf -n "$dir/whole" | awk '/Build ID/ { print $3 }')
mkdir -p "$dir/www/buildid/$id" && cp "$dir/whole" "$dir/www/buildid/$id/debuginfo" || exit 1

env -u DEBUGINFOD_URLS "$wick" symbolize --debuginfod "$dir/program" "$main" >"$dir/out" 2>&1 &&
    complain 'without a server: no error'
grep -q DEBUGINFOD_URLS "$dir/out" || complain "without a server: $(cat "$dir/out")"
grep -q libdebuginfod "$dir/out" && { echo "no libdebuginfod"; exit 77; }

(cd "$dir/www" && exec python3 -u -m http.server --bind 127.0.0.1 0) >"$dir/server" 2>&1 &
server=$!
for _ in $(seq 100); do
    port=$(sed -n 's/.*http:\/\/127.0.0.1:\([0-9]*\).*/\1/p' "$dir/server")
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { echo "no server: $(cat "$dir/server")"; exit 1; }
export DEBUGINFOD_URLS=http://127.0.0.1:$port

"$wick" symbolize "$dir/program" "$main" >"$dir/out" || complain "exit $?"
grep -q 'names.c:' "$dir/out" && complain 'a server was asked without --debuginfod'
out=$("$wick" symbolize --debuginfod "$dir/program" "$main") || complain "exit $?"
[[ $out == *'main at '*names.c:* ]] || complain "with a server: $out"

# Servers that cannot be reached are told of; that they have no such file is no failure.
DEBUGINFOD_URLS=http://127.0.0.1:1/ DEBUGINFOD_CACHE_PATH=$dir/nothing \
    "$wick" symbolize --cache off --debuginfod "$dir/program" "$main" >"$dir/out" 2>&1 || complain "exit $?"
grep -q 'wick: warning: 1 debug file could not be fetched: the servers failed (1: ' "$dir/out" ||
    complain "without a network: $(cat "$dir/out")"
mv "$dir/www/buildid" "$dir/www/away"
DEBUGINFOD_CACHE_PATH=$dir/nothing \
    "$wick" symbolize --cache off --debuginfod "$dir/program" "$main" >"$dir/out" 2>&1 || complain "exit $?"
grep warning "$dir/out" && complain 'a server that has no file was told of'
mv "$dir/www/away" "$dir/www/buildid"

# A program that no server knows has its symbols.
objcopy --remove-section .note.gnu.build-id "$dir/program" "$dir/other" || exit 1
out=$("$wick" symbolize --debuginfod "$dir/other" "$main") || complain "exit $?"
[[ $out == *main* && $out != *names.c* ]] || complain "nobody knows it: $out"

# What dwz moved to a file that two programs share comes after the debug file.
command -v dwz >/dev/null || { echo "no dwz"; exit "$bad"; }
cp "$dir/whole" "$dir/debug" && cp "$dir/whole" "$dir/twin" || exit 1
(cd "$dir" && dwz -m common -M /nowhere/common debug twin &&
    objcopy -w --strip-all --keep-section '.debug*' --keep-section .gnu_debugaltlink debug) || exit 1
"$wick" symbolize --cache off "$dir/debug" "$main" >"$dir/out" 2>&1 || complain "exit $?"
grep -q 'wick: warning: 1 debug file shares .*--debuginfod' "$dir/out" || complain "without: $(cat "$dir/out")"
common=$(readelf -n "$dir/common" | awk '/Build ID/ { print $3 }')
mkdir -p "$dir/www/buildid/$common" && cp "$dir/common" "$dir/www/buildid/$common/debuginfo" &&
    cp "$dir/debug" "$dir/www/buildid/$id/debuginfo" && rm -rf "$dir/fetched" || exit 1
objcopy -S "$dir/whole" "$dir/program" || exit 1
"$wick" symbolize --cache off --debuginfod "$dir/program" "$main" >"$dir/out" 2>&1 || complain "exit $?"
grep -q 'main at .*names.c:' "$dir/out" || complain "with a common file: $(cat "$dir/out")"
grep -q warning "$dir/out" && complain "with a common file: $(cat "$dir/out")"
exit $bad
