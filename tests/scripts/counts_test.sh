#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tests/run.sh counts what scripts did, and what scripts that count themselves say.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

script() { # NAME: its text is what comes in
    { echo '#!/bin/sh' && cat; } >"$dir/$1.sh"
    chmod +x "$dir/$1.sh"
}

expect() { # STATUS COUNTS SCRIPT...
    local status=$1 counts=$2 out rc
    shift 2
    out=$(tests/run.sh "${@/#/$dir/}")
    rc=$?
    if [ $rc -ne "$status" ] || [ "${out##*$'\n'}" != "$counts" ]; then
        printf '%s: exit %s, wanted %s and "%s":\n%s\n' "$*" $rc "$status" "$counts" "$out"
        bad=1
    fi
}

echo 'exit 0' | script good
echo 'echo why; exit 77' | script skipped
echo 'exit 3' | script bad
echo 'echo "2 passed, 0 failed, 1 skipped"' | script counting
echo 'echo "ok   that"; echo "1 passed, 2 failed, 0 skipped"; exit 1' | script counting-bad
echo 'echo "1 passed, 0 failed, 0 skipped"; exit 1' | script lying
expect 0 '1 passed, 0 failed, 0 skipped' good.sh
expect 0 '0 passed, 0 failed, 1 skipped' skipped.sh
expect 1 '1 passed, 1 failed, 1 skipped' good.sh skipped.sh bad.sh
expect 0 '3 passed, 0 failed, 1 skipped' good.sh counting.sh:x
expect 1 '1 passed, 2 failed, 0 skipped' counting-bad.sh
expect 1 '1 passed, 1 failed, 0 skipped' lying.sh
exit $bad
