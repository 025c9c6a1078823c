package mosaic

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
)

// Pages are come to when they are asked for, what is in them stays, wherever in memory an output begins.
func TestGround(t *testing.T) {
	memory := bytes.Repeat([]byte{0x5a}, 6*hugePage+5)
	for _, begin := range []int{0, 1, 2, 3} {
		out := memory[begin:]
		g := newGround(out, 2)
		at := 3*hugePage - g.first // where a page begins
		g.prepare(at, at)
		if states(g, untouched) != len(g.pages) {
			t.Error("nothing was asked for, and a page was come to")
		}
		g.prepare(at, at+hugePage)
		if g.pages[3].state.Load() != cleared || states(g, untouched) != len(g.pages)-1 {
			t.Errorf("of %d pages, for one %d are left", len(g.pages), states(g, untouched))
		}
		g.prepare(at-1, at+hugePage+1)
		if states(g, untouched) != len(g.pages)-3 {
			t.Errorf("of %d pages, for three %d are left", len(g.pages), states(g, untouched))
		}
		g.prepare(0, len(out))
		if states(g, cleared) != len(g.pages) || !bytes.Equal(memory, bytes.Repeat([]byte{0x5a}, len(memory))) {
			t.Error("not every page was come to, or what was there is gone")
		}
	}
}

func states(g *ground, state int32) (n int) {
	for i := range g.pages {
		if g.pages[i].state.Load() == state {
			n++
		}
	}
	return n
}

// Who finds a page taken waits for it, and clears the next one meanwhile.
func TestGroundThatIsTaken(t *testing.T) {
	g := newGround(make([]byte, 4*hugePage), 2)
	begin, end := make(chan struct{}), make(chan struct{})
	g.pages[0].state.Store(taken)
	var others sync.WaitGroup
	others.Go(func() {
		g.pages[0].clear.Do(func() {
			close(begin)
			<-end
			g.pages[0].state.Store(cleared)
		})
	})
	<-begin
	others.Go(func() {
		g.prepare(0, 1)
		if g.pages[0].state.Load() != cleared {
			t.Error("a page that is not there yet was not waited for")
		}
	})
	for g.pages[1].state.Load() != cleared {
		runtime.Gosched()
	}
	close(end)
	others.Wait()
	if states(g, untouched) != len(g.pages)-2 {
		t.Errorf("%d of %d pages are left", states(g, untouched), len(g.pages))
	}
}

func TestGroundOfOneWorkerOrSmallPages(t *testing.T) {
	if len(newGround(make([]byte, 3*hugePage), 1).pages) != 0 || len(newGround(make([]byte, groundFrom-1), 2).pages) != 0 {
		t.Error("there is nothing to prepare, and pages are")
	}
}
