package table

import (
	"fmt"
	"math"

	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
)

var noBox = [4]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}

func known(box [4]float64) bool { return !math.IsNaN(box[0] + box[1] + box[2] + box[3]) }

// boxReader reads the bbox column: a struct of sides, or a list of four numbers, or of six with heights.
type boxReader struct {
	sides [4]func(i int) (float64, bool)
	whole arrow.Array // the struct, whose nulls its fields need not repeat
	list  numbersReader
}

func newBoxReader(a arrow.Array) boxReader {
	sides := structFields(a)
	r := boxReader{whole: a}
	if sides.arrays == nil {
		if a != nil {
			r.list = newNumbersReader(a)
		}
		return r
	}
	for i, name := range [...]string{"xmin", "ymin", "xmax", "ymax"} {
		r.sides[i] = numberAt(sides.get(name))
		if r.sides[i] == nil {
			return boxReader{}
		}
	}
	return r
}

// get gives the box of a row, NaN where it has none.
func (r *boxReader) get(row int) ([4]float64, error) {
	box := noBox
	if r.whole == nil || r.whole.IsNull(row) {
		return box, nil
	}
	if r.sides[0] != nil {
		for i, side := range r.sides {
			if v, ok := side(row); ok {
				box[i] = v
			}
		}
		return box, nil
	}
	var values [6]float64
	n, err := r.list.read(row, values[:])
	switch {
	case err != nil || n == 0:
		return box, err
	case n == 4:
		return [4]float64(values[:4]), nil
	case n == 6:
		return [4]float64{values[0], values[1], values[3], values[4]}, nil
	}
	return box, fmt.Errorf("it has %d numbers, not 4 or 6", n)
}

// boundsOf gives the bounds of a footprint in well-known binary.
func boundsOf(wkb []byte) [4]float64 {
	if box, ok := region.BoundsWKB(wkb); ok {
		return box
	}
	return noBox
}
