package cogfile

import (
	"context"
	"errors"
	"testing"

	"cogweave/core"
)

// A mask is found strip by strip; rows that have no fill are painted once.
func TestMaskAcrossStrips(t *testing.T) {
	const rows, cols = 9000, 8000 // more than one strip
	r := Raster{Grid: core.Grid{Rows: rows, Cols: cols}, DType: core.UInt8, Layers: []Layer{{}}}
	s, err := newSurface(t.TempDir(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	bare := func(y, x int) bool { return y == rows-1 && x < 10 }
	var painted int
	paint := func(_ context.Context, top, n int, fill *float64, out []byte) error {
		value := byte(0)
		if fill != nil {
			value = byte(*fill)
			painted += n
		}
		for y := range n {
			for x := range cols {
				out[y*cols+x] = 5
				if bare(top+y, x) {
					out[y*cols+x] = value
				}
			}
		}
		return nil
	}
	if err := paint(t.Context(), 0, rows, nil, s.pixels); err != nil {
		t.Fatal(err)
	}
	if err := s.findMask(t.Context(), paint); err != nil {
		t.Fatal(err)
	}
	if painted == 0 || painted >= rows/2 {
		t.Errorf("%d rows were painted again of %d", painted, rows)
	}
	if !s.bare {
		t.Error("the mask is not told to leave cells out")
	}
	for y := range rows {
		for x := range cols {
			if marked := s.mask[y*cols+x] != 0; marked == bare(y, x) {
				t.Fatalf("row %d, column %d: marked %v", y, x, marked)
			}
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
