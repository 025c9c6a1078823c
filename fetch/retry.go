package fetch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// The price of a retry in tokens of its host's budget.
const (
	transientCost = 14
	throttledCost = 5
)

// mostSpenders is the number of hosts in trouble that are told apart.
const mostSpenders = 1 << 10

// retryBudgets keeps a token bucket per host, shared by all requests of the process: when a server
// fails altogether, a thousand assets do not ask it five times each. A host that is not listed has a
// full bucket.
type retryBudgets struct {
	mu    sync.Mutex
	spent map[string]int
}

func newRetryBudgets() *retryBudgets { return &retryBudgets{spent: map[string]int{}} }

// take pays for a retry, unless the host's budget is too low.
func (b *retryBudgets) take(host string, cost, budget int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent[host]+cost > budget {
		return false
	}
	if len(b.spent) == mostSpenders && b.spent[host] == 0 { // a catalog may name any number of hosts
		clear(b.spent)
	}
	b.spent[host] += cost
	return true
}

// succeed gives a token back.
func (b *retryBudgets) succeed(host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.spent[host]; n > 1 {
		b.spent[host] = n - 1
	} else if n == 1 {
		delete(b.spent, host)
	}
}

// attempts is the retry policy applied to one range.
type attempts struct {
	cfg     Config
	host    string
	budgets *retryBudgets
	total   time.Duration // for all attempts and pauses
	spent   time.Duration
	made    int
}

// pause tells how long to wait before the next attempt, or, as a fault, why there is none.
func (a *attempts) pause(f *store.Fault) (time.Duration, *store.Fault) {
	if f.Retry == store.Never || a.made >= a.cfg.Attempts {
		return 0, f
	}
	base, cost := a.cfg.Backoff, transientCost
	if f.Retry == store.Throttled {
		base, cost = a.cfg.ThrottlePause, throttledCost
	}
	most := min(base<<min(a.made-1, 20), a.cfg.MaxBackoff)
	wait := time.Duration(rand.Float64() * float64(most))
	if f.After > a.cfg.MaxRetryAfter {
		return 0, giveUp(f, f.Reason, "it asks to be left alone for %v, which is longer than the %v that are waited", f.After, a.cfg.MaxRetryAfter)
	}
	wait = max(wait, f.After)
	if a.spent+wait > a.total {
		return 0, &store.Fault{Class: core.FetchTimeout, Reason: "TotalTimeout", Cause: f,
			Message: fmt.Sprintf("no success within %v", a.total)}
	}
	if !a.budgets.take(a.host, cost, a.cfg.RetryBudget) {
		return 0, giveUp(f, "RetryBudgetExhausted", "the retry budget of %s is used up", a.host)
	}
	return wait, nil
}

// giveUp is f with the reason why it is final.
func giveUp(f *store.Fault, reason, format string, args ...any) *store.Fault {
	return &store.Fault{Class: f.Class, Reason: reason, Cause: f.Cause, Message: f.Message + "; " + fmt.Sprintf(format, args...)}
}

// sleep waits, or gives up when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
