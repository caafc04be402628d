// SPDX-License-Identifier: Apache-2.0

// Spin made go-cpu.pb.gz and go-heap.pb.gz: profiles as Go's runtime writes them.
//
//	go build -trimpath -o spin spin.go && ./spin go-cpu.pb.gz go-heap.pb.gz
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

var kept [][]byte

func inner(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * i % 7
	}
	return sum
}

//go:noinline
func hot(n int) int { return inner(n) + inner(n/2) }

func write(path string, profile func(*os.File) error) {
	f, err := os.Create(path)
	if err == nil {
		err = profile(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func cpu(f *os.File) error {
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	pprof.Do(context.Background(), pprof.Labels("phase", "spin"), func(context.Context) {
		for start := time.Now(); time.Since(start) < 300*time.Millisecond; {
			kept = append(kept, make([]byte, hot(1<<14)%4096+1))
		}
	})
	return nil
}

func heap(f *os.File) error {
	runtime.GC()
	return pprof.WriteHeapProfile(f)
}

func main() {
	write(os.Args[1], cpu)
	write(os.Args[2], heap)
}
