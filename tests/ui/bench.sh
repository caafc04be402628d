#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How long a browser takes over a page with a million frames, beside speedscope, and over pictures of the
# 50 MB of stacks that make bench-flame has (tests/ui/bench.js). ROUNDS=5.
# UI_BUILD (build/release) holds wick and bench/profilegen. Needs node, npm and chromium.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=build/ui
tests/ui/run.sh '^ $' >"$work.log" 2>&1 # brings playwright-core
[ -d $work/node_modules/playwright-core ] || { cat "$work.log"; exit 1; }
if [ ! -d $work/peer/node_modules/speedscope ]; then
    mkdir -p $work/peer && echo '{}' >$work/peer/package.json # a root of its own
    (cd $work/peer && timeout 120 npm install --no-audit --no-fund --ignore-scripts speedscope@1.25.0) >$work/npm-peer.log 2>&1
fi
generator=${UI_BUILD:-build/release}/bench/profilegen
[ -x "$generator" ] || make -s "$generator" || exit 1
"$generator" folded >$work/picture.folded
peer=$work/peer/node_modules/speedscope/dist/release
[ -d "$peer" ] || peer=
WICK=${WICK:-${UI_BUILD:-build/release}/wick} UI_WORK=$work PICTURE_STACKS=$PWD/$work/picture.folded SPEEDSCOPE=${peer:+$PWD/$peer} \
    NODE_PATH=$PWD/$work/node_modules exec node tests/ui/bench.js
