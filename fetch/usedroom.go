package fetch

import (
	"math/bits"
	"sync"
	"unsafe"

	"cogweave/core"
)

// usedRoom is a Room of memory that earlier reads had. Fresh memory costs as much as reading a local file into it: the
// kernel clears each page when it is first written, and the collector runs the more often.
type usedRoom struct {
	refs []core.TileRef
	mu   sync.Mutex // runs of several files ask at once
	mine [][]byte
}

var _ Room = (*usedRoom)(nil)

func newUsedRoom(refs []core.TileRef) *usedRoom {
	return &usedRoom{refs: refs, mine: make([][]byte, len(refs))}
}

// For implements Room.
func (u *usedRoom) For(i int) []byte {
	data := takeUsed(int(u.refs[i].Range.Len()))
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mine[i] = data
	return data
}

// Retain and Release implement Room: memory that a run may still write to is in nobody's hands but the run's.
func (u *usedRoom) Retain()  {}
func (u *usedRoom) Release() {}

// gave tells whether data is the room's memory for a tile: it may be another call's.
func (u *usedRoom) gave(i int, data []byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(data) > 0 && unsafe.SliceData(u.mine[i]) == unsafe.SliceData(data)
}

// leastUsed is the size from which on memory is used again: smaller pieces are the allocator's to keep.
const leastUsed = 64 << 10

// used holds memory by its size, of usedSize.
var used sync.Map // size -> *sync.Pool of *byte

// usedSize is the memory that serves a tile of so many bytes: an eighth more at most, so that it serves tiles of other
// lengths too.
func usedSize(size int) int {
	step := 1 << (bits.Len(uint(size)) - 4)
	return (size + step - 1) &^ (step - 1)
}

func takeUsed(size int) []byte {
	if size < leastUsed {
		return make([]byte, size)
	}
	room := usedSize(size)
	if pool, ok := used.Load(room); ok {
		if data, ok := pool.(*sync.Pool).Get().(*byte); ok {
			return unsafe.Slice(data, room)[:size:size]
		}
	}
	return make([]byte, room)[:size:size]
}

// giveUsed takes what takeUsed gave.
func giveUsed(data []byte) {
	if len(data) < leastUsed {
		return
	}
	room := usedSize(len(data))
	pool, ok := used.Load(room)
	if !ok {
		pool, _ = used.LoadOrStore(room, &sync.Pool{})
	}
	pool.(*sync.Pool).Put(unsafe.SliceData(data))
}
