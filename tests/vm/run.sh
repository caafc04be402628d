#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [KERNEL...]: boots each kernel - 5.10, 6.1, 6.12 of Debian, or the path of a vmlinuz - in qemu
# with the release program, runs tests/vm/guest/*.sh there and counts their results. All in software:
# it needs no /dev/kvm. A kernel that cannot be had counts as skipped.
#
# VM_PROGRAMS  what goes to /w of the guest; else all that $VM_BUILD/workloads holds
# VM_BUILD     the build to test, else build/release
# VM_TESTS     only these guest tests, separated by commas
# VM_CORPUS    the folder of the corpus, else there is none in the guest; VM_CORPUS_CHECK its judge
# VM_TIMEOUT   seconds that a machine may run, else 1500
# VM_CONSOLE=1 shows what the kernels say
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${VM_BUILD:-build/release}
dir=build/vm
limit=${VM_TIMEOUT:-1500}
machine=
passed=0 failed=0 skipped=0
trap 'kill $machine 2>/dev/null' EXIT
trap 'exit 1' INT TERM HUP
[ $# -gt 0 ] || set -- 5.10 6.1 6.12

result() { # ok|skip|FAIL TEXT
    case $1 in ok) passed=$((passed + 1)) ;; skip) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
    printf '%-4s %s\n' "$1" "$2"
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
    exit
}

# What keeps the machines from being tried at all.
obstacle() {
    [ "$(uname -m)" = x86_64 ] || { echo 'the machines are x86-64, this one is not'; return; }
    command -v qemu-system-x86_64 >/dev/null || { echo 'there is no qemu-system-x86_64'; return; }
    command -v busybox >/dev/null || { echo 'there is no busybox'; return; }
    ldd "$(command -v busybox)" >/dev/null 2>&1 && echo 'busybox is not linked statically'
}

# Runs one machine; what the guest reports goes to the file $1.report, its console to $1.console.
boot() { # PREFIX VMLINUZ
    rm -f "$1.report" "$1.console"
    timeout --foreground "$limit" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 1G \
        -display none -nodefaults -no-user-config -no-reboot \
        -serial "file:$1.console" -serial "file:$1.report" -kernel "$2" -initrd $dir/initrd \
        -append "console=ttyS0 quiet panic=-1 mitigations=off ${VM_TESTS:+wick.tests=$VM_TESTS}" \
        </dev/null >"$1.qemu" 2>&1 9>&- &
    machine=$!
    wait $machine
}

# Counts what the guest reported; a result that did not come through is a failure.
judge() { # NAME PREFIX EXIT
    local name=$1 state test rest told=-1 came=$((passed + failed + skipped))
    while read -r state test rest; do
        case $state in
        ok) result ok "vm/$name/$test ($rest s)" ;;
        skip) result skip "vm/$name/$test: ${rest#* }" ;;
        not) result FAIL "vm/$name/${rest%% *}: ${rest#* * }" ;;
        note) echo "     $test: $rest" ;;
        done) told=$test ;;
        *) echo "     ${state#\#} $test $rest" ;;
        esac
    done < <(tr -d '\r' <"$2.report" 2>/dev/null)
    came=$((passed + failed + skipped - came))
    [ -z "${VM_CONSOLE:-}" ] || sed 's/^/     /' "$2.console"
    if [ "$told" -eq -1 ]; then
        case $3 in
        124) result FAIL "vm/$name: the machine did not end within $limit s" ;;
        *) result FAIL "vm/$name: the machine ended before its tests did (exit $3)" ;;
        esac
        tail -n 30 "$2.qemu" "$2.console" 2>&1 | sed 's/^/     /'
    elif [ "$told" -ne "$came" ] || [ "$told" -eq 0 ]; then
        result FAIL "vm/$name: $came results of $told tests came out of the machine"
    fi
}

why=$(obstacle)
if [ -n "$why" ]; then
    for k; do
        result skip "vm/$k: $why"
    done
    finish
fi
mkdir -p $dir
exec 9>$dir/.lock
flock 9
read -ra programs <<<"${VM_PROGRAMS:-$(find "$build/workloads" -type f -perm -u+x | tr '\n' ' ')}"
if ! tests/vm/initrd.sh $dir/initrd "$build/wick" "${programs[@]}"; then
    result FAIL 'vm: the file system for the machines could not be made'
    finish
fi
for k; do
    name=${k##*/}
    image=$k
    if [ ! -e "$k" ]; then
        image=$(tests/vm/kernel.sh "$k")
        case $? in
        0) ;;
        77) result skip "vm/$name: $image"; continue ;;
        *) result FAIL "vm/$name: $image"; continue ;;
        esac
    fi
    begin=$SECONDS
    boot "$dir/$name" "$image"
    judge "$name" "$dir/$name" $?
    echo "     vm/$name: $((SECONDS - begin)) s in all"
done
finish
