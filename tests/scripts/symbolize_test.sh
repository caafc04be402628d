#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# wick symbolize --addr2line prints what addr2line of binutils prints, byte for byte, of programs that
# have symbols and no debug information; what it does with its input and its words.
set -u
cd "$(dirname "$0")/../.." || exit 1
wick=$PWD/${LINT_BUILD:-build/release}/wick
[ -x "$wick" ] || { echo "$wick is not built"; exit 77; }
for tool in addr2line nm objcopy readelf "${CC:=gcc}"; do
    command -v "$tool" >/dev/null || { echo "no $tool"; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir
bad=0

complain() { # MESSAGE
    echo "$1"
    bad=1
}

# Global functions that have an address of their own: begin, middle and end of each. (Of others addr2line
# tells the source file, from the STT_FILE symbol before them, which is not read here.)
addresses() { # PROGRAM
    local at size
    nm -S "$1" | awk 'NF == 4 && $3 == "T" { n[$1]++; size[$1] = $2 }
        END { for (a in n) if (n[a] == 1) print a, size[a] }' | sort | while read -r at size; do
        at=$((16#$at)) size=$((16#$size))
        printf '0x%x\n0x%x\n0x%x\n' $at $((at + (size - 1) / 2)) $((at + size - 1))
    done
}

compare() { # PROGRAM
    addresses "$1" >"$dir/asked"
    [ "$(wc -l <"$dir/asked")" -ge 9 ] || complain "$1: too few functions to ask for"
    { cat "$dir/asked"; printf '0\n\nzebra\n0xffffffffffffffffff\n 12 \n'; } >"$dir/lines"
    addr2line -a -f -i -C -e "$1" <"$dir/lines" >"$dir/theirs"
    "$wick" symbolize --addr2line "$1" <"$dir/lines" >"$dir/ours" || complain "$1: exit $?"
    diff -u "$dir/theirs" "$dir/ours" || complain "$1: another answer than addr2line's"
    mapfile -t words <"$dir/asked"
    addr2line -a -f -i -C -e "$1" "${words[@]}" x >"$dir/theirs"
    "$wick" symbolize --addr2line "$1" "${words[@]}" x >"$dir/ours" || complain "$1: exit $?"
    diff -u "$dir/theirs" "$dir/ours" || complain "$1: another answer than addr2line's to words"
}

for how in '-fPIE -pie' '-fno-pie -no-pie' '-fPIC -shared'; do
    # shellcheck disable=SC2086
    "$CC" -O1 -g0 $how tests/fixtures/symbolize/names.c -o "$dir/program" || exit 1
    compare "$dir/program"
done

# Offsets in the file; no inlines, threads and the cache change no names.
"$CC" -O1 -g0 -fno-pie -no-pie tests/fixtures/symbolize/names.c -o "$dir/program" || exit 1
main=$(nm "$dir/program" | awk '$3 == "main" { print $1 }')
offset=$(readelf -lW "$dir/program" | while read -r type off at _ n _; do
    if [ "$type" = LOAD ] && ((16#$main >= at && 16#$main < at + n)); then
        printf '%x' $((16#$main - at + off))
    fi
done)
out=$("$wick" symbolize --offsets "$dir/program" "$offset") || complain "--offsets: exit $?"
[ "$out" = "0x$offset"$'\n    main' ] || complain "--offsets: $out"
out=$("$wick" symbolize --no-inlines --threads 2 --cache "$dir/a/b" --debug-dir "$dir" \
    "$dir/program" "$main") || complain "options: exit $?"
[[ $out = *$'\n    main'* ]] || complain "options: $out"
[ -d "$dir/a/b" ] || complain "the cache folder was not made"

# Called over a link, a debug file is found where the link is and where the program is.
mkdir "$dir/called" "$dir/real"
"$CC" -g -O1 -fno-pie -no-pie tests/fixtures/symbolize/names.c -Wl,--build-id=none -o "$dir/real/linked" || exit 1
objcopy --only-keep-debug "$dir/real/linked" "$dir/called/linked.debug" || exit 1
objcopy --strip-all --add-gnu-debuglink="$dir/called/linked.debug" "$dir/real/linked" || exit 1
main=$(nm "$dir/called/linked.debug" | awk '$3 == "main" { print $1 }')
ln -s ../real/linked "$dir/called/linked"
out=$(cd "$dir/called" && "$wick" symbolize linked "$main") || complain "over a link: exit $?"
[[ $out = *main*names.c:* ]] || complain "over a link, beside it: $out"
mv "$dir/called/linked.debug" "$dir/real"
out=$("$wick" symbolize "$dir/called/linked" "$main") || complain "over a link: exit $?"
[[ $out = *main*names.c:* ]] || complain "over a link, beside the program: $out"

# Addresses are answered when they come, not when the input ends.
mkfifo "$dir/in" "$dir/out"
timeout 20 "$wick" symbolize --json "$dir/program" <"$dir/in" >"$dir/out" &
exec 3>"$dir/in" 4<"$dir/out"
for _ in 1 2 3; do
    echo "$main" >&3
    line=
    read -r -t 10 line <&4
    [[ $line = *'"function":"main"'* ]] || complain "not answered at once"
done
exec 3>&- 4<&-
wait

# Thousands at once, and in the order in which they were asked.
for ((i = 0; i < 70000; i++)); do echo $((i % 2 ? 0 : 1))"$main"; done |
    sed 's/^1/0/; t; s/^0.*/0/' >"$dir/lines"
"$wick" symbolize --json "$dir/program" <"$dir/lines" >"$dir/ours" || complain "many: exit $?"
awk 'NR % 2 != /"function":"main"/ { bad = 1 } END { exit bad || NR != 70000 }' "$dir/ours" ||
    complain "many addresses are not answered in order"

refuses() { # STATUS TEXT WORDS...
    local status=$1 text=$2 out rc
    shift 2
    out=$("$wick" symbolize "$@" 2>&1 >/dev/null </dev/null)
    rc=$?
    if [ "$rc" -ne "$status" ] || [[ $out != *"$text"* ]] || [ "$(wc -l <<<"$out")" -ne 1 ]; then
        complain "$*: exit $rc, '$out'; wanted $status and '$text'"
    fi
}

refuses 2 'wants an ELF file'
refuses 2 "there is no option '--nope'" --nope "$dir/program"
refuses 2 "'zebra' is not an address" "$dir/program" zebra
refuses 2 'exclude each other' --json --addr2line "$dir/program"
refuses 1 'No such file' "$dir/none" 0
refuses 1 'no ELF file' "$dir/lines" 0
refuses 1 'no regular file' "$dir" 0
refuses 1 'no regular file' "$dir/in" 0
out=$(printf '0\nzebra\n' | "$wick" symbolize "$dir/program" 2>&1 >"$dir/ours")
[[ $?$out = 1*'1 line of standard input is no address'* ]] || complain "wrong line: $out"
grep -q 'not an address' "$dir/ours" || complain "a wrong line has no answer"
out=$("$wick" symbolize "$dir/program" 2>&1 <&-) # not the program itself
[[ $?$out = 0 ]] || complain "no standard input: $out"
out=$("$wick" symbolize "$dir/program" "$main" 2>&1 >/dev/full)
[[ $?$out = 1*'No space left'* ]] || complain "a full disk: $out"
# Also of answers that are written in pieces, and by several threads; what comes then is not read.
for threads in 1 2; do
    out=$(while cat "$dir/lines"; do :; done 2>/dev/null |
        timeout 60 "$wick" symbolize --threads $threads "$dir/program" 2>&1 >/dev/full)
    [[ $?$out = 1*'No space left'* ]] || complain "a full disk, $threads threads: $out"
done
exit $bad
