package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cogweave/capi/handle"
	"cogweave/core"
)

// counted is a result that counts how often it was dropped.
type counted struct{ released atomic.Int32 }

func (c *counted) Release() { c.released.Add(1) }

type other struct{}

func (other) Release() {}

func start(q *Queue, number int, work Work) *Operation {
	o := New(q)
	o.Handle = handle.Handle(number)
	o.Start(work)
	return o
}

// await drains the queue until the Done event of an operation and gives all events before it.
func await(t *testing.T, q *Queue, o *Operation) (done Event, before []Event) {
	t.Helper()
	out := make([]Event, 16)
	for {
		if !readable(t, q, 5*time.Second) {
			t.Fatal("no completion")
		}
		for _, e := range out[:q.Drain(out)] {
			if e.Op == o.Handle && e.Kind == Done {
				return e, before
			}
			before = append(before, e)
		}
	}
}

func expectReason(t *testing.T, err error, class core.Class, reason string) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Class != class || e.Reason != reason {
		t.Fatalf("error %#v, want %s/%s", err, class, reason)
	}
}

func TestResultIsTakenOnce(t *testing.T) {
	q := newQueue(t)
	result := &counted{}
	gate := make(chan struct{})
	o := start(q, 1, func(context.Context, *Operation) (Result, error) { <-gate; return result, nil })
	_, err := Take[*counted](o, "a thing")
	expectReason(t, err, core.InvalidArgument, "NotFinished")
	_, err = o.Err()
	expectReason(t, err, core.InvalidArgument, "NotFinished")
	close(gate)
	if done, _ := await(t, q, o); done.Status != OK {
		t.Fatalf("status %d", done.Status)
	}
	_, err = o.Err()
	expectReason(t, err, core.InvalidArgument, "NotFailed")
	_, err = Take[other](o, "another thing")
	expectReason(t, err, core.InvalidArgument, "NoSuchResult")
	if got, err := Take[*counted](o, "a thing"); err != nil || got != result {
		t.Fatalf("Take = %v, %v", got, err)
	}
	_, err = Take[*counted](o, "a thing")
	expectReason(t, err, core.InvalidArgument, "AlreadyTaken")
	o.Release()
	if n := result.released.Load(); n != 0 {
		t.Fatalf("a result that was taken was dropped %d times", n)
	}
}

func TestUntakenResultIsDroppedOnce(t *testing.T) {
	for name, c := range map[string]struct{ before, after func(*Queue, *Operation) }{
		"released after the end":   {nil, func(_ *Queue, o *Operation) { o.Release(); o.Release() }},
		"released before the end":  {func(_ *Queue, o *Operation) { o.Release() }, nil},
		"released, then cancelled": {nil, func(_ *Queue, o *Operation) { o.Release(); o.Cancel() }},
		"queue closed before it":   {func(q *Queue, _ *Operation) { q.Close() }, func(_ *Queue, o *Operation) { o.Release() }},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue(t)
			result := &counted{}
			o := New(q)
			o.Handle = 1
			if c.before != nil {
				c.before(q, o)
			}
			o.Start(func(context.Context, *Operation) (Result, error) { return result, nil })
			if q.Closed() {
				for deadline := time.Now().Add(5 * time.Second); result.released.Load() == 0 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
			} else {
				await(t, q, o)
			}
			if c.after != nil {
				c.after(q, o)
			}
			if n := result.released.Load(); n != 1 {
				t.Fatalf("dropped %d times", n)
			}
		})
	}
}

func TestFailureAndPanicAreCompletions(t *testing.T) {
	q := newQueue(t)
	cases := []struct {
		work   Work
		status Status
		class  core.Class
		reason string
	}{
		{func(context.Context, *Operation) (Result, error) {
			return nil, core.Errorf(core.AssetNotFound, "NotFound", "no such file")
		}, Failed, core.AssetNotFound, "NotFound"},
		{func(context.Context, *Operation) (Result, error) { return nil, errors.New("foreign") }, Failed, core.Internal, "Unclassified"},
		{func(context.Context, *Operation) (Result, error) { panic("boom") }, Failed, core.Internal, "Panic"},
		{func(_ context.Context, o *Operation) (Result, error) { o.Cancel(); panic("boom") }, Failed, core.Internal, "Panic"},
		{func(context.Context, *Operation) (Result, error) {
			panic(core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory"))
		}, Failed, core.BudgetExceeded, "OutOfMemory"},
		{func(context.Context, *Operation) (Result, error) {
			return nil, fmt.Errorf("wrapped: %w", context.DeadlineExceeded)
		}, Failed, core.FetchTimeout, "Deadline"},
		{func(ctx context.Context, o *Operation) (Result, error) {
			o.Cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		},
			Cancelled, core.Cancelled, "Cancelled"},
		{func(ctx context.Context, o *Operation) (Result, error) {
			o.Cancel()
			return nil, errors.New("query interrupted")
		}, Cancelled, core.Cancelled, "Cancelled"},
	}
	for i, c := range cases {
		o := start(q, i+1, c.work)
		if done, _ := await(t, q, o); done.Status != c.status {
			t.Fatalf("case %d: status %d, want %d", i, done.Status, c.status)
		}
		failed, err := o.Err()
		if err != nil {
			t.Fatal(err)
		}
		expectReason(t, failed, c.class, c.reason)
		_, err = Take[*counted](o, "a thing")
		expectReason(t, err, c.class, c.reason)
	}
}

// A panic while the result is dropped must not swallow the completion.
type explosive struct{}

func (explosive) Release() { panic("release") }

func TestCompletionComesThoughReleasePanics(t *testing.T) {
	q := newQueue(t)
	o := New(q)
	o.Handle = 7
	o.Release()
	o.Start(func(context.Context, *Operation) (Result, error) { return explosive{}, nil })
	await(t, q, o)
}

func TestLateSuccessOfACancelledOperationIsASuccess(t *testing.T) {
	q := newQueue(t)
	result := &counted{}
	o := start(q, 1, func(_ context.Context, o *Operation) (Result, error) { o.Cancel(); return result, nil })
	if done, _ := await(t, q, o); done.Status != OK {
		t.Fatalf("status %d", done.Status)
	}
	if _, err := Take[*counted](o, "a thing"); err != nil {
		t.Fatal(err)
	}
}

func TestProgressIsToldToThoseWhoWatch(t *testing.T) {
	q := newQueue(t)
	gate, watching := make(chan struct{}), make(chan struct{})
	var read atomic.Int64
	o := start(q, 1, func(_ context.Context, o *Operation) (Result, error) {
		o.OnProgress(func() any { return map[string]int64{"reads": read.Load()} })
		o.Progressed() // nobody watches
		<-watching
		for range 1000 {
			read.Add(1)
			o.Progressed()
		}
		<-gate
		o.Stepped(4)
		return nil, nil
	})
	if readable(t, q, 20*time.Millisecond) {
		t.Fatal("an event that nobody wants")
	}
	began := time.Now()
	o.Watch()
	o.Watch()
	close(watching)
	out := make([]Event, 16)
	for told := 0; told < 2; told++ { // at once, and a tick later what came since
		if !readable(t, q, 5*time.Second) {
			t.Fatal("no event")
		}
		if n := q.Drain(out); n != 1 || out[0].Kind != Progress {
			t.Fatalf("%d events, first %+v", n, out[0])
		}
	}
	if took := time.Since(began); took < tick*9/10 {
		t.Fatalf("two events within %v", took)
	}
	if text, _ := json.Marshal(o.Progress()); string(text) != `{"reads":1000}` {
		t.Fatalf("progress %s", text)
	}
	close(gate)
	_, before := await(t, q, o)
	if len(before) != 1 || before[0] != (Event{Op: 1, Kind: Step, Value: 4}) {
		t.Fatalf("events %+v", before)
	}
}

func TestAskAndAnswer(t *testing.T) {
	q := newQueue(t)
	var got json.RawMessage
	o := start(q, 1, func(ctx context.Context, _ *Operation) (Result, error) {
		var err error
		got, err = From(ctx).Ask(ctx, Question{Name: "sign", About: "href"})
		return nil, err
	})
	out := make([]Event, 4)
	if !readable(t, q, 5*time.Second) || q.Drain(out) != 1 || out[0].Kind != Ask {
		t.Fatalf("no question: %+v", out[0])
	}
	number := out[0].Value
	text, err := o.Asked(number)
	if err != nil || string(text) != `{"name":"sign","about":"href","blocks":[]}` {
		t.Fatalf("asked %s, %v", text, err)
	}
	_, err = o.Asked(number + 1)
	expectReason(t, err, core.InvalidArgument, "NoQuestion")
	expectReason(t, o.Answer(number+1, []byte(`{}`)), core.InvalidArgument, "NoQuestion")
	expectReason(t, o.Answer(number, []byte(`{`)), core.InvalidArgument, "Answer")
	if err := o.Answer(number, []byte(`{"value": "signed"}`)); err != nil {
		t.Fatal(err)
	}
	expectReason(t, o.Answer(number, []byte(`{"value": "again"}`)), core.InvalidArgument, "NoQuestion")
	if done, _ := await(t, q, o); done.Status != OK || string(got) != `"signed"` {
		t.Fatalf("status %d, got %s", done.Status, got)
	}
}

func TestAskEndsWithTheOperationTheQueueOrAFailedAnswer(t *testing.T) {
	ask := func(ctx context.Context, o *Operation) (Result, error) {
		_, err := o.Ask(context.Background(), Question{Name: "?"})
		return nil, err
	}
	q := newQueue(t)
	o := start(q, 1, ask)
	readable(t, q, 5*time.Second)
	o.Cancel()
	if done, _ := await(t, q, o); done.Status != Cancelled {
		t.Fatalf("status %d", done.Status)
	}

	o = start(q, 2, ask)
	out := make([]Event, 1)
	readable(t, q, 5*time.Second)
	q.Drain(out)
	if err := o.Answer(out[0].Value, []byte(`{"error": "ValueError: no key"}`)); err != nil {
		t.Fatal(err)
	}
	await(t, q, o)
	failed, _ := o.Err()
	expectReason(t, failed, core.InvalidArgument, "CallableFailed")

	o = start(q, 3, ask)
	readable(t, q, 5*time.Second)
	q.Drain(out)
	if err := o.Answer(out[0].Value, []byte(`[1]`)); err != nil {
		t.Fatal(err)
	}
	await(t, q, o)
	failed, _ = o.Err()
	expectReason(t, failed, core.InvalidArgument, "Answer")

	closed := newQueue(t)
	closed.Close()
	o = New(closed)
	_, err := o.Ask(context.Background(), Question{Name: "?"})
	expectReason(t, err, core.Cancelled, "QueueClosed")
}

// Three readers, thousands of operations, a third cancelled or released at random moments: every
// operation completes exactly once and every result is dropped or taken exactly once.
func TestStress(t *testing.T) {
	const queues, each = 3, 3000
	var made, dropped, takenCount atomic.Int64
	var wg sync.WaitGroup
	for n := range queues {
		wg.Go(func() {
			q, err := NewQueue(nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer q.Close()
			rng := rand.New(rand.NewPCG(7, uint64(n)))
			ops := make([]*Operation, each)
			for i := range ops {
				pause := time.Duration(rng.IntN(2000)) * time.Microsecond
				ops[i] = start(q, i+1, func(ctx context.Context, o *Operation) (Result, error) {
					o.Progressed()
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(pause):
					}
					made.Add(1)
					return dropCounter{&dropped}, nil
				})
				switch rng.IntN(9) {
				case 0, 1:
					go ops[i].Cancel()
				case 2:
					go ops[i].Release()
				}
			}
			done := make([]int, each+1)
			out := make([]Event, 64)
			for left := each; left > 0; {
				if !readable(t, q, 10*time.Second) {
					t.Errorf("queue %d: %d completions never came", n, left)
					return
				}
				for _, e := range out[:q.Drain(out)] {
					if e.Kind != Done {
						continue
					}
					left--
					done[e.Op]++
					o := ops[e.Op-1]
					if _, err := Take[dropCounter](o, "a result"); err == nil {
						takenCount.Add(1)
					}
					o.Release()
				}
			}
			for i, d := range done[1:] {
				if d != 1 {
					t.Errorf("operation %d completed %d times", i+1, d)
				}
			}
		})
	}
	wg.Wait()
	if made.Load() != dropped.Load()+takenCount.Load() {
		t.Fatalf("%d results made, %d dropped, %d taken", made.Load(), dropped.Load(), takenCount.Load())
	}
}

type dropCounter struct{ n *atomic.Int64 }

func (d dropCounter) Release() { d.n.Add(1) }
