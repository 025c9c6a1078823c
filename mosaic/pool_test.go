package mosaic

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPoolServesGroupsInTurn(t *testing.T) {
	p := NewPool(1)
	gate := make(chan struct{})
	var mu sync.Mutex
	var order []string
	var done sync.WaitGroup
	a, b := p.Group(nil, nil), p.Group(nil, nil)
	a.Go(false, func() { <-gate })
	add := func(g *Group, name string) {
		done.Add(1)
		g.Go(false, func() {
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			done.Done()
		})
	}
	for range 3 {
		add(a, "a")
	}
	add(b, "b")
	close(gate)
	done.Wait()
	if order[0] != "b" && order[1] != "b" {
		t.Errorf("the small group waited for the large one: %v", order)
	}
}

// TestKinIsServedByAge: the chunks of an array end one after the other, and do not keep others waiting.
func TestKinIsServedByAge(t *testing.T) {
	p := NewPool(1)
	gate, entered := make(chan struct{}), make(chan struct{})
	p.Group(nil, nil).Go(false, func() { close(entered); <-gate })
	<-entered
	elder, younger, stranger := p.Group("array", nil), p.Group("array", nil), p.Group("other array", nil)
	var order []string // of one worker's
	var done sync.WaitGroup
	for _, g := range []struct {
		*Group
		name string
	}{{younger, "younger"}, {elder, "elder"}, {stranger, "stranger"}} {
		for range 3 {
			done.Add(1)
			g.Go(false, func() {
				order = append(order, g.name)
				done.Done()
			})
		}
	}
	close(gate)
	done.Wait()
	kin := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return name == "stranger" })
	if !slices.IsSorted(kin) { // "elder" before "younger"
		t.Errorf("the younger was served before the elder had ended: %v", order)
	}
	if at := slices.Index(order, "stranger"); at > 2 {
		t.Errorf("a stranger waited for kin: %v", order)
	}
}

func TestUrgentTasksRunFirst(t *testing.T) {
	p := NewPool(1)
	gate := make(chan struct{})
	g := p.Group(nil, nil)
	g.Go(false, func() { <-gate })
	order := make(chan string, 2)
	g.Go(false, func() { order <- "normal" })
	g.Go(true, func() { order <- "urgent" })
	close(gate)
	if first := <-order; first != "urgent" {
		t.Errorf("%s ran first", first)
	}
}

func TestPanicInATaskIsReported(t *testing.T) {
	p := NewPool(2)
	got := make(chan error, 1)
	p.Group(nil, func(err error) { got <- err }).Go(false, func() { panic("probe") })
	if err := <-got; err == nil {
		t.Error("no error")
	}
	after := make(chan struct{})
	p.Group(nil, nil).Go(false, func() { close(after) })
	<-after // the worker lives on
}

func TestThreadsCanGrowAndShrink(t *testing.T) {
	p := NewPool(1)
	var running, most atomic.Int32
	var done sync.WaitGroup
	run := func(n int) {
		g := p.Group(nil, nil)
		for range n {
			done.Add(1)
			g.Go(false, func() {
				if now := running.Add(1); now > most.Load() {
					most.Store(now)
				}
				time.Sleep(time.Millisecond / 2) // so that others would begin meanwhile
				running.Add(-1)
				done.Done()
			})
		}
		done.Wait()
	}
	run(50)
	if most.Load() != 1 {
		t.Errorf("%d tasks ran at once on one worker", most.Load())
	}
	p.SetThreads(3)
	together := func(n int) { // ends when that many tasks run at once
		var all sync.WaitGroup
		all.Add(n)
		g := p.Group(nil, nil)
		for range n {
			done.Add(1)
			g.Go(false, func() {
				all.Done()
				all.Wait()
				done.Done()
			})
		}
		done.Wait()
	}
	together(3)
	run(50)
	if n := most.Load(); n > 3 {
		t.Errorf("%d tasks ran at once on three workers", n)
	}
	p.SetThreads(1)
	run(50) // until then the others may still be about to see that there are too many
	most.Store(0)
	run(50)
	if n := most.Load(); p.Threads() != 1 || n != 1 {
		t.Errorf("%d threads, %d tasks ran at once", p.Threads(), n)
	}
}

// A worker goes on by itself where all others are busy, and only as long as no other group waits.
func TestUnneeded(t *testing.T) {
	p := NewPool(2)
	g, other := p.Group(nil, func(err error) { t.Error(err) }), p.Group(nil, func(err error) { t.Error(err) })
	busy, free := make(chan struct{}), make(chan struct{})
	var tasks sync.WaitGroup
	tasks.Add(3)
	g.Go(false, func() {
		defer tasks.Done()
		if g.Unneeded() {
			t.Error("the second worker is not there yet, and counts as busy")
		}
		g.Go(false, func() { defer tasks.Done(); close(busy); <-free })
		<-busy
		if !g.Unneeded() {
			t.Error("the other worker is not taken to be busy")
		}
		other.Go(false, tasks.Done)
		if g.Unneeded() {
			t.Error("another group waits, and is not seen")
		}
		close(free)
	})
	tasks.Wait()
	last := make(chan bool)
	for idle := false; !idle; runtime.Gosched() { // until the other worker waits
		g.Go(false, func() { last <- g.Unneeded() })
		idle = !<-last
	}
}
