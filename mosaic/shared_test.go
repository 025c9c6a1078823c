package mosaic

import (
	"errors"
	"testing"
	"time"

	"cogweave/core/cog"
	"cogweave/core/plan"

	"cogweave/core"
)

// sharing makes what two reads share, with a budget of so many bytes.
func sharing(limit int64) *shared {
	b := NewBudget(limit)
	s := &shared{budget: b, spares: &core.Spares{}}
	b.reclaim = s.reclaim
	s.enter(one, 1)
	s.enter(other, 1)
	return s
}

var one, other = &plan.Plan{}, &plan.Plan{}

var image = &cog.Level{}

func (s *shared) want(t *testing.T, index, rows int, wanted state, wait func(*decoded)) *decoded {
	t.Helper()
	d, got := s.take(one, tileKey{image, index}, []int{0}, rows, 16, wait)
	if got != wanted {
		t.Fatalf("tile %d, %d rows: state %d, want %d", index, rows, got, wanted)
	}
	return d
}

// decode finishes a tile with eight bytes for each row.
func (s *shared) decode(d *decoded, err error) {
	d.pixels = [][]byte{s.spares.Take(8 * d.rows)}
	s.finish(d, err)
}

func TestSharedTileIsDecodedOnce(t *testing.T) {
	s := sharing(1 << 20)
	first := s.want(t, 0, 8, mine, nil)
	var told []*decoded
	for range 2 {
		s.want(t, 0, 8, coming, func(d *decoded) { told = append(told, d) })
	}
	s.decode(first, nil)
	if len(told) != 2 || told[0] != first || told[1] != first {
		t.Fatalf("told %v", told)
	}
	if again := s.want(t, 0, 4, ready, nil); again != first {
		t.Fatal("another tile")
	}
	for range 4 {
		s.drop(first)
	}
	if first.pixels == nil {
		t.Fatal("the pixels are gone while they are kept")
	}
}

func TestSharedTileOfMoreRowsIsDecodedWhole(t *testing.T) {
	s := sharing(1 << 20)
	s.decode(s.want(t, 0, 4, mine, nil), nil)
	whole := s.want(t, 0, 8, mine, nil)
	if whole.rows != 16 {
		t.Fatalf("%d rows", whole.rows)
	}
	s.decode(whole, nil)
	s.want(t, 0, 16, ready, nil)
	if held := s.budget.Held(); held != whole.size() {
		t.Fatalf("%d bytes held, want %d", held, whole.size())
	}
}

func TestTileOfAnArrayReadInChunksIsDecodedWhole(t *testing.T) {
	s := sharing(1 << 20)
	s.enter(one, 1)
	s.decode(s.want(t, 0, 4, mine, nil), nil)
	s.want(t, 0, 16, ready, nil)
	s.leave(one, 1)
	if alone := s.want(t, 1, 4, mine, nil); alone.rows != 4 {
		t.Fatalf("%d rows", alone.rows)
	}
}

func TestSharedFailureIsToldAndForgotten(t *testing.T) {
	s := sharing(1 << 20)
	failed := errors.New("corrupt")
	first := s.want(t, 0, 8, mine, nil)
	var told error
	s.want(t, 0, 8, coming, func(d *decoded) { told = d.err })
	s.decode(first, failed)
	if !errors.Is(told, failed) {
		t.Fatalf("told %v", told)
	}
	s.want(t, 0, 8, mine, nil)
}

func TestSharedTilesLeaveTheBudgetToReads(t *testing.T) {
	s := sharing(8192) // an eighth of it is kept at most: eight tiles of 128 bytes
	for i := range 20 {
		s.decode(s.want(t, i, 16, mine, nil), nil)
	}
	if held := s.budget.Held(); held != 1024 {
		t.Fatalf("%d bytes kept", held)
	}
	s.want(t, 19, 16, ready, nil)
	s.want(t, 0, 16, mine, nil) // long forgotten
	if err := s.budget.Acquire(t.Context(), 8192); err != nil {
		t.Fatal(err)
	}
	if s.budget.TryAcquire(1) {
		t.Fatal("more than the budget")
	}
	s.budget.Release(8192)
	s.decode(s.want(t, 1, 16, mine, nil), nil)
	s.leave(one, 1)
	s.leave(other, 1)
	for s.budget.Held() != 0 { // until the moment is over; the test's own time limit ends it
		time.Sleep(time.Millisecond)
	}
	if held := s.budget.Held(); held != 0 || len(s.known) != 1 { // tile 0 was never finished
		t.Fatalf("%d bytes kept after the last read, %d tiles known", held, len(s.known))
	}
}

func TestSharedTilesLingerAfterTheLastReadAndNotTheFirst(t *testing.T) {
	s := sharing(1 << 20)
	s.decode(s.want(t, 0, 16, mine, nil), nil)
	for range 2 { // what the first end set going comes when the second read has just ended
		s.leave(one, 1)
		s.leave(other, 1)
		s.emptyIfIdle()
		s.enter(one, 1)
		s.enter(other, 1)
	}
	s.want(t, 0, 16, ready, nil)
}
