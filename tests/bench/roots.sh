#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How many of the stacks of real programs reach their root: records each for a while and prints a line,
#
#   NAME samples N reached P % (REASON N, …)
#
# tests/bench/roots.sh [-v] [WICK [NAMES...]] (default build/wick, all of them). A user stack has reached its
# root when it ends in no note and its outermost frame is where a program or a thread begins, or has no
# name. Needs root. SECONDS_EACH (default 5) and HZ (default 999). Nothing asserts.
#
# -v  asks instead how many frames two unwinders agree on (wick doctor --verify-unwind), of all that runs
#     meanwhile; prints the line of each program and what they do not agree on
set -u
verify=''
if [ "${1:-}" = -v ]; then
    verify=1
    shift
fi
cd "$(dirname "$0")/../.." || exit 2
wick=$(realpath "${1:-build/wick}")
shift
seconds=${SECONDS_EACH:-5} hz=${HZ:-999}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/big.cc" <<'EOF'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
int main(int n, char **v)
{
	std::map<std::string, std::function<long(long)>> m;
	std::regex r("(a|b)*c+[^d]{2,3}");
	for (int i = 0; i < n; i++)
		m[v[i]] = [=](long x) { return x * i + std::regex_match(v[i], r); };
	std::ostringstream o;
	for (auto &p : m)
		o << p.first << p.second(n);
	std::cout << o.str();
}
EOF
cat >"$work/py.py" <<'EOF'
import json, re
def walk(n): return [walk(n - 1), n] if n else {"a": [1.5, "x"] * 9}
while True:
    s = json.dumps(walk(90)); json.loads(s); re.sub(r"(\d+),", r"<\1>", s)
    sorted(str(i * 7919 % 1000) for i in range(3000))
EOF
cat >"$work/js.js" <<'EOF'
const walk = n => n ? [walk(n - 1), n] : {a: Array(9).fill("x")};
for (;;) {
	const s = JSON.stringify(walk(90));
	JSON.parse(s); s.replace(/(\d+),/g, (m, d) => "<" + d * 2 + ">");
	Array.from({length: 3000}, (_, i) => String(i * 7919 % 1000)).sort((a, b) => a < b ? -1 : 1);
}
EOF
cat >"$work/sql" <<'EOF'
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<3000000)
	SELECT x, 'row' || (x * 7919 % 100003) FROM c;
CREATE INDEX i ON t(b);
SELECT count(*), max(b) FROM (SELECT b, count(*) FROM t WHERE b LIKE '%9%' GROUP BY b ORDER BY 2 DESC);
EOF

# shellcheck disable=SC2016 # the commands expand in a shell of their own
# name | what has to be there | process names (a regular expression) | a command that runs forever
table='
python3 |/usr/bin/python3|python3.*|/usr/bin/python3 py.py
perl    |perl   |perl    |perl -e '\''sub f { my $n = shift; $n ? f($n - 1) . "x$n," : "" } no warnings; while (1) { my $s = f(90); $s =~ s/(\d+),/<$1>/g; my @l = sort map { $_ * 7919 % 1000 } 1..3000 }'\''
git     |git    |git     |git init -q g && cp -r /usr/include/linux g/ && cd g && git add . && git -c user.name=x -c user.email=x@x commit -qm x && while :; do git repack -qadf; git log -p | tail -n 1; done
openssl |openssl|openssl |openssl speed -seconds 1 sha256 rsa2048 ecdsap256 aes-256-cbc
cc1plus |g++    |cc1plus |while :; do g++ -O2 -c big.cc -o big.o; done
clang   |clang++|clang.* |while :; do clang++ -O2 -c big.cc -o big.o; done
sqlite3 |sqlite3|sqlite3 |while :; do sqlite3 :memory: <sql; done
xz      |xz     |xz      |cat /usr/bin/* /usr/lib/*/lib*.so* 2>/dev/null | xz -6 >/dev/null
bash    |bash   |bash    |bash -c '\''f() { local i=$1; (( i > 0 )) && f $((i - 1)); s+="$i,"; }; while :; do s=; f 40; s=${s//[0-9],/<>}; done'\''
tar,gzip|gzip   |tar,gzip|tar c /usr/lib /usr/share 2>/dev/null | gzip >/dev/null
node    |node   |node.*  |node js.js
'

report() { # NAME COMMS FOLDED
    awk -v name="$1" -v comms="^(${2//,/|})\$" '
        {
            n = $NF
            sub(/ [0-9]+$/, "")
            k = split($0, f, ";")
            # V8 names its threads otherwise, but they are of the same process.
            if (f[1] !~ comms && name != "node")
                next
            if (k < 2 || f[2] ~ /_\[k\]$/)
                next # no user stack
            all += n
            if (f[2] ~ /^\[truncated/) {
                sub(/^\[truncated: /, "", f[2])
                sub(/\]$/, "", f[2])
                why[f[2]] += n
            } else if (f[2] ~ /^(_start|_dl_start.*|(__)?clone3?|\[.*\+0x[0-9a-f]+\])$/)
                good += n
            else
                why["begins at " f[2]] += n
        }
        END {
            printf "%-9s samples %5d reached %6.2f %%", name, all, all ? 100 * good / all : 0
            sep = " ("
            while (1) {
                best = ""
                for (w in why)
                    if (best == "" || why[w] > why[best])
                        best = w
                if (best == "" || shown++ == 4)
                    break
                printf "%s%s %d", sep, best, why[best]
                delete why[best]
                sep = ", "
            }
            print sep == " (" ? "" : ")"
        }' "$3"
}

# Runs the command beside the doctor and prints what that says of programs of such names.
compare() { # NAME COMMS COMMAND
    (cd "$work" && exec timeout "$((seconds + 4))" bash -c "$3") </dev/null >/dev/null 2>&1 &
    sleep 1
    "$wick" doctor --verify-unwind "$seconds" >"$work/said" 2>&1
    awk -v name="$1" -v comms="(^|/)(${2//,/|})\$" '
        $1 ~ /^[0-9]+$/ && $2 ~ /%$/ && $NF ~ comms {
            printf "%-9s frames %7d agree %s of stacks %5d whole %s  %s\n", name, $1, $2, $3, $4, $NF
        }
        /^not agreeing/ { rest = 1 }
        rest' "$work/said"
    wait
}

[ "$(id -u)" -eq 0 ] || { echo "roots: profiling needs root"; exit 77; }
while IFS='|' read -r name needs comms command; do
    read -r name <<<"$name"
    read -r needs <<<"$needs"
    read -r comms <<<"$comms"
    [ -n "$name" ] || continue
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    if ! command -v "$needs" >/dev/null; then
        printf '%-9s missing: no %s\n' "$name" "$needs"
        continue
    fi
    if [ -n "$verify" ]; then
        compare "$name" "$comms" "$command"
        continue
    fi
    rm -f "$work/all.folded"
    (cd "$work" && "$wick" record -F "$hz" -o all.folded -- timeout "$seconds" bash -c "$command") \
        </dev/null >"$work/log" 2>&1
    if [ -s "$work/all.folded" ]; then
        report "$name" "$comms" "$work/all.folded"
    else
        printf '%-9s not recorded: %s\n' "$name" "$(tail -n 1 "$work/log")"
    fi
done <<<"$table"
