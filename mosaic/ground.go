package mosaic

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	hugePage   = 2 << 20
	groundFrom = 2 * hugePage // outputs smaller than that are of small pages
)

// ground is the huge pages of an output. The kernel clears one when it is first written to, which takes as long as
// resampling a hundred thousand pixels; workers that write to a new one at once would each clear one, and all but the
// first for nothing.
type ground struct {
	out   []byte
	first int // bytes of the first page that lie before the output
	pages []page
}

type page struct {
	state atomic.Int32
	clear sync.Once
}

// States of a page.
const (
	untouched int32 = iota
	taken
	cleared
)

// newGround has no pages where nobody could be in the way of another, or where pages are small.
func newGround(out []byte, workers int) *ground {
	g := &ground{out: out}
	if workers > 1 && len(out) >= groundFrom {
		g.first = int(uintptr(unsafe.Pointer(unsafe.SliceData(out))) % hugePage)
		g.pages = make([]page, (g.first+len(out)+hugePage-1)/hugePage)
	}
	return g
}

// prepare returns when bytes [from, to) of the output can be written to at once. A page that another worker is at is waited
// for, and the next one that nobody has come to is cleared meanwhile.
func (g *ground) prepare(from, to int) {
	if len(g.pages) == 0 || from >= to {
		return
	}
	for i := (g.first + from) / hugePage; i <= (g.first+to-1)/hugePage; i++ {
		p := &g.pages[i]
		if p.state.Load() == cleared || g.take(i) {
			continue
		}
		for next := i + 1; next < len(g.pages) && !g.take(next); {
			next++
		}
		g.touch(i)
	}
}

// take clears a page if nobody has come to it yet.
func (g *ground) take(i int) bool {
	if !g.pages[i].state.CompareAndSwap(untouched, taken) {
		return false
	}
	g.touch(i)
	return true
}

// touch has the kernel clear a page, or waits until it has. Adding nothing is a write that leaves what is there.
func (g *ground) touch(i int) {
	p := &g.pages[i]
	p.clear.Do(func() {
		at := max(0, i*hugePage-g.first)
		at += int(-uintptr(unsafe.Pointer(&g.out[at])) % 4)
		if at+4 <= len(g.out) { // of the last page there may be a byte
			atomic.AddUint32((*uint32)(unsafe.Pointer(&g.out[at])), 0)
		}
		p.state.Store(cleared)
	})
}
