package op

import (
	"context"
	"testing"
	"time"

	"cogweave/capi/handle"

	"golang.org/x/sys/unix"
)

// BenchmarkCompletion starts operations that do nothing and drains their ends, a thousand at a time as a busy
// event loop does: the cost of one operation from its start to its completion.
func BenchmarkCompletion(b *testing.B) {
	q, err := NewQueue(func() {})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	work := func(context.Context, *Operation) (Result, error) { return other{}, nil }
	out := make([]Event, 256)
	b.ReportAllocs()
	for started := 0; started < b.N; {
		batch := min(1000, b.N-started)
		operations := make([]*Operation, batch)
		for i := range operations {
			operations[i] = New(q)
			operations[i].Handle = handle.Handle(i + 1)
			operations[i].Start(work)
		}
		for done := 0; done < batch; {
			poll := []unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}
			if _, err := unix.Poll(poll, int(5*time.Second/time.Millisecond)); err != nil && err != unix.EINTR {
				b.Fatal(err)
			}
			for _, e := range out[:q.Drain(out)] {
				if e.Kind == Done {
					done++
				}
			}
		}
		for _, o := range operations {
			o.Release()
		}
		started += batch
	}
}
