package handle

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"cogweave/core"
)

func reason(err error) string {
	var e *core.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return e.Reason
}

func TestHandleOfAnotherKindIsRefused(t *testing.T) {
	var r Registry
	h, err := r.Add(Table, "rows")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := Get[string](&r, Table, h); err != nil || v != "rows" {
		t.Fatalf("Get = %q, %v", v, err)
	}
	if _, err := Get[string](&r, Plan, h); reason(err) != "WrongHandle" {
		t.Fatalf("a table as a plan: %v", err)
	}
}

func TestStaleAndForgedHandles(t *testing.T) {
	var r Registry
	h, _ := r.Add(Queue, 1)
	forged := []Handle{0, 1, h + 1, h ^ 1<<slotBits, h ^ 3<<kindShift, ^Handle(0), h | 5<<20}
	for _, f := range forged {
		if _, err := Get[int](&r, Queue, f); reason(err) != "StaleHandle" {
			t.Errorf("%#x: %v", uint64(f), err)
		}
		if _, err := r.Remove(f); reason(err) != "StaleHandle" {
			t.Errorf("Remove(%#x): %v", uint64(f), err)
		}
	}
	if v, err := r.Remove(h); err != nil || v.(int) != 1 {
		t.Fatalf("Remove = %v, %v", v, err)
	}
	if _, err := Get[int](&r, Queue, h); reason(err) != "StaleHandle" {
		t.Fatalf("after Remove: %v", err)
	}
	if _, err := r.Remove(h); reason(err) != "StaleHandle" {
		t.Fatalf("second Remove: %v", err)
	}
	if r.Len() != 0 {
		t.Fatalf("Len = %d", r.Len())
	}
}

func TestReusedSlotHasANewHandle(t *testing.T) {
	var r Registry
	seen := map[Handle]bool{}
	for i := range 10_000 {
		h, err := r.Add(Operation, i)
		if err != nil || seen[h] {
			t.Fatalf("handle %#x at %d: %v, seen %v", uint64(h), i, err, seen[h])
		}
		seen[h] = true
		if _, err := r.Remove(h); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.entries); n > 65 {
		t.Fatalf("%d slots for one live handle at a time", n)
	}
}

func TestSlotWithoutGenerationsLeftIsRetired(t *testing.T) {
	var r Registry
	h, _ := r.Add(Plan, "old")
	r.entries[0].generation = maxGeneration
	if _, err := r.Remove(makeHandle(Plan, maxGeneration, h.slot())); err != nil {
		t.Fatal(err)
	}
	if len(r.free) != 0 {
		t.Fatalf("free = %v", r.free)
	}
}

func TestEachSeesOneKind(t *testing.T) {
	var r Registry
	for i := range 5 {
		r.Add(Operation, i)
		r.Add(Table, i)
	}
	sum := 0
	r.Each(Operation, func(v any) { sum += v.(int) + 100 })
	if sum != 510 {
		t.Fatalf("sum = %d", sum)
	}
}

func TestConcurrentUse(t *testing.T) {
	var r Registry
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			mine := map[Handle]int{}
			for i := range 3000 {
				h, err := r.Add(Operation, w*1_000_000+i)
				if err != nil {
					t.Error(err)
					return
				}
				mine[h] = w*1_000_000 + i
				for h, want := range mine { // any one
					if got, err := Get[int](&r, Operation, h); err != nil || got != want {
						t.Errorf("Get(%#x) = %d, %v; want %d", uint64(h), got, err, want)
						return
					}
					if rng.IntN(3) > 0 {
						r.Remove(h)
						delete(mine, h)
					}
					break
				}
			}
			for h := range mine {
				if _, err := r.Remove(h); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r.Len() != 0 {
		t.Fatalf("Len = %d", r.Len())
	}
}
