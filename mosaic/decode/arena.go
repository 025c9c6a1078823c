package decode

// #include "codec.h"
import "C"

import (
	"runtime"
	"sync"
)

// keepBytes is how large a buffer an idle arena may hold: enough for a tile of 2048 x 2048 pixels of
// eight bytes, so that the usual tile never waits for fresh pages.
const keepBytes = 32 << 20

// arena is C memory that lives from one tile to the next: codec states and buffers. One goroutine uses
// it at a time.
type arena struct{ c *C.cw_arena }

var arenas = sync.Pool{New: func() any {
	a := &arena{c: C.cw_arena_new()}
	if a.c != nil {
		runtime.AddCleanup(a, func(c *C.cw_arena) { C.cw_arena_free(c) }, a.c)
	}
	return a
}}

func takeArena() *arena { return arenas.Get().(*arena) }

func (a *arena) giveBack() {
	C.cw_arena_trim(a.c, keepBytes)
	arenas.Put(a)
}
