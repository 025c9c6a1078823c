package mosaic

import (
	"context"
	"sync"

	"cogweave/core"
)

// Budget is the memory that reads may hold at a time, in bytes: compressed tiles, decoded tiles and what
// they are combined in. Whole batches are admitted at once, first come first served, so that no batch
// holds memory while it waits for more.
type Budget struct {
	mu      sync.Mutex
	limit   int64
	held    int64
	waiting []*admission
	reclaim func() // gives back what is only kept in case it is wanted again; nil for nothing
}

type admission struct {
	bytes int64
	ready chan struct{}
}

// NewBudget makes a budget of that many bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// SetLimit changes the budget; what is held already stays.
func (b *Budget) SetLimit(limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.admit()
}

// Limit is the budget in bytes.
func (b *Budget) Limit() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit
}

// Held is what is admitted at present, in bytes.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Acquire waits until bytes can be admitted. More than the whole budget is BudgetExceeded at once.
func (b *Budget) Acquire(ctx context.Context, bytes int64) error {
	b.mu.Lock()
	if bytes > b.limit {
		defer b.mu.Unlock()
		return core.Errorf(core.BudgetExceeded, "Memory", "the smallest piece of the read needs %d bytes, memory_limit is %d", bytes, b.limit)
	}
	if len(b.waiting) == 0 && b.held+bytes <= b.limit {
		b.held += bytes
		b.mu.Unlock()
		return nil
	}
	a := &admission{bytes: bytes, ready: make(chan struct{})}
	b.waiting = append(b.waiting, a)
	b.mu.Unlock()
	if b.reclaim != nil {
		b.reclaim()
	}
	select {
	case <-a.ready:
		return nil
	case <-ctx.Done():
		b.leave(a)
		return core.Errorf(core.Cancelled, "", "cancelled")
	}
}

// TryAcquire admits bytes if there is room now and nobody waits.
func (b *Budget) TryAcquire(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 || b.held+bytes > b.limit {
		return false
	}
	b.held += bytes
	return true
}

// leave gives up waiting, or gives back what was admitted in the meantime.
func (b *Budget) leave(a *admission) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiting {
		if other == a {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.admit()
			return
		}
	}
	b.held -= a.bytes
	b.admit()
}

// Release gives bytes back.
func (b *Budget) Release(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= bytes
	b.admit()
}

// admit lets the first of the queue in, while it fits. One that a lowered limit can no longer hold is let
// in alone.
func (b *Budget) admit() {
	for len(b.waiting) > 0 {
		first := b.waiting[0]
		if b.held > 0 && b.held+first.bytes > b.limit {
			return
		}
		b.waiting = b.waiting[1:]
		b.held += first.bytes
		close(first.ready)
	}
}
