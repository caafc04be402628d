// SPDX-License-Identifier: Apache-2.0

// Go's frames: the main goroutine and three others, whose stacks begin at runtime.goexit. What the
// runtime does beside them has none of the program's frames. bareLeaf() has no frame: who goes by frame
// pointers misses its caller. The runtime stops goroutines by signals, on whose stack there is neither a
// frame pointer nor unwind information.
//
// root goroutine: runtime.goexit*;runtime.main;main.main
// root worker: runtime.goexit*;main.main.*{0,1};main.worker
// chain: @worker;main.trunk;main.branch;main.leaf
// chain: @worker;main.trunk;main.apply;main.trunk.func1;main.leaf
// may: @worker;main.trunk;main.branch;main.bareLeaf
// may: @worker;main.trunk;main.bareLeaf
// may: @worker;main.trunk;main.apply;main.trunk.func1;main.leaf;runtime.*;*{0,16}
// may: @worker;main.trunk;main.apply;main.trunk.func1;runtime.*;*{0,16}
// may: @worker;main.trunk;main.apply;runtime.*;*{0,16}
// may: @worker;main.trunk;main.branch;main.leaf|main.bareLeaf;runtime.*;*{0,16}
// may: @worker;main.trunk;main.branch;runtime.*;*{0,16}
// may: @worker;main.trunk;runtime.*;*{0,16}
// may: @worker;runtime.*;*{0,16}
// may: @goroutine;*{0,12}
// may: runtime.mstart|runtime.mcall;runtime.*|*_[k]{1,40}
// own: main.*
// limit wrong: 0.5
// limit cut: 1
package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

var sink uint64

//go:noinline
func leaf(n uint64) uint64 {
	var room [20]uint64
	for i := uint64(0); i < 200; i++ {
		room[(n+i)%20] += n*31 ^ i
	}
	return room[n%20]
}

//go:noinline
func bareLeaf(n uint64) uint64 {
	x := n
	for i := uint64(0); i < 30; i++ {
		x = x*31 ^ i
	}
	return x
}

//go:noinline
func branch(n uint64) uint64 {
	var room [60]uint64
	room[n&31] = n
	return leaf(n) + bareLeaf(n) + room[n&15]
}

//go:noinline
func apply(f func(uint64) uint64, n uint64) uint64 {
	return f(n) + 1
}

//go:noinline
func trunk(n uint64) uint64 {
	x := apply(func(a uint64) uint64 { return leaf(a+n) + 1 }, n)
	return x + branch(x)
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
	debug.SetGCPercent(-1)
	for i := uint64(0); i < 3; i++ {
		go worker(i)
	}
	for {
		var used syscall.Rusage
		time.Sleep(20 * time.Millisecond)
		syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		if float64(used.Utime.Nano()+used.Stime.Nano()) > seconds*1e9 {
			os.Exit(0)
		}
	}
}
