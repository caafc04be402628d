#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man pages: well-formed, one for each command, and of the same options as --help.
set -u
cd "$(dirname "$0")/../.." || exit 1
wick=$PWD/${LINT_BUILD:-build/release}/wick
command -v mandoc >/dev/null || { echo "0 passed, 0 failed, 1 skipped"; exit 0; }
passed=0 failed=0

verdict() { # NAME FAULTS: none are a pass
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$1" "$2"
    fi
}

for page in docs/man/*.1; do
    verdict "mandoc -T lint $page" "$(mandoc -T lint -W warning "$page" 2>&1)"
done

# Options that a text names, one a line.
options() { grep -oE -- '(^|[^a-zA-Z0-9-])--[a-z][a-z0-9-]+' | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u; }

text() { mandoc -T ascii -O width=1000 "$1" | sed 's/.\x08//g'; }

commands=$("$wick" --help | awk '/^  [a-z]+ /{print $1}')
[ -n "$commands" ] || { echo "FAIL wick --help names no commands"; failed=$((failed + 1)); }
for command in $commands; do
    page=docs/man/wick-$command.1
    if [ ! -f "$page" ]; then
        verdict "$command" "there is no $page"
        continue
    fi
    verdict "$command: options of --help that its page lacks" \
        "$(comm -23 <("$wick" "$command" --help | options) <(text "$page" | options))"
    # What the page defines, and not only mentions: the heads of its lists.
    verdict "$command: options of its page that --help lacks" \
        "$(comm -13 <({ "$wick" "$command" --help; echo ' --help'; } | options) \
            <(grep '^\.It .*Fl ' "$page" | grep -oE 'Fl \\-[a-z][a-z0-9-]+' | sed 's/Fl \\-/--/' | options))"
    verdict "$command: wick(1) does not tell of it" \
        "$(grep -qE "^\.Xr wick-$command 1" docs/man/wick.1 || echo "no .Xr wick-$command 1")"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
