#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The pages that wick writes, in a real browser: Debian's chromium without a screen, driven by playwright-core,
# which is installed from npm into build/ui on first use. Ends with "N passed, N failed, N skipped"; where the
# browser or playwright cannot be had, every test is counted as skipped and the reason is said.
#
#   tests/ui/run.sh [PATTERN]	the tests whose names match, all without
#
# UI_BUILD (build/release) holds wick. Pictures of the pages are left in build/ui/.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${UI_BUILD:-build/release} work=build/ui

skip() {
    echo "tests/ui: $*"
    echo "0 passed, 0 failed, $(node tests/ui/harness.js --count 2>/dev/null || echo 1) skipped"
    exit 0
}

for c in node npm chromium; do
    command -v "$c" >/dev/null || skip "there is no $c (scripts/deps.sh check)"
done
mkdir -p "$work"
if ! cmp -s tests/ui/package-lock.json "$work/node_modules/.lock"; then
    cp tests/ui/package.json tests/ui/package-lock.json "$work/"
    (cd "$work" && timeout 120 npm ci --prefer-offline --no-audit --no-fund --ignore-scripts) >"$work/npm.log" 2>&1 ||
        skip "playwright-core cannot be installed: no network and nothing in npm's cache? ($work/npm.log)"
    cp tests/ui/package-lock.json "$work/node_modules/.lock"
fi
WICK=${WICK:-$build/wick} UI_WORK=$work NODE_PATH=$PWD/$work/node_modules exec node tests/ui/harness.js "$@"
