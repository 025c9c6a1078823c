package fetch

import (
	"context"
	"io"
	"slices"

	"cogweave/core"
	"cogweave/fetch/store"
)

// run is one request: neighbouring tiles of a file. The goroutine that claims it carries it out, no
// matter whose call that goroutine was started for.
type run struct {
	table  *tileTable
	tiles  []*tile         // by Start, without overlap
	values context.Context // of the call that it was made for
	owner  *call           // that call

	// Guarded by the table's lock.
	waiting int // waiters of tiles that have not arrived; at 0 nobody needs the run
	claimed bool
	cancel  context.CancelFunc // set while it is carried out

	// Of the goroutine that carries the run out.
	room Room   // of the owner, for as long as the run may write to it; nil without
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
	r.enter()
	ctx, cancel := context.WithCancel(shared{parent, r.values})
	r.cancel = cancel
	access := accessOf(r.values)
	access.Signer = sharedSigner(r.signer)
	return With(ctx, access), true
}

// signer gives the signer of a caller that waits for the run, as sharedSigner asks for it.
func (r *run) signer(leftOut []Signer) (Signer, bool) {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	return signerOf(func(yield func(Signer) bool) {
		for _, t := range r.tiles {
			for _, w := range t.waiters {
				if !yield(w.call.access.Signer) {
					return
				}
			}
		}
	}, leftOut)
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

// arrive hands the run's next tile, or the error in its place, to all who wait for it.
func (r *run) arrive(data []byte, err error) {
	t := r.tiles[r.next]
	r.next++
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if r.table.pending[t.key] == t {
		delete(r.table.pending, t.key)
		if err == nil && t.keep && r.room == nil {
			r.table.cache.put(t.key, data, int64(len(data))+tileOverhead)
		}
	}
	theirs := data
	if slices.ContainsFunc(t.waiters, func(w waiter) bool { return w.call != r.owner }) {
		theirs = r.theirs(data) // before the owner is told, who may use the memory for something else then
	}
	for _, w := range t.waiters {
		given := theirs
		if w.call == r.owner {
			given = data
		}
		w.call.post(arrival{w.index, given, err})
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

// A run is the sink of its own transfer: every tile is handed on as soon as its last byte is there.
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
			r.data = r.memory(r.tiles[r.next])
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
