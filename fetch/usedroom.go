package fetch

import (
	"sync"
	"unsafe"

	"cogweave/core"
)

// usedRoom is a Room of memory that earlier reads had. Fresh memory costs as much as reading a local file into it: the
// kernel clears each page when it is first written, and the collector runs the more often.
type usedRoom struct {
	spares *core.Spares
	refs   []core.TileRef
	mu     sync.Mutex // runs of several files ask at once
	mine   [][]byte
}

var _ Room = (*usedRoom)(nil)

func newUsedRoom(spares *core.Spares, refs []core.TileRef) *usedRoom {
	return &usedRoom{spares: spares, refs: refs, mine: make([][]byte, len(refs))}
}

// For implements Room.
func (u *usedRoom) For(i int) []byte {
	size := int(u.refs[i].Range.Len())
	room := u.spares.TakeRoom(size)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mine[i] = room
	return room[:size:size]
}

// Retain and Release implement Room: memory that a run may still write to is in nobody's hands but the run's.
func (u *usedRoom) Retain()  {}
func (u *usedRoom) Release() {}

// under is the memory that a tile's data lie in, for GiveRoom; nil where it is another call's.
func (u *usedRoom) under(i int, data []byte) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(data) == 0 || unsafe.SliceData(u.mine[i]) != unsafe.SliceData(data) {
		return nil
	}
	return u.mine[i]
}
