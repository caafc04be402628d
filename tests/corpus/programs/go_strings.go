// SPDX-License-Identifier: Apache-2.0

// Go's assembly: functions on strings and memory that keep no frame pointer. Two goroutines spend
// their time in it, each from one function of the program, so that every stack is known but for how
// the assembly splits its work.
//
// root goroutine: runtime.goexit*;runtime.main;main.main
// root worker: runtime.goexit*;main.main.*{0,1};main.worker
// chain: @worker;main.trunk;main.move;runtime.memmove*
// chain: @worker;main.trunk;main.compare;*cmpbody*
// chain: @worker;main.trunk;main.index;*ndexbyte*
// chain: @worker;main.trunk;main.count;bytes.Count*{0,1};*countbody*
// chain: @worker;main.trunk;main.equal;*memeq*
// chain: @worker;main.trunk;main.wipe;runtime.memclr*
// may: @worker;main.trunk;main.move|main.wipe;runtime.*;*{0,2}
// may: @worker;main.trunk;main.compare|main.index|main.count|main.equal;*ytealg*|runtime.*|bytes.*;*{0,2}
// may: @worker;main.trunk;main.digest;crypto*;*{0,8}
// may: @worker;main.trunk;main.digest;runtime.*;*{0,2}
// may: @worker;*{0,4};runtime.asyncPreempt*;*{0,16}
// may: @worker;*{0,4};runtime.sigreturn*;*{0,16}
// may: @worker;main.trunk;runtime.*;*{0,16}
// may: @goroutine;*{0,12}
// may: runtime.mstart|runtime.mcall;runtime.*|*_[k]{1,40}
// own: main.*
// limit wrong: 0.5
// limit cut: 0.5
package main

import (
	"bytes"
	"crypto/sha256"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

const size = 2000

var sink int

type room struct {
	a, b, c []byte
}

//go:noinline
func move(r *room) int {
	return copy(r.c, r.a[:size-1])
}

//go:noinline
func compare(r *room) int {
	return bytes.Compare(r.a, r.b)
}

//go:noinline
func index(r *room) int {
	return bytes.IndexByte(r.a, 'z')
}

//go:noinline
func count(r *room) int {
	return bytes.Count(r.a, r.b[:1])
}

//go:noinline
func equal(r *room) int {
	if bytes.Equal(r.a[1:], r.b[1:]) {
		return 1
	}
	return 0
}

//go:noinline
func wipe(r *room) int {
	clear(r.c)
	return len(r.c)
}

//go:noinline
func digest(r *room) int {
	sum := sha256.Sum256(r.a[:256])
	return int(sum[0])
}

//go:noinline
func trunk(r *room) int {
	n := move(r) + wipe(r) + digest(r)
	for i := 0; i < 4; i++ {
		n += move(r) + compare(r) + index(r) + count(r) + equal(r)
	}
	return n
}

//go:noinline
func worker(c byte) {
	r := &room{bytes.Repeat([]byte{c}, size), bytes.Repeat([]byte{c}, size), make([]byte, size)}
	for {
		sink += trunk(r)
	}
}

func main() {
	seconds := 2.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	debug.SetGCPercent(-1)
	go worker('a')
	go worker('b')
	for {
		var used syscall.Rusage
		time.Sleep(20 * time.Millisecond)
		syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		if float64(used.Utime.Nano()+used.Stime.Nano()) > seconds*1e9 {
			os.Exit(0)
		}
	}
}
