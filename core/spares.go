package core

import (
	"math/bits"
	"sync"
	"time"
)

const (
	sparesMost = 64 << 20    // bytes that wait for their next use, at most
	sparesIdle = time.Second // how long they wait
)

// Spares keep the memory of tiles and pixels for the next of the same size. Fresh memory costs a fault for each page, which
// takes longer than to fill it; a sync.Pool would lose it to the collector, which runs often while tiles are fetched.
// The zero value is ready.
type Spares struct {
	// Most, if set, gives another bound of the bytes that wait; the lesser counts.
	Most func() int64

	mu      sync.Mutex
	free    map[int][][]byte // by size, the latest used last
	asked   map[int]int64    // by size: when it was last wanted, counted in takes
	takes   int64
	bytes   int64
	used    time.Time
	waiting bool // for the end of sparesIdle
}

// Take gives memory of exactly that size, whatever is in it.
func (s *Spares) Take(size int) []byte {
	s.mu.Lock()
	s.used = time.Now()
	if s.asked == nil {
		s.asked = map[int]int64{}
	}
	s.takes++
	s.asked[size] = s.takes
	p := s.pop(size)
	s.mu.Unlock()
	if p == nil {
		p = make([]byte, size)
	}
	return p
}

// pop gives the piece of that size that was used last, or nil. The lock is held.
func (s *Spares) pop(size int) []byte {
	list := s.free[size]
	if len(list) == 0 {
		return nil
	}
	p := list[len(list)-1]
	list[len(list)-1] = nil
	s.free[size] = list[:len(list)-1]
	s.bytes -= int64(size)
	return p
}

// Give takes memory back that nobody uses any more. What there is no room for goes to the collector.
func (s *Spares) Give(p []byte) {
	most := int64(sparesMost)
	if s.Most != nil {
		most = min(most, s.Most())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.makeRoom(len(p), most) {
		return
	}
	if s.free == nil {
		s.free = map[int][][]byte{}
	}
	s.free[len(p)] = append(s.free[len(p)], p)
	s.bytes += int64(len(p))
	s.used = time.Now()
	if !s.waiting {
		s.waiting = true
		s.wait(sparesIdle)
	}
}

// makeRoom tells whether a piece of that size may wait too. Those of sizes that were not wanted for longer go for it: the
// files that had such tiles may have been read. The lock is held.
func (s *Spares) makeRoom(size int, most int64) bool {
	for int64(size) <= most && s.bytes+int64(size) > most {
		oldest := size
		for other, list := range s.free {
			if len(list) > 0 && s.asked[other] < s.asked[oldest] {
				oldest = other
			}
		}
		if oldest == size {
			return false
		}
		s.pop(oldest)
	}
	return int64(size) <= most
}

func (s *Spares) wait(d time.Duration) { time.AfterFunc(d, func() { Go(s.emptyIfIdle, nil) }) }

// emptyIfIdle lets all of it go when none was wanted for as long as it may wait.
func (s *Spares) emptyIfIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := sparesIdle - time.Since(s.used); left > 0 {
		s.wait(left)
		return
	}
	s.free, s.asked, s.bytes, s.waiting = nil, nil, 0, false
}

// TakeRoom is Take for sizes that differ from one to the next: the memory is up to an eighth larger, so that it serves others later.
func (s *Spares) TakeRoom(size int) []byte {
	step := max(64, 1<<max(0, bits.Len(uint(size))-4))
	return s.Take((size + step - 1) &^ (step - 1))[:size]
}

// GiveRoom takes back what TakeRoom gave.
func (s *Spares) GiveRoom(p []byte) { s.Give(p[:cap(p)]) }

// Waiting is the number of pieces of a size that wait for their next use.
func (s *Spares) Waiting(size int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.free[size])
}
