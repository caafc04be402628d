#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds wick from two copies of the tree in folders of different names and compares what came out.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for copy in one a-longer-name/two; do
    mkdir -p "$dir/$copy"
    tar -c --exclude=./build --exclude=./.git . | tar -x -C "$dir/$copy"
    MAKEFLAGS='' make -C "$dir/$copy" -j"$(nproc)" all >/dev/null
    (cd "$dir/$copy/build/release" && sha256sum wick gen/bpf/*.bpf.o) >"$dir/$(basename "$copy").sum"
done
if ! diff "$dir/one.sum" "$dir/two.sum"; then
    echo "repro: the two builds differ" >&2
    exit 1
fi
sed 's/^/same  /' "$dir/one.sum"
