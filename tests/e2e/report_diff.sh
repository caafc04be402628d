#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two recordings of a program, and one of it with a function made slower: what wick report makes of them.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=build/${VARIANT:-release}
wick=$PWD/$build/wick rows=$PWD/$build/workloads/rows
"$wick" doctor >/dev/null 2>&1 || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

record() { # FILE SLOW
    "$wick" record -F 499 -e cpu-clock -o "$1" -- "$rows" 2 "$2" 2>record.log ||
        { cat record.log; exit 1; }
}
record one.pb.gz 1 && record two.pb.gz 1 && record slow.pb.gz 3

passed=0 failed=0
verdict() { # NAME STATUS
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1"
    fi
}

json() { # ARGUMENTS of report, then the test of `d`
    local test=${*: -1}
    "$wick" report --json "${@:1:$#-1}" >report.json || return 1
    python3 -c '
import json, sys
d = json.load(open("report.json"))
ours = [c for c in d.get("changes", d.get("functions")) if c.get("object") == "rows"]
ok = eval("(" + sys.argv[1] + ")")
if not ok:
    print(json.dumps(d, indent=1))
sys.exit(not ok)' "$test"
}

json two.pb.gz --diff one.pb.gz 'not any(c["flat_significant"] for c in ours)'
verdict "two recordings of a program differ by statistics only" $?
json slow.pb.gz --diff one.pb.gz 'd["changes"][0]["function"] == "hash_rows" and
    d["changes"][0]["flat_significant"] and d["changes"][0]["flat_points"] > 5'
verdict "the function that became slower comes first" $?
json one.pb.gz --diff slow.pb.gz 'd["changes"][0]["flat_significant"] and
    next(c for c in ours if c["function"] == "hash_rows")["flat_points"] < -5'
verdict "and the other way round it lost" $?
"$wick" report slow.pb.gz --diff one.pb.gz | awk '/function$/{getline; exit !/hash_rows/}'
verdict "the text has it in its first row" $?
json one.pb.gz '{f["function"] for f in d["functions"][:3]} == {"parse_rows", "hash_rows", "sort_rows"} and
    d["profile"]["account"]["ticks"] == sum(d["profile"]["account"][k]
        for k in ("recorded", "idle", "filtered", "lost")) and d["stacks"][0]["frames"][-2] == "main"'
verdict "JSON has the functions, the stacks and the account" $?
"$wick" report --tree one.pb.gz >tree
[ "$(grep -cE '[├└] (parse|hash|sort)_rows' tree)" = 3 ] && grep -q 'main$' tree
verdict "the tree has main and below it the three" $?
"$wick" report --peek '^main$' one.pb.gz >peek
[ "$(grep -cE '^ +[0-9.]+% .* (parse|hash|sort)_rows' peek)" = 3 ]
verdict "main calls the three" $?
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
