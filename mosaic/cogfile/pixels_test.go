package cogfile

import (
	"testing"

	"cogweave/core"
)

// Rows of every size of pixel are marked where they agree, and pixels that only resemble each other are not.
func TestMarks(t *testing.T) {
	const cols = 2500 // more than are looked at together, and not a multiple
	for _, dtype := range []core.DType{core.UInt8, core.Int16, core.UInt32, core.Int64} {
		r := Raster{Grid: core.Grid{Rows: 1, Cols: cols}, DType: dtype, Layers: []Layer{{}, {}}}
		s, err := newSurface(t.TempDir(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		size := dtype.Size()
		for i := range s.pixels {
			s.pixels[i] = 3
		}
		if s.hasFill(0, 1) {
			t.Errorf("%s: a fill is found where none is", dtype)
		}
		again := [][]byte{append([]byte{}, s.row(0, 0)...), append([]byte{}, s.row(1, 0)...)}
		for x := range cols {
			if x%7 != 0 {
				again[0][x*size+x%size]++ // one byte of it
			}
			if x%5 != 0 {
				again[1][x*size+x%size]++
			}
		}
		s.markRow(0, again)
		for x := range cols {
			var value uint64
			for k := range size {
				value |= uint64(s.mask[x*size+k]) << (8 * k)
			}
			if want := x%7 == 0 || x%5 == 0; value != 0 && value != mark || (value == mark) != want {
				t.Fatalf("%s: pixel %d is marked %d", dtype, x, value)
			}
		}
		if !s.bare {
			t.Errorf("%s: the mask is not told to leave cells out", dtype)
		}
		clear(s.row(1, 0)[(cols-1)*size:])
		if !s.hasFill(0, 1) {
			t.Errorf("%s: the last pixel's fill is not found", dtype)
		}
		s.bare = false
		if s.markRow(0, nil); s.bare || s.someZero(s.mask) {
			t.Errorf("%s: not all of a row is marked", dtype)
		}
	}
}
