package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cogweave/core"
)

// desk signs with a counter, and notes what it was asked.
type desk struct {
	mu    sync.Mutex
	asked [][]string
	again []bool
	query func(n int) string
	hold  chan struct{} // if not nil, received from before each answer
}

func (d *desk) ask(ctx context.Context, hrefs []string, again bool) ([]string, error) {
	if d.hold != nil {
		select {
		case <-d.hold:
		case <-ctx.Done():
			return nil, core.Errorf(core.Cancelled, "", "cancelled")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.again = append(d.asked, hrefs), append(d.again, again)
	out := make([]string, len(hrefs))
	for i, h := range hrefs {
		out[i] = h + "?" + d.query(len(d.asked))
	}
	return out, nil
}

func number(n int) string { return fmt.Sprintf("sig=%d", n) }

func TestSignsOnceAndAgainWhenRefused(t *testing.T) {
	d, book, ctx := &desk{query: number}, NewBook(), context.Background()
	s := New(ctx, book, "f", d.ask)
	for _, c := range []struct {
		again bool
		want  []string
	}{{false, []string{"a?sig=1", "b?sig=1", "a?sig=1"}}, {false, []string{"a?sig=1", "b?sig=1", "a?sig=1"}}, {true, []string{"a?sig=2", "b?sig=2", "a?sig=2"}}, {false, []string{"a?sig=2", "b?sig=2", "a?sig=2"}}} {
		got, err := s.Sign(ctx, []string{"a", "b", "a"}, c.again)
		if err != nil || !slices.Equal(got, c.want) {
			t.Fatalf("%v, %v; want %v", got, err, c.want)
		}
	}
	if len(d.asked) != 2 || !slices.Equal(d.asked[0], []string{"a", "b"}) || d.again[0] || !d.again[1] {
		t.Fatalf("asked %v, again %v", d.asked, d.again)
	}
	// Other operations with the same function share the book, other functions do not.
	if got, _ := New(ctx, book, "f", d.ask).Sign(ctx, []string{"b"}, false); got[0] != "b?sig=2" {
		t.Fatal(got)
	}
	if got, _ := New(ctx, book, "g", d.ask).Sign(ctx, []string{"b"}, false); got[0] != "b?sig=3" {
		t.Fatal(got)
	}
}

func TestSignsAgainShortlyBeforeTheEnd(t *testing.T) {
	lasting := func(left time.Duration) func(int) string {
		return func(n int) string {
			return fmt.Sprintf("X-Amz-Date=%s&X-Amz-Expires=%d&n=%d", time.Now().UTC().Format("20060102T150405Z"), int(left.Seconds()), n)
		}
	}
	ctx := context.Background()
	d := &desk{query: lasting(3 * time.Second)} // a second is lost to the stamp's precision
	s := New(ctx, NewBook(), "f", d.ask)
	start := time.Now()
	for time.Since(start) < 4*time.Second && len(d.asked) < 2 {
		if _, err := s.Sign(ctx, []string{"a"}, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(start); len(d.asked) != 2 || took > 3*time.Second || took < time.Second {
		t.Fatalf("asked %d times after %v", len(d.asked), took)
	}
	now := time.Now()
	at := func(left time.Duration) string { return fmt.Sprintf("u?Expires=%d&Signature=x", now.Add(left).Unix()) }
	if r := renewal(at(time.Hour), now); r.Sub(now) < 58*time.Minute || r.Sub(now) > 59*time.Minute {
		t.Errorf("an hour's signature is renewed after %v", r.Sub(now))
	}
	for _, signed := range []string{"u", at(-time.Hour)} {
		if r := renewal(signed, now); !r.IsZero() {
			t.Errorf("%s is renewed at %v, before it is refused", signed, r)
		}
	}
}

// While one question waits, what else is wanted gathers for the next; what is asked already waits for it.
func TestGathers(t *testing.T) {
	d := &desk{query: number, hold: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := New(ctx, NewBook(), "f", d.ask)
	var callers sync.WaitGroup
	call := func(hrefs ...string) {
		callers.Go(func() {
			if got, err := s.Sign(ctx, hrefs, false); err != nil || len(got) != len(hrefs) || got[0] == "" {
				t.Error(got, err)
			}
		})
	}
	call("a", "b")
	waitFor(t, func() bool { return s.asked.has([]string{"a", "b"}) }, s)
	call("b")
	for i := range 50 {
		call(fmt.Sprint(i), "a")
	}
	waitFor(t, func() bool { return s.next[0] != nil && len(s.next[0].hrefs) == 51 }, s)
	d.hold <- struct{}{}
	d.hold <- struct{}{}
	callers.Wait()
	if len(d.asked) != 2 {
		t.Fatalf("asked %d times", len(d.asked))
	}
}

// Hrefs that are refused while they are being signed again wait for that, and are not asked about twice.
func TestRefusedTogether(t *testing.T) {
	d := &desk{query: number, hold: make(chan struct{}, 1)}
	ctx := context.Background()
	s := New(ctx, NewBook(), "f", d.ask)
	var callers sync.WaitGroup
	refused := func() {
		callers.Go(func() {
			if got, err := s.Sign(ctx, []string{"a"}, true); err != nil || got[0] != "a?sig=1" {
				t.Error(got, err)
			}
		})
	}
	refused()
	waitFor(t, func() bool { return s.asked.has([]string{"a"}) }, s)
	for range 20 {
		refused()
	}
	time.Sleep(20 * time.Millisecond) // for those that would ask again
	waitFor(t, func() bool { return s.next[1] == nil }, s)
	d.hold <- struct{}{}
	callers.Wait()
	close(d.hold)
	if got, err := s.Sign(ctx, []string{"a"}, true); err != nil || got[0] != "a?sig=2" {
		t.Error("refused after it was signed again:", got, err)
	}
	if len(d.asked) != 2 {
		t.Fatalf("asked %d times", len(d.asked))
	}
}

// An href that came back as it went is asked about again after a while, unless it says itself when it ends.
func TestUnsignedIsNotKeptForEver(t *testing.T) {
	b, now := NewBook(), time.Now()
	ends := fmt.Sprintf("u?Expires=%d&Signature=x", now.Add(time.Hour).Unix())
	ended := fmt.Sprintf("u?Expires=%d&Signature=x", now.Add(-time.Hour).Unix())
	for _, c := range []struct {
		href, signed string
		holds        time.Duration
		ends         bool
	}{
		{"public", "public", unsignedFor, true},
		{ended, ended, unsignedFor, true},
		{ends, ends, 58 * time.Minute, false},
		{"private", "private?sig=1", 24 * time.Hour, false},
	} {
		n := name{"f", c.href}
		b.put(n, c.signed, now)
		if _, ok := b.get(n, now.Add(c.holds-time.Second)); !ok {
			t.Errorf("%s is not kept for %v", c.href, c.holds)
		}
		if _, ok := b.get(n, now.Add(c.holds)); ok == c.ends {
			t.Errorf("%s after %v: kept %v", c.href, c.holds, ok)
		}
	}
}

func waitFor(t *testing.T, done func() bool, s *Signer) {
	t.Helper()
	for range 2000 {
		s.mu.Lock()
		ok := done()
		s.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("did not happen")
}

func TestFailures(t *testing.T) {
	ctx := context.Background()
	for what, ask := range map[string]Ask{
		"fails":         func(context.Context, []string, bool) ([]string, error) { return nil, errors.New("no token") },
		"panics":        func(context.Context, []string, bool) ([]string, error) { panic("no token") },
		"gives too few": func(context.Context, []string, bool) ([]string, error) { return []string{"a"}, nil },
		"gives nothing": func(_ context.Context, h []string, _ bool) ([]string, error) { return make([]string, len(h)), nil },
		"breaks lines": func(_ context.Context, h []string, _ bool) ([]string, error) {
			return []string{"http://h/a\r\nX: y", "b"}, nil
		},
	} {
		s := New(ctx, NewBook(), "f", ask)
		for range 2 { // a failure is not remembered, and does not stop the next question
			if got, err := s.Sign(ctx, []string{"a", "b"}, false); err == nil {
				t.Errorf("a function that %s signed: %v", what, got)
			}
		}
	}
	d := &desk{query: number, hold: make(chan struct{})}
	gone, leave := context.WithCancel(ctx)
	s := New(ctx, NewBook(), "f", d.ask)
	time.AfterFunc(20*time.Millisecond, leave)
	if _, err := s.Sign(gone, []string{"a"}, false); core.ClassOf(err) != core.Cancelled {
		t.Error(err)
	}
	close(d.hold)
}

func TestTheBookIsBounded(t *testing.T) {
	b, now := NewBook(), time.Now()
	for i := range 3 * most {
		b.put(name{"f", fmt.Sprint(i)}, "signed", now)
		b.get(name{"f", "0"}, now) // in use: it stays
	}
	if n := len(b.young) + len(b.old); n > 2*most {
		t.Errorf("%d signatures kept", n)
	}
	if _, ok := b.get(name{"f", "0"}, now); !ok {
		t.Error("a signature in use was dropped")
	}
}
