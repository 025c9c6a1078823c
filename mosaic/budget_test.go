package mosaic

import (
	"context"
	"testing"
	"time"

	"cogweave/core"
)

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
	waiting := func(n int) {
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
	acquire("large", 90)
	waiting(1)
	acquire("small", 10) // would fit, but must not overtake
	waiting(2)
	b.Release(80)
	if first, second := <-order, <-order; b.Held() != 100 || first == second {
		t.Errorf("held %d", b.Held())
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
	time.Sleep(5 * time.Millisecond)
	b.SetLimit(50)
	b.Release(100)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
