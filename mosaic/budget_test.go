package mosaic

import (
	"context"
	"testing"
	"time"

	"cogweave/core"
)

// waiting ends when that many wait; the test's own time limit ends it else.
func waiting(b *Budget, n int) {
	for {
		b.mu.Lock()
		got := len(b.waiting)
		b.mu.Unlock()
		if got == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestBudgetAdmitsInOrder(t *testing.T) {
	b := NewBudget(100)
	if err := b.Acquire(t.Context(), 80); err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 2)
	acquire := func(name string, bytes int64) {
		core.Go(func() {
			if err := b.Acquire(context.Background(), bytes); err != nil {
				t.Error(err)
			}
			order <- name
		}, nil)
	}
	acquire("large", 90)
	waiting(b, 1)
	acquire("small", 20) // would fit, but must not overtake
	waiting(b, 2)
	b.Release(80)
	if first := <-order; first != "large" || b.Held() != 90 {
		t.Errorf("%s was let in, held %d", first, b.Held())
	}
	b.Release(90)
	if second := <-order; second != "small" || b.Held() != 20 {
		t.Errorf("then %s, held %d", second, b.Held())
	}
}

func TestBudgetRefusesWhatNeverFits(t *testing.T) {
	b := NewBudget(100)
	if err := b.Acquire(t.Context(), 101); core.ClassOf(err) != core.BudgetExceeded {
		t.Errorf("got %v", err)
	}
}

func TestBudgetForgetsTheCancelled(t *testing.T) {
	b := NewBudget(100)
	if err := b.Acquire(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Acquire(ctx, 50); core.ClassOf(err) != core.Cancelled {
		t.Errorf("got %v", err)
	}
	b.Release(100)
	if b.Held() != 0 {
		t.Errorf("%d bytes are lost", b.Held())
	}
}

func TestLoweredLimitLetsOneIn(t *testing.T) {
	b := NewBudget(100)
	if err := b.Acquire(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	core.Go(func() { done <- b.Acquire(context.Background(), 60) }, nil)
	waiting(b, 1)
	b.SetLimit(50)
	b.Release(100)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
