package combine

import (
	"bytes"
	"testing"

	"cogweave/core"
)

// Place is what first does with one item: values where they are valid, the fill elsewhere, and nothing beside its rows.
func TestPlace(t *testing.T) {
	const rows, cols, stride = 3, 21, 29
	for _, src := range core.DTypes() {
		for _, dst := range []core.DType{src, core.Float64} {
			if dst != src && (src == core.Int64 || src == core.UInt64) {
				continue // float64 does not hold them
			}
			values, valid := make([]float64, rows*cols), make([]byte, rows*cols)
			for i := range values {
				values[i] = float64(i * 2)
				valid[i] = byte(i % 3) // any value but 0 is valid
			}
			const untouched, fill = 0xa5, 7
			out := bytes.Repeat([]byte{untouched}, ((rows-1)*stride+cols)*dst.Size())
			Place(pack(src, values), src, valid, fill, out, dst, stride, rows, cols)
			for at := range (rows-1)*stride + cols {
				row, col := at/stride, at%stride
				got := out[at*dst.Size():][:dst.Size()]
				if col >= cols {
					if !bytes.Equal(got, bytes.Repeat([]byte{untouched}, dst.Size())) {
						t.Fatalf("%s to %s: cell %d beside the rows was written", src, dst, at)
					}
					continue
				}
				want := float64(fill)
				if i := row*cols + col; valid[i] != 0 {
					want = values[i]
				}
				if !bytes.Equal(got, dst.Bytes(want)) {
					t.Fatalf("%s to %s: cell (%d, %d) is %v, want %v", src, dst, row, col, unpack(dst, got), want)
				}
			}
		}
	}
	Place(nil, core.UInt8, nil, 0, nil, core.UInt8, 5, 0, 5) // no cells
}

func TestPlaceWithinItsMemory(t *testing.T) {
	for name, short := range map[string][3]int{"values": {59, 60, 60}, "valid": {60, 59, 60}, "out": {60, 60, 59}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a byte less of %s than is needed was let pass", name)
				}
			}()
			Place(make([]byte, short[0]), core.UInt8, make([]byte, short[1]), 0, make([]byte, short[2]), core.UInt8, 15, 4, 15)
		}()
	}
}
