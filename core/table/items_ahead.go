package table

import (
	"sync"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// ItemsAhead is ParseItems of batches as they come: each is decoded while later ones are under way. It is safe for
// concurrent use. Stop of a nil one does nothing.
type ItemsAhead struct {
	base    string
	mu      sync.Mutex
	pieces  []*itemPiece
	next    int // of the pieces: the first that no worker has taken
	workers int
	working sync.WaitGroup
	idle    []*interner // that nobody uses now
	failed  error       // of a worker that panicked
}

// itemPiece is a batch, and what became of it.
type itemPiece struct {
	batch arrow.RecordBatch
	items []core.Item
	err   error
}

// NewItemsAhead takes what ParseItems takes.
func NewItemsAhead(base string) *ItemsAhead { return &ItemsAhead{base: base} }

// Base is where the catalog was read from.
func (a *ItemsAhead) Base() string { return a.base }

// Add begins to decode a batch, which it retains until that is done. One processor is left to whoever adds, unless the
// workers lag behind: then Add decodes one of the batches that wait, so that they do not pile up.
func (a *ItemsAhead) Add(batch arrow.RecordBatch) {
	const mostWaiting = 8
	batch.Retain()
	a.mu.Lock()
	a.pieces = append(a.pieces, &itemPiece{batch: batch})
	a.start(core.Processors() - 1)
	lag := len(a.pieces)-a.next > mostWaiting
	a.mu.Unlock()
	if !lag {
		return
	}
	if piece := a.take(false); piece != nil {
		shared := a.borrow()
		piece.decode(a.base, shared)
		a.giveBack(shared)
	}
}

// Items waits for all that was added. Of several errors the one of the first row is returned. It is called once.
func (a *ItemsAhead) Items() ([]core.Item, error) {
	a.mu.Lock()
	a.start(core.Processors())
	a.mu.Unlock()
	a.working.Wait()
	if a.failed != nil {
		return nil, a.failed
	}
	starts, pieces := make([]int, len(a.pieces)+1), a.pieces
	for i, piece := range pieces {
		if piece.err != nil {
			return nil, piece.err
		}
		starts[i+1] = starts[i] + len(piece.items)
	}
	items := make([]core.Item, starts[len(pieces)])
	nothing := func() struct{} { return struct{}{} }
	err := inTurn(len(pieces), nothing, func(i int, _ struct{}) { copy(items[starts[i]:], pieces[i].items) })
	return items, err
}

// Stop lets go of what is not decoded yet.
func (a *ItemsAhead) Stop() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for ; a.next < len(a.pieces); a.next++ {
		a.pieces[a.next].batch.Release()
	}
}

// start lets workers begin, up to a number of them, but at least one, and no more than there is work for. a.mu is held.
func (a *ItemsAhead) start(most int) {
	for waiting := len(a.pieces) - a.next; a.workers < max(most, 1) && waiting > 0; waiting-- {
		a.workers++
		a.working.Add(1)
		core.Go(a.work, func(err error) {
			a.mu.Lock()
			a.failed = err
			a.mu.Unlock()
			a.working.Done()
		})
	}
}

// work decodes batches until none is left.
func (a *ItemsAhead) work() {
	shared := a.borrow()
	for piece := a.take(true); piece != nil; piece = a.take(true) {
		piece.decode(a.base, shared)
	}
	a.giveBack(shared)
	a.working.Done()
}

func (p *itemPiece) decode(base string, shared *interner) {
	p.items = make([]core.Item, p.batch.NumRows())
	p.err = parseBatch(p.batch, base, ParseItemsOptions{}, shared, p.items)
	p.batch.Release()
}

// take gives the next batch to decode, or nil: then a worker is one no more.
func (a *ItemsAhead) take(worker bool) *itemPiece {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next < len(a.pieces) {
		a.next++
		return a.pieces[a.next-1]
	}
	if worker {
		a.workers--
	}
	return nil
}

// borrow gives what another has given back, so that what batches have in common stays one.
func (a *ItemsAhead) borrow() *interner {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := len(a.idle) - 1
	if last < 0 {
		return newInterner()
	}
	shared := a.idle[last]
	a.idle = a.idle[:last]
	return shared
}

func (a *ItemsAhead) giveBack(shared *interner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle = append(a.idle, shared)
}
