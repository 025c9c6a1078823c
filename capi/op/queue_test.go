package op

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cogweave/capi/handle"
)

// readable tells whether the queue's fd becomes readable within a time.
func readable(t *testing.T, q *Queue, wait time.Duration) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(wait.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

func newQueue(t *testing.T) *Queue {
	t.Helper()
	q, err := NewQueue(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

func TestFDIsReadableExactlyWhileEventsWait(t *testing.T) {
	q := newQueue(t)
	out := make([]Event, 2)
	if readable(t, q, 0) {
		t.Fatal("readable while empty")
	}
	for i := range 3 {
		q.Post(Event{Op: handle.Handle(i), Kind: Step, Value: int64(i)})
	}
	for _, want := range []struct {
		n     int
		after bool
	}{{2, true}, {1, false}, {0, false}} {
		if n := q.Drain(out); n != want.n {
			t.Fatalf("drained %d, want %d", n, want.n)
		}
		if got := readable(t, q, 0); got != want.after {
			t.Fatalf("readable = %v after draining %d", got, want.n)
		}
	}
	q.Post(Event{Kind: Done})
	if !readable(t, q, 0) {
		t.Fatal("not readable after an event that follows a drain")
	}
}

func TestFDIsPrivateToTheProcessAndDoesNotBlock(t *testing.T) {
	q := newQueue(t)
	if flags, err := unix.FcntlInt(uintptr(q.FD()), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Fatalf("fd flags %#x, %v: no FD_CLOEXEC", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(q.FD()), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Fatalf("file flags %#x, %v: no O_NONBLOCK", flags, err)
	}
}

func TestOrderSurvivesGrowthAndShrinking(t *testing.T) {
	q := newQueue(t)
	out := make([]Event, 700)
	posted, drained := int64(0), int64(0)
	for _, step := range []struct{ post, drain int }{{10, 5}, {100, 20}, {5000, 700}, {1, 700}, {0, 700}, {3000, 9000}, {50, 50}} {
		for range step.post {
			q.Post(Event{Value: posted})
			posted++
		}
		for left := step.drain; left > 0; {
			n := q.Drain(out[:min(left, len(out))])
			if n == 0 {
				break
			}
			for _, e := range out[:n] {
				if e.Value != drained {
					t.Fatalf("event %d where %d was due", e.Value, drained)
				}
				drained++
			}
			left -= n
		}
	}
	if drained != posted {
		t.Fatalf("drained %d of %d", drained, posted)
	}
	if len(q.ring) != smallRing {
		t.Fatalf("ring of %d kept after the burst", len(q.ring))
	}
}

// No wake-up is lost: a reader that only reads when poll says so gets every event.
func TestManyPostersOneReader(t *testing.T) {
	q := newQueue(t)
	const posters, each = 8, 5000
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				q.Post(Event{Op: handle.Handle(p), Value: int64(i)})
			}
		})
	}
	next := make([]int64, posters)
	out := make([]Event, 37)
	for total := 0; total < posters*each; {
		if !readable(t, q, 5*time.Second) {
			t.Fatalf("no wake-up after %d events", total)
		}
		n := q.Drain(out)
		for _, e := range out[:n] {
			if e.Value != next[e.Op] {
				t.Fatalf("poster %d: event %d where %d was due", e.Op, e.Value, next[e.Op])
			}
			next[e.Op]++
		}
		total += n
	}
	wg.Wait()
	if readable(t, q, 0) {
		t.Fatal("readable after the last event")
	}
}

// After Close the number of the fd may belong to another file: nothing may be written to it.
func TestClosedQueueDoesNotTouchAReusedFD(t *testing.T) {
	q := newQueue(t)
	fd := q.FD()
	q.Close()
	q.Close()
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	var reused *os.File
	for range 64 {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		if int(f.Fd()) == fd {
			reused = f
			break
		}
	}
	if reused == nil {
		t.Skip("the number of the closed fd was not handed out again: nothing to check")
	}
	if q.Post(Event{Kind: Done}) {
		t.Fatal("a closed queue took an event")
	}
	if n := q.Drain(make([]Event, 1)); n != 0 {
		t.Fatalf("a closed queue gave %d events", n)
	}
	if info, err := reused.Stat(); err != nil || info.Size() != 0 {
		t.Fatalf("%v bytes were written to a file that reused the fd (%v)", info.Size(), err)
	}
}

func TestFinalCompletionsAreCountedEvenWithoutAReader(t *testing.T) {
	var completions atomic.Int64
	q, err := NewQueue(func() { completions.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	q.Post(Event{Kind: Step})
	q.Post(Event{Kind: Done})
	q.Close()
	q.Post(Event{Kind: Done})
	if n := completions.Load(); n != 2 {
		t.Fatalf("%d completions", n)
	}
}
