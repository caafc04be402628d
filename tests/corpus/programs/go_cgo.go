// SPDX-License-Identifier: Apache-2.0

// Go calls C, which is built without frame pointers, and C calls Go back: the goroutine's stack, that of
// the thread, where C runs, and the goroutine's again.
//
// root goroutine: runtime.goexit*;runtime.main;main.main
// root worker: runtime.goexit*;main.main.*{0,1};main.worker
// root called: runtime.goexit*;main.main.*{0,1};main.worker;main.trunk;main._Cfunc_cTrunk;runtime.cgocall;\
//	runtime.asmcgocall*{1,2};_cgo_*_Cfunc_cTrunk;cTrunk{0,1};cBranch
// root back: runtime.goexit*;main.main.*{0,1};main.worker;main.trunk;main._Cfunc_cTrunk;runtime.cgocall;\
//	runtime.asmcgocall*{1,2};_cgo_*_Cfunc_cTrunk;cTrunk{0,1};cBranch;fromC;crosscall2;runtime.cgocallback*;\
//	runtime.cgocallbackg{1,2};runtime.cgocallbackg1;_cgoexp_*_fromC;main.fromC{0,1}
// chain: @worker;main.trunk;main.leaf
// chain: @called;cLeaf
// chain: @back;main.leaf
// may: @worker;main.trunk;main.leaf;*restore_rt*|[*+*]|runtime.*;*{0,16}
// may: @called;cLeaf;*restore_rt*|[*+*]|runtime.*;*{0,16}
// may: @back;main.leaf;*restore_rt*|[*+*]|runtime.*;*{0,16}
// may: @worker;main.trunk;main._Cfunc_cTrunk;*{0,16}
// may: @worker;main.trunk;runtime.*;*{0,16}
// may: @worker;runtime.*;*{0,16}
// may: @goroutine;*{0,12}
// may: runtime.mstart|runtime.mcall;runtime.*|*_[k]{1,40}
// own: main.*|cLeaf|cBranch|cTrunk|fromC
// limit wrong: 0.5
// limit cut: 0.5
package main

/*
#cgo CFLAGS: -O2 -fomit-frame-pointer
#include <stdint.h>
extern uint64_t fromC(uint64_t);

static __attribute__((noinline)) uint64_t cLeaf(uint64_t n)
{
	volatile uint64_t room[40];

	for (unsigned i = 0; i < 400; i++)
		room[(n + i) % 40] = n * 31 ^ i;
	return room[n % 40];
}

static __attribute__((noinline)) uint64_t cBranch(uint64_t n)
{
	uint64_t a = cLeaf(n), b = cLeaf(a + 1), c = fromC(a ^ b);

	return a * 3 + b * 5 + c;
}

static uint64_t cTrunk(uint64_t n)
{
	return cBranch(n) + 1;
}
*/
import "C"

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

var sink uint64

//go:noinline
func leaf(n uint64) uint64 {
	var room [20]uint64
	for i := uint64(0); i < 400; i++ {
		room[(n+i)%20] += n*31 ^ i
	}
	return room[n%20]
}

//export fromC
func fromC(n C.uint64_t) C.uint64_t {
	return C.uint64_t(leaf(uint64(n)) + 1)
}

//go:noinline
func trunk(n uint64) uint64 {
	return uint64(C.cTrunk(C.uint64_t(n))) + leaf(n)
}

//go:noinline
func worker(n uint64) {
	for {
		n += trunk(n)
		sink = n
	}
}

func main() {
	seconds := 2.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	go worker(1)
	go worker(2)
	for {
		var used syscall.Rusage
		time.Sleep(20 * time.Millisecond)
		syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		if float64(used.Utime.Nano()+used.Stime.Nano()) > seconds*1e9 {
			os.Exit(0)
		}
	}
}
