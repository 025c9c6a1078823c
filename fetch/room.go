package fetch

import (
	"context"

	"cogweave/core"
)

// Room is memory of a caller's that tiles may be read into, so that none needs to be copied there. Retain
// and Release count those who may still write to it: a request can outlive the call that it was made for.
type Room interface {
	// For is the memory for the tile of a call's refs[i], as long as the tile.
	For(i int) []byte
	Retain()
	Release()
}

// Into gives a source for one call of Tiles, whose tiles are read into room where the Client itself keeps
// none. What done is told then lies in the room, or is to be copied there; how much of a tile that failed
// is in the room is unknown.
func (c *Client) Into(room Room) core.TileSource { return roomed{c, room} }

type roomed struct {
	client *Client
	room   Room
}

// Tiles implements core.TileSource.
func (r roomed) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	room := r.room
	if r.client.Effective().TileCacheBytes > 0 {
		room = nil // what is kept must not be the caller's
	}
	r.client.fetch(ctx, refs, true, room, done)
}

// enter gives the run a share of its owner's room, whatever becomes of the owner from then on. The caller
// holds the table's lock.
func (r *run) enter() {
	if r.owner.room != nil {
		r.room = r.owner.room
		r.room.Retain()
	}
}

// end is called by the goroutine that claimed the run, when it has carried it out.
func (r *run) end() {
	r.cancel()
	if r.room != nil {
		r.room.Release()
	}
}

// memory is what a tile is read into. Memory of exactly its size keeps no neighbour's alive.
func (r *run) memory(t *tile) []byte {
	if r.room != nil {
		return r.room.For(t.order)
	}
	return make([]byte, t.key.bytes.Len())
}

// theirs is data for those who wait for it in other calls than the room's.
func (r *run) theirs(data []byte) []byte {
	if r.room == nil {
		return data
	}
	copied := make([]byte, len(data))
	copy(copied, data)
	return copied
}
