package cogfile

import (
	"errors"
	"testing"

	"cogweave/core"
)

// A cell is masked where no layer has data for it, and there is no mask where some layer has for each.
func TestMaskJoinsLayers(t *testing.T) {
	const rows, cols = 3, 1000
	for _, dtype := range []core.DType{core.UInt8, core.Int64} {
		r := Raster{Grid: core.Grid{Rows: rows, Cols: cols}, DType: dtype, Layers: make([]Layer, 3)}
		s, err := newSurface(t.TempDir(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		bare := func(y, x int) bool { return y == rows-1 && x%7 == 0 }
		for i := range s.valid {
			if layer, y, x := i/(rows*cols), i/cols%rows, i%cols; !bare(y, x) && x%3 == layer {
				s.valid[i] = 1
			}
		}
		if err := s.findMask(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, v := range s.mask {
			if want := !bare(i/cols, i%cols); v != 0 && v != 255 || (v != 0) != want {
				t.Fatalf("%s: cell %d has %d", dtype, i, v)
			}
		}
		if len(s.mask) != rows*cols {
			t.Fatalf("%s: a mask of %d cells", dtype, len(s.mask))
		}
		s.mask = nil
		for i := rows*cols - cols; i < rows*cols; i++ {
			s.valid[i] = 1
		}
		if err := s.findMask(t.Context()); err != nil || s.mask != nil {
			t.Fatalf("%s: %v, a mask that leaves nothing out: %v", dtype, err, s.mask != nil)
		}
	}
}

// The space is taken before anything is painted.
func TestNoSpaceIsAnErrorAtOnce(t *testing.T) {
	r := Raster{Grid: core.Grid{Rows: 1 << 21, Cols: 1 << 21}, DType: core.Float64, NoData: core.NoData{Set: true}, Layers: []Layer{{}}}
	_, err := newSurface(t.TempDir(), r)
	if err == nil {
		t.Fatal("35 TB were found on this disk")
	}
	var own *core.Error
	if got := failed("m.tif", err); !errors.As(got, &own) || own.Reason != CannotWrite {
		t.Fatalf("%v", got)
	}
}
