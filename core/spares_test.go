package core

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSparesServeTheirSize(t *testing.T) {
	s := &Spares{}
	p := s.Take(1000)
	p[0] = 7
	s.Give(p)
	if other := s.Take(999); other[0] == 7 {
		t.Error("memory of another size was given")
	}
	if again := s.Take(1000); again[0] != 7 {
		t.Error("memory was made although some waited")
	}
	room := s.TakeRoom(1000)
	room[0] = 9
	s.GiveRoom(room)
	if again := s.TakeRoom(990); len(again) != 990 || again[0] != 9 {
		t.Error("a room a little larger did not serve")
	}
}

func TestSparesHaveABound(t *testing.T) {
	s := &Spares{Most: func() int64 { return 3000 }}
	for range 4 {
		s.Give(make([]byte, 1000))
	}
	if n := len(s.free[1000]); n != 3 || s.bytes != 3000 {
		t.Errorf("%d pieces of %d bytes wait, the bound is 3 of 3000", n, s.bytes)
	}
}

// TestSparesOfAnOldSizeMakeRoom: tiles of the next files find room, if theirs are wanted now, and not those before them.
func TestSparesOfAnOldSizeMakeRoom(t *testing.T) {
	s := &Spares{Most: func() int64 { return 3000 }}
	waiting := func(old, young int) {
		t.Helper()
		if len(s.free[1000]) != old || len(s.free[1500]) != young || s.bytes != int64(1000*old+1500*young) {
			t.Fatalf("%d of 1000 and %d of 1500 wait, %d bytes; want %d and %d", len(s.free[1000]), len(s.free[1500]), s.bytes, old, young)
		}
	}
	first, second := s.Take(1500), s.Take(1500)
	s.Take(1000)
	for range 3 {
		s.Give(make([]byte, 1000))
	}
	s.Give(first) // wanted longer ago than what waits
	waiting(3, 0)
	s.Take(1500)
	s.Give(first)
	waiting(1, 1)
	s.Give(second)
	waiting(0, 2)
	s.Give(make([]byte, 3001)) // more than there may ever be: nothing goes for it
	waiting(0, 2)
}

// TestSparesGo checks that nothing waits for ever, nor goes while it is used again and again.
func TestSparesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Spares{}
		waiting := func() int64 {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.bytes
		}
		s.Give(make([]byte, 10))
		for range 5 {
			time.Sleep(sparesIdle * 3 / 4)
			s.Give(s.Take(10))
		}
		if b := waiting(); b != 10 {
			t.Errorf("%d bytes wait after use, want 10", b)
		}
		time.Sleep(2 * sparesIdle)
		if b := waiting(); b != 0 {
			t.Errorf("%d bytes still wait", b)
		}
		s.Give(make([]byte, 10))
		time.Sleep(2 * sparesIdle)
		if b := waiting(); b != 0 {
			t.Errorf("%d bytes still wait the second time", b)
		}
	})
}
