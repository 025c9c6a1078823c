package fetch

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"cogweave/core"
	"cogweave/fetch/store"
)

// tileTable knows every tile that is kept or under way. Its lock is never held during I/O or while a
// caller's function runs.
type tileTable struct {
	mu      sync.Mutex
	cache   *lru[tileKey, []byte]
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

// run is one request: neighbouring tiles of a file. The goroutine that claims it carries it out, no
// matter whose call that goroutine was started for.
type run struct {
	table  *tileTable
	tiles  []*tile         // by Start, without overlap
	values context.Context // of the call that it was made for

	// Guarded by the table's lock.
	waiting int // waiters of tiles that have not arrived; at 0 nobody needs the run
	claimed bool
	cancel  context.CancelFunc // set while it is carried out

	// Of the goroutine that carries the run out.
	next int    // first tile that has not arrived
	data []byte // what there is of it, filled bytes
	have int
}

func (r *run) asset() core.Asset { return r.tiles[0].asset }

// claim makes the caller the one who carries the run out, unless somebody else does or nobody needs it.
func (r *run) claim(parent context.Context) (context.Context, bool) {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if r.claimed || r.waiting == 0 {
		return nil, false
	}
	r.claimed = true
	ctx, cancel := context.WithCancel(shared{parent, r.values})
	r.cancel = cancel
	access := accessOf(r.values)
	access.Signer = sharedSigner(r.signer)
	return With(ctx, access), true
}

// signer gives the signer of a caller that waits for the run; nil where none of them has one.
func (r *run) signer() Signer {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	for _, t := range r.tiles {
		for _, w := range t.waiters {
			if w.call.access.Signer != nil {
				return w.call.access.Signer
			}
		}
	}
	return nil
}

// abandon ends a run that nobody waits for. Whoever wants its tiles from now on starts anew. The
// caller holds the table's lock.
func (r *run) abandon() {
	for _, t := range r.tiles {
		if r.table.pending[t.key] == t {
			delete(r.table.pending, t.key)
		}
	}
	if r.cancel != nil {
		r.cancel()
	}
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

// arrive hands the run's next tile, or the error in its place, to all who wait for it.
func (r *run) arrive(data []byte, err error) {
	t := r.tiles[r.next]
	r.next++
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if r.table.pending[t.key] == t {
		delete(r.table.pending, t.key)
		if err == nil && t.keep {
			r.table.cache.put(t.key, data, int64(len(data))+tileOverhead)
		}
	}
	for _, w := range t.waiters {
		w.call.post(arrival{w.index, data, err})
	}
	r.waiting -= len(t.waiters)
	t.waiters = nil
	if r.waiting == 0 && r.next < len(r.tiles) {
		r.abandon()
	}
}

// fail gives an error to all tiles that have not arrived.
func (r *run) fail(e *core.Error) {
	for r.next < len(r.tiles) {
		r.arrive(nil, withRange(e, r.tiles[r.next].key.bytes))
	}
}

// A run is the sink of its own transfer: every tile gets memory of exactly its size, so that none
// keeps its neighbours' alive, and is handed on as soon as its last byte is there.
var _ sink = (*run)(nil)

func (r *run) rest() core.ByteRange {
	first, last := r.tiles[r.next], r.tiles[len(r.tiles)-1]
	return core.ByteRange{Start: first.key.bytes.Start + int64(r.have), End: last.key.bytes.End}
}

func (r *run) take(answer store.Body) error {
	want, got := r.rest(), answer.Range()
	if got != want {
		return &store.Fault{Class: core.DecodeError, Reason: "TileOutOfRange",
			Message: "the file ends before the bytes that its header speaks of"}
	}
	at := got.Start
	for r.next < len(r.tiles) {
		bytes := r.tiles[r.next].key.bytes
		if r.data == nil {
			if err := skip(answer, bytes.Start-at); err != nil {
				return err
			}
			r.data = make([]byte, bytes.Len())
		}
		n, err := io.ReadFull(answer, r.data[r.have:])
		r.have += n
		if err != nil {
			return err
		}
		at = bytes.End
		data := r.data
		r.data, r.have = nil, 0
		r.arrive(data, nil)
	}
	return nil
}

// skip reads over the gap between two tiles.
func skip(answer store.Body, gap int64) error {
	if gap == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, answer, gap)
	return err
}

func (r *run) rewind() { r.have = 0 }

func (tt *tileTable) resize(budget int64) {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	tt.cache.resize(budget)
}

func (tt *tileTable) bytes() int64 {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	return tt.cache.used
}

// forget drops what is kept of every version of a file.
func (tt *tileTable) forget(name string) {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	prefix := name + "\x00"
	tt.cache.removeIf(func(k tileKey) bool { return strings.HasPrefix(k.version, prefix) })
}
