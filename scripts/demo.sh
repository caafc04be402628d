#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Profiles the whole machine for 5 seconds while demo-workload.c runs, and shows what came out.
# demo.sh WICK WORKLOAD; the files it writes are wick-demo.* in the current folder.
set -u
wick=${1:-build/wick} workload=${2:-build/release/demo-workload}
messages=$(mktemp)
job=
trap '[ -z "$job" ] || kill "$job" 2>/dev/null; rm -f "$messages"' EXIT

if ! "$wick" doctor >/dev/null 2>&1; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "demo: profiling the whole machine needs privilege: 'sudo make demo'" \
            "('$wick doctor' tells what exactly)" >&2
    else
        echo "demo: this system does not let wick profile it; '$wick doctor' tells why" \
            "and what to do about it" >&2
    fi
    exit 1
fi

echo
echo "Profiling this whole machine for 5 seconds. One program on it is demo-workload,"
echo "of which is known where its time goes."
"$workload" 30 &
job=$!
if ! "$wick" record -a -F 499 --duration 5 -o wick-demo.pb.gz -o wick-demo.folded -o wick-demo.html \
    2>"$messages"; then
    cat "$messages" >&2
    exit 1
fi
kill "$job"
wait "$job" 2>/dev/null
job=
echo
"$wick" report -n 12 wick-demo.pb.gz || exit 1

echo
echo "Is it right? Of its CPU time, demo-workload"
awk -v known='compress_page 40 render_page 30 parse_request 20 append_log 10' '
    /^demo-workload;/ { all += $NF; for (i = split(known, k, " "); i > 1; i -= 2)
                        if (index($0, ";" k[i - 1])) seen[k[i - 1]] += $NF }
    END { if (!all) { print "  did not run: this machine is very busy"; exit }
          for (i = 1; i < split(known, k, " "); i += 2)
              printf "  spends %2d %% in %-14s wick saw %4.1f %%%s\n", k[i + 1], k[i] ",",
                     100 * seen[k[i]] / all, k[i] == "append_log" ? ", most of it in the kernel" : "" }
    ' wick-demo.folded

cat <<END

Written   wick-demo.html     the flame graph: open it in a browser
          wick-demo.pb.gz    for 'wick report' and every program that reads pprof
          wick-demo.folded   one stack a line, for flame graph tools and grep
Try next  $wick record -a                          everything, until Ctrl-C
          $wick record -- gzip -k9 FILE            one command
          $wick flame NEW.pb.gz --diff OLD.pb.gz  what changed between two profiles
END
