# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Without privileges wick says in one sentence what is missing, and runs nothing.
chmod 777 .
rc=0
su -s /bin/sh user -c 'wick record -o p.folded -- touch ran' >out 2>err || rc=$?
[ $rc = 1 ] || fail_with "exit $rc, not 1"
note "$(head -n 1 err)"
[ "$(wc -l <err)" = 1 ] || fail_with 'that is not one line'
grep -q '^wick: .*root' err || fail_with 'no word of root'
[ ! -e ran ] || fail_with 'the command ran'
[ ! -e p.folded ] || fail_with 'there is a file'
su -s /bin/sh user -c 'wick doctor' >out 2>err || rc=$?
grep -q '^verdict' out || fail_with 'wick doctor has no verdict'
