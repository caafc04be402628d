// SPDX-License-Identifier: Apache-2.0

// Names and inline chains as Go makes them: methods, closures, generics, interfaces, goroutines.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
)

type shape interface{ area() float64 }

type square struct{ side float64 }
type round struct{ radius float64 }

func (s square) area() float64 { return s.side * s.side }
func (r *round) area() float64 { return r.radius * r.radius * 3.14 }

type list[T any] struct {
	head T
	tail *list[T]
}

func (l *list[T]) push(v T) *list[T] { return &list[T]{v, l} }

func mapped[A, B any](in []A, f func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

func composed(depth int) func(uint64) uint64 {
	if depth == 0 {
		return func(x uint64) uint64 { return x<<7 | x>>57 }
	}
	inner := composed(depth - 1)
	return func(x uint64) uint64 { return inner(inner(x)*31 + uint64(depth)) }
}

func guarded(f func() int) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint(r))
		}
	}()
	return f(), nil
}

func main() {
	shapes := []shape{square{2}, &round{1.5}}
	sum := 0.0
	for _, a := range mapped(shapes, func(s shape) float64 { return s.area() }) {
		sum += a
	}
	var l *list[string]
	for _, w := range strings.Fields(strings.Join(os.Args, " x ")) {
		l = l.push(strings.ToUpper(w))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for ; l != nil; l = l.tail {
		wg.Add(1)
		go func(w string) {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			seen[w]++
		}(l.head)
	}
	wg.Wait()
	keys := make([]string, 0, len(seen))
	for k := range seen {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	n, err := guarded(func() int { return len(keys[len(keys)]) })
	fmt.Println(sum, keys, n, err, composed(6)(uint64(len(os.Args))))
}
