#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# wick flame on the command line: what it writes and what it is called, what it refuses; and that its picture
# says of every function what flamegraph.pl's says of it.
set -u
cd "$(dirname "$0")/../.." || exit 1
wick=$PWD/${LINT_BUILD:-build/release}/wick
[ -x "$wick" ] || { echo "no $wick"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0 skipped=0

ok() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >log 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name: $*"
        cat log
    fi
}

refused() { # STATUS WORDS ARGUMENTS...: ends with that status and a line that has the words
    local status=$1 words=$2 out rc
    shift 2
    out=$("$wick" "$@" 2>&1)
    rc=$?
    [ $rc -eq "$status" ] && [ "$(wc -l <<<"$out")" -eq 1 ] && grep -qF -- "$words" <<<"$out" && return
    echo "exit $rc: $out"
    return 1
}

# Stacks with recursion, annotations, C++ names; the same ones at every run.
python3 - >in.folded <<'END'
import random
random.seed(4)
names = ['main', 'std::vector<int, A>::push_back(int const&)', 'a b', 'f', 'g_[i]', 'vfs_read_[k]', 'jit_[j]', '<T as U>::x', '日本']
lines = {}
for _ in range(3000):
    stack = 'main;' + ';'.join(random.choice(names) for _ in range(random.randint(1, 9)))
    lines[stack] = lines.get(stack, 0) + random.randint(1, 40)
for stack, n in lines.items():
    print(stack, n)
END

cat >sums.py <<'END'
# The values in titles, summed by name and depth; flamegraph.pl keeps annotations, which wick makes colours,
# and writes (T) for <T>.
import re, sys, xml.dom.minidom
sums = {}
for title in xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName('title'):
    g = title.parentNode
    y = float(g.getElementsByTagName('rect')[0].getAttribute('y')) if g.tagName == 'g' else None
    m = re.match(r'(.*) \(([0-9,]+) samples, ', title.firstChild.data, re.S)
    if y is None or not m or m[1] == 'all':
        continue
    key = re.sub(r'_\[[kij]\]$', '', m[1]).replace('<', '(').replace('>', ')')
    sums[key, y] = sums.get((key, y), 0) + int(m[2].replace(',', ''))
# Rows are counted from the root, which has no name above.
rows = {y: i for i, y in enumerate(sorted({y for _, y in sums}, reverse=True))}
for key, y in sorted(sums, key=lambda k: (rows[k[1]], k[0])):
    print(rows[y], key, sums[key, y])
END

ok 'a picture of all frames' "$wick" flame in.folded -o all.svg --minwidth 0
pl=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
if [ -f "$pl" ]; then
    perl "$pl" --minwidth 0 in.folded >pl.svg 2>/dev/null
    python3 sums.py pl.svg >pl.sums
    python3 sums.py all.svg >wick.sums
    ok 'there is something to compare' test "$(wc -l <pl.sums)" -gt 60
    ok "the same sums as flamegraph.pl's" diff pl.sums wick.sums
else
    echo "skip: no flamegraph.pl (Debian's libdevel-nytprof-perl)"
    skipped=$((skipped + 2))
fi

ok 'the name of the page follows the input' "$wick" flame in.folded
ok '... and is a page' grep -q '^<!DOCTYPE html>' in.html
ok 'an option of SVG makes an SVG' "$wick" flame --colors java in.folded
ok '... of that name' test -s in.svg
"$wick" convert in.folded -o in.pb.gz && rm in.html
ok 'two endings go' "$wick" flame ./in.pb.gz
ok '... both' test -s in.html
ok 'standard output is SVG' sh -c "'$wick' flame - -o - <in.folded | grep -q '^<svg '"
ok 'convert draws' "$wick" convert in.pb.gz -o c.svg
ok 'convert draws pages' "$wick" convert in.pb.gz in.folded -o c.html
ok 'a difference' "$wick" flame in.folded --diff in.pb.gz -o d.svg
ok '... has numbers' grep -q '+0.00% from' d.svg
ok 'filters' "$wick" flame in.folded --focus vfs_read --pivot vfs_read -o f.svg
ok '... begin where they should' sh -c "grep '<title>' f.svg | sed -n 2p | grep -q '<title>vfs_read '"
for f in *.svg; do
    ok "$f is XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$f"
done

ok 'no file' refused 1 "cannot read 'none'" flame none
ok 'no ending' refused 2 '.html or .svg' flame in.folded -o out
ok 'no picture' refused 2 "wick convert" flame in.folded -o out.pb
ok 'no colors' refused 2 "there are no colors 'x'; there are kind," flame in.folded --colors x
ok 'no order' refused 2 "no order 'size'" flame in.folded --order size
ok 'an option of SVG with a page' refused 2 '--width is an option of SVG alone' flame in.folded -o x.html --width 900
ok 'no number' refused 2 "'wide' is no number of pixels for --width" flame in.folded --width wide
ok 'convert to no format' refused 2 '.html or .svg' convert in.folded -o out
ok 'no expression' refused 2 "'(' is not a regular expression" report in.folded --peek '('
ok '... in a filter' refused 2 "'(' of --focus is not a regular expression" report in.folded --focus '('
ok 'no base' refused 1 "cannot read 'none'" flame in.folded --diff none
ok 'nothing is left of a failure' sh -c '! ls out* x.html 2>/dev/null | grep .'
ok 'a full disk' refused 1 "No space left on device" flame in.folded --format svg -o /dev/full

# What is closed is not where the picture goes: the message would be its end.
ok 'no standard error' sh -c "'$wick' flame in.folded -o closed.svg 2>&-"
ok '... writes only the picture' python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("closed.svg")'
ok 'no standard output' sh -c "'$wick' flame in.folded -o - 2>&1 >&- | grep -q 'Bad file descriptor'"

interrupted() { # SIGNAL NUMBER: while it writes, ends by it, and takes the temporary file along
    local pid rc
    for _ in {1..20}; do
        (exec "$wick" convert large.folded -o large.json --format speedscope) &
        pid=$!
        until compgen -G 'large.json*' >/dev/null; do :; done
        kill "-$1" $pid
        wait $pid
        rc=$?
        [ $rc -ne 0 ] && break
        rm large.json # it was faster
    done
    [ $rc -eq $((128 + $2)) ] && ! compgen -G 'large.json*'
}

awk 'BEGIN { for (i = 0; i < 200000; i++) print "main;f" i % 997 ";g" i % 9973 ";h" i, 1 + i % 7 }' >large.folded
ok 'terminated' interrupted TERM 15
ok 'hung up' interrupted HUP 1
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
