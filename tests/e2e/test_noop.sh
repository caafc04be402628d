#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Making what is made does nothing: no word, no new file.
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS
mark=$(mktemp)
trap 'rm -f "$mark"' EXIT

make >/dev/null
touch "$mark"
for goal in all all "build/${VARIANT:-release}/e2e" all; do
    out=$(make --no-print-directory "$goal" 2>&1)
    if [ -n "$out" ] && [ "$out" != "make: Nothing to be done for '$goal'." ] &&
        [ "$out" != "make: '$goal' is up to date." ]; then
        echo "make $goal made something that was made: $out"
        exit 1
    fi
done
new=$(find build -newer "$mark" -type f -not -path 'build/*/gen/tmp/*' | head)
if [ -n "$new" ]; then
    echo "written again: $new"
    exit 1
fi
