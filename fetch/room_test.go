package fetch_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"unsafe"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// room is memory whose shares are counted.
type room struct {
	tiles  [][]byte
	shares atomic.Int64
}

func newRoom(refs []core.TileRef) *room {
	r := &room{tiles: make([][]byte, len(refs))}
	for i, ref := range refs {
		r.tiles[i] = make([]byte, ref.Range.Len())
	}
	return r
}

func (r *room) For(i int) []byte { return r.tiles[i] }
func (r *room) Retain()          { r.shares.Add(1) }
func (r *room) Release()         { r.shares.Add(-1) }

func (r *room) holds(i int, data []byte) bool {
	return len(data) == len(r.tiles[i]) && unsafe.SliceData(data) == unsafe.SliceData(r.tiles[i])
}

func TestTilesAreReadIntoARoom(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.TileCacheBytes = -1
	c := newClient(t, cfg)
	refs := f.refs(core.ByteRange{Start: 50_000, End: 60_000}, core.ByteRange{Start: 100, End: 700}, core.ByteRange{Start: 700, End: 900})
	f.server.Script(f.path, fetchtest.CutAfter(3000, true), fetchtest.Serve) // resumed in the middle of a tile
	r := newRoom(refs)
	got := tiles(context.Background(), c.Into(r), refs)
	f.check(t, refs, got)
	for i := range refs {
		if !r.holds(i, got[i].data) {
			t.Errorf("tile %d is not in the room", i)
		}
	}
	wait(t, "the room to be left", func() bool { return r.shares.Load() == 0 })
}

// What is kept must not be a caller's, who may do with its memory as it likes.
func TestKeptTilesAreNotInARoom(t *testing.T) {
	f := newFile(t, 100_000)
	c := newClient(t, quick())
	refs := f.refs(core.ByteRange{Start: 100, End: 700})
	r := newRoom(refs)
	got := tiles(context.Background(), c.Into(r), refs)
	f.check(t, refs, got)
	if r.holds(0, got[0].data) {
		t.Error("a tile that is kept is in the room")
	}
	clear(r.tiles[0])
	f.check(t, refs, tiles(context.Background(), c, refs))
	if n := len(f.server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A request goes on for another call when the one that it was made for has left: its memory must stay until
// the last byte is written, and the other call gets bytes of its own.
func TestRoomOutlivesItsCall(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.TileCacheBytes = -1
	c := newClient(t, cfg)
	refs := f.refs(core.ByteRange{Start: 100, End: 90_100})
	going, halfway := make(chan struct{}), make(chan struct{})
	f.server.Script(f.path, func(x *fetchtest.Exchange) {
		x.Head(206, "Content-Range", "bytes 100-90099/100000", "Content-Length", "90000", "ETag", `"v1"`)
		x.Body(f.data[100:5000])
		close(halfway)
		<-going
		x.Body(f.data[5000:90_100])
	})
	r := newRoom(refs)
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan []result)
	core.Go(func() { left <- tiles(ctx, c.Into(r), refs) }, nil)
	<-halfway
	stays := make(chan []result)
	core.Go(func() { stays <- tiles(context.Background(), c, refs) }, nil)
	wait(t, "the second call", func() bool { return c.Stats().TileHits == 1 })
	leave()
	if got := <-left; core.ClassOf(got[0].err) != core.Cancelled {
		t.Errorf("the call that left: %v", got[0].err)
	}
	if n := r.shares.Load(); n != 1 {
		t.Errorf("%d shares of the room while it is written to", n)
	}
	close(going)
	got := <-stays
	f.check(t, refs, got)
	if r.holds(0, got[0].data) {
		t.Error("the other call got the room's memory")
	}
	wait(t, "the room to be left", func() bool { return r.shares.Load() == 0 })
	if n := len(f.server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A request that has not begun when its call leaves is made in memory of its own.
func TestRoomIsNotEnteredAfterItsCall(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.TileCacheBytes, cfg.MaxRequests = -1, 1 // each call carries out one run at a time, in order
	c := newClient(t, cfg)
	refs := f.refs(core.ByteRange{Start: 10_000, End: 20_000}, core.ByteRange{Start: 50_000, End: 60_000}, core.ByteRange{Start: 80_000, End: 90_000})
	going := make(chan struct{})
	f.server.Script(f.path, fetchtest.Until(going, fetchtest.Serve))
	r := newRoom(refs)
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan []result)
	core.Go(func() { left <- tiles(ctx, c.Into(r), refs) }, nil)
	wait(t, "the first request", func() bool { return len(f.server.Requests()) == 1 })
	stays := make(chan []result)
	core.Go(func() { stays <- tiles(context.Background(), c, refs[1:]) }, nil)
	wait(t, "the second call to begin the second run", func() bool { return c.Stats().TileHits == 2 && r.shares.Load() == 2 })
	leave()
	<-left
	close(going)
	f.check(t, refs[1:], <-stays)
	wait(t, "the room to be left", func() bool { return r.shares.Load() == 0 })
	if !bytes.Equal(r.tiles[2], make([]byte, 10_000)) {
		t.Error("a run that began after its call had left wrote to the room")
	}
}

var _ fetch.Room = (*room)(nil)
