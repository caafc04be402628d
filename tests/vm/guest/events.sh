# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Several events at once, each with a program of its own.
/w/split 20 >/dev/null &
begin=$(cut -d ' ' -f 1 /proc/uptime)
record -a -e cpu-clock,context-switches --duration 1
end=$(cut -d ' ' -f 1 /proc/uptime)
note "$(awk "BEGIN { print $end - $begin - 1 }") s to load and end two events"
