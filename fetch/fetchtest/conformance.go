package fetchtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Place is where the suite puts the files that the store under test reads.
type Place struct {
	Put    func(name string, data []byte) (href string) // makes or replaces a file
	Remove func(name string)
}

// Pattern gives n bytes, the same for the same seed, no two pages alike.
func Pattern(n int, seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, n)
	_, _ = source.Read(data)
	return data
}

// RunStore checks what the engine relies on in every store.
func RunStore(t *testing.T, s store.Store, place Place) {
	t.Run("ranges", func(t *testing.T) { testRanges(t, s, place) })
	t.Run("identity", func(t *testing.T) { testIdentity(t, s, place) })
	t.Run("replaced", func(t *testing.T) { testReplaced(t, s, place) })
	t.Run("missing", func(t *testing.T) { testMissing(t, s, place) })
	t.Run("empty", func(t *testing.T) { testEmpty(t, s, place) })
	t.Run("early close", func(t *testing.T) { testEarlyClose(t, s, place) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, s, place) })
}

func read(s store.Store, href string, r core.ByteRange, want store.Identity) ([]byte, store.Body, error) {
	body, err := s.ReadRange(context.Background(), store.Request{Href: href, Range: r, Want: want})
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return data, body, err
}

func testRanges(t *testing.T, s store.Store, place Place) {
	data := Pattern(100_000, 1)
	href := place.Put("ranges.bin", data)
	for _, r := range []core.ByteRange{{Start: 0, End: 1}, {Start: 0, End: 100_000}, {Start: 99_999, End: 100_000},
		{Start: 4096, End: 70_001}, {Start: 99_000, End: 200_000}, {Start: 0, End: 1 << 40}} {
		want := store.Clip(r, int64(len(data)))
		got, body, err := read(s, href, r, store.Identity{})
		if err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		if body.Range() != want {
			t.Errorf("%v: the answer's range is %v, want %v", r, body.Range(), want)
		}
		if !bytes.Equal(got, data[want.Start:want.End]) {
			t.Errorf("%v: wrong bytes", r)
		}
	}
	body, err := s.ReadRange(context.Background(), store.Request{Href: href, Range: core.ByteRange{Start: 10, End: 50_010}})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if err := iotest.TestReader(body, data[10:50_010]); err != nil {
		t.Errorf("reading in odd pieces: %v", err)
	}
	if _, _, err := read(s, href, core.ByteRange{Start: 100_000, End: 100_001}, store.Identity{}); reason(err) != "RangeMismatch" {
		t.Errorf("beyond the end: %v", err)
	}
}

func testIdentity(t *testing.T, s store.Store, place Place) {
	href := place.Put("identity.bin", Pattern(1000, 2))
	_, first, err := read(s, href, core.ByteRange{Start: 0, End: 10}, store.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	id := first.Identity()
	if id.Size != 1000 || !id.Strong() {
		t.Fatalf("identity %+v, want a strong tag and 1000 bytes", id)
	}
	_, second, err := read(s, href, core.ByteRange{Start: 500, End: 1000}, id)
	if err != nil || second.Identity() != id {
		t.Errorf("the unchanged file: %v, %+v", err, second)
	}
	if s.Host(href) != s.Host(href+"x") {
		t.Error("two files beside each other are on different hosts")
	}
}

func testReplaced(t *testing.T, s store.Store, place Place) {
	href := place.Put("replaced.bin", Pattern(1000, 3))
	_, body, err := read(s, href, core.ByteRange{Start: 0, End: 10}, store.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	place.Put("replaced.bin", Pattern(1000, 4))
	if _, _, err := read(s, href, core.ByteRange{Start: 10, End: 20}, body.Identity()); class(err) != core.AssetChanged {
		t.Errorf("replaced by a file of the same size: %v", err)
	}
	place.Put("replaced.bin", Pattern(2000, 4))
	if _, _, err := read(s, href, core.ByteRange{Start: 10, End: 20}, store.Identity{Size: 1000}); class(err) != core.AssetChanged {
		t.Errorf("replaced by a file of another size: %v", err)
	}
}

func testMissing(t *testing.T, s store.Store, place Place) {
	href := place.Put("missing.bin", Pattern(10, 5))
	place.Remove("missing.bin")
	_, _, err := read(s, href, core.ByteRange{End: 1}, store.Identity{})
	if class(err) != core.AssetNotFound {
		t.Errorf("a removed file: %v", err)
	}
	var f *store.Fault
	if errors.As(err, &f) && f.Retry != store.Never {
		t.Error("a missing file is to be tried again")
	}
}

func testEmpty(t *testing.T, s store.Store, place Place) {
	href := place.Put("empty.bin", nil)
	data, body, err := read(s, href, core.ByteRange{End: 1000}, store.Identity{})
	if err != nil || len(data) != 0 || body.Range().Len() != 0 {
		t.Errorf("an empty file: %d bytes, %v", len(data), err)
	}
}

func testEarlyClose(t *testing.T, s store.Store, place Place) {
	href := place.Put("close.bin", Pattern(1<<20, 6))
	for range 20 {
		body, err := s.ReadRange(context.Background(), store.Request{Href: href, Range: core.ByteRange{End: 1 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(body, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := body.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func testConcurrent(t *testing.T, s store.Store, place Place) {
	data := Pattern(1<<20, 7)
	href := place.Put("concurrent.bin", data)
	var wait sync.WaitGroup
	for i := range int64(32) {
		wait.Add(1)
		core.Go(func() {
			defer wait.Done()
			r := core.ByteRange{Start: i * 32 << 10, End: (i + 1) * 32 << 10}
			got, _, err := read(s, href, r, store.Identity{})
			if err != nil || !bytes.Equal(got, data[r.Start:r.End]) {
				t.Errorf("%v: wrong bytes, %v", r, err)
			}
		}, func(err error) { t.Error(err) })
	}
	wait.Wait()
}

func class(err error) core.Class {
	var f *store.Fault
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

func reason(err error) string {
	var f *store.Fault
	if errors.As(err, &f) {
		return f.Reason
	}
	return ""
}
