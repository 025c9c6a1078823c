package fetch

import (
	"slices"
	"strings"
	"sync"

	"cogweave/core"
)

// tileTable knows every tile that is kept or under way. Its lock is never held during I/O or while a
// caller's function runs.
type tileTable struct {
	cache   *lru[tileKey, []byte]
	mu      sync.Mutex // also held from a miss of the cache to the tile's being pending
	pending map[tileKey]*tile
}

// tileKey names a tile of one version of a file.
type tileKey struct {
	version string // name of the file, entity tag and size, separated by NUL
	bytes   core.ByteRange
}

// tileOverhead is what a kept tile costs beyond its bytes.
const tileOverhead = 256

// tile is a tile under way: who waits for it, and the run that brings it.
type tile struct {
	key     tileKey
	asset   core.Asset
	order   int // index of the first ref that asked for it
	keep    bool
	run     *run
	waiters []waiter // guarded by the table's lock, as run is
}

type waiter struct {
	call  *call
	index int
}

// join adds a waiter to a tile under way.
func (t *tile) join(w waiter, keep bool) {
	t.waiters = append(t.waiters, w)
	t.keep = t.keep || keep
	if t.run != nil {
		t.run.waiting++
	}
}

// leave takes a call's waiters off the tiles that it still waits for.
func (tt *tileTable) leave(c *call, pending []*tile) {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	c.room = nil // runs that have not begun must not begin in it
	for i, t := range pending {
		if t == nil {
			continue
		}
		at := slices.Index(t.waiters, waiter{c, i})
		if at < 0 {
			continue // arrived, and waits in the call's mailbox
		}
		t.waiters = slices.Delete(t.waiters, at, at+1)
		t.run.waiting--
		if t.run.waiting == 0 {
			t.run.abandon()
		}
	}
}

// forget drops what is kept of every version of a file.
func (tt *tileTable) forget(name string) {
	prefix := name + "\x00"
	tt.cache.removeIf(func(k tileKey, _ []byte) bool { return strings.HasPrefix(k.version, prefix) })
}
