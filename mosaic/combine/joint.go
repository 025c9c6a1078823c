package combine

/*
#cgo noescape combine_scale
#cgo nocallback combine_scale
#cgo noescape combine_both
#cgo nocallback combine_both
#cgo noescape combine_without
#cgo nocallback combine_without
#cgo noescape combine_better
#cgo nocallback combine_better
#cgo noescape combine_put
#cgo nocallback combine_put
#cgo noescape combine_fill_empty
#cgo nocallback combine_fill_empty
#include "combine.h"
*/
import "C"

import (
	"cogweave/core"
)

// Layer is one band of one item over a block of cells: values of a type and whether each is valid. An item that lacks
// the band has no values.
type Layer struct {
	Values []byte
	Type   core.DType
	Valid  []byte
}

// Joint collects several bands of a block of cells together, for methods that choose by more than one band. It is not
// safe for concurrent use.
type Joint interface {
	// Add combines one item: a layer for each band. Nothing is kept.
	Add(layers []Layer)
	// Finish writes one band's rows x cols cells of type dtype to dst, stride cells from row to row, with the fill where
	// nothing was chosen. Nothing may be added afterwards.
	Finish(band int, dst []byte, dtype core.DType, fill float64, stride, rows, cols int)
	// Valid writes a byte for each cell: 0 where Finish writes that band's fill, not 0 where it writes a value.
	Valid(band int, valid []byte)
	// Release gives the memory back.
	Release()
}

// Scale writes n values of type src as physical values, scale*value + offset, of type dst: float32 or float64.
func Scale(src, dst core.DType, in, out []byte, scale, offset float64, n int) {
	if n > 0 {
		C.combine_scale(C.int(src.Index()), C.int(dst.Index()), pointer(in), pointer(out), C.double(scale), C.double(offset), C.ptrdiff_t(n))
	}
}

// Both clears valid where other is not set.
func Both(other, valid []byte) {
	if len(valid) > 0 {
		C.combine_both(bytePointer(other[:len(valid)]), bytePointer(valid), C.ptrdiff_t(len(valid)))
	}
}

// best takes all bands from the item whose band of that position is highest, the earliest of equals. A band of it that is
// not valid stays empty.
type best struct {
	band   int
	n      int
	types  []core.DType // of the bands, as they are kept
	values []*memory    // per band: n values, then n bytes of validity
	score  *memory      // n values of types[band], n bytes filled, n bytes to take
	cast   *memory
}

// NewBest makes the accumulator of best(band), for n cells of bands of some types; band is a position among them.
func NewBest(band, n int, types []core.DType) Joint {
	b := &best{band: band, n: n, types: types, values: make([]*memory, len(types))}
	for k, t := range types {
		b.values[k] = take(n * (t.Size() + 1))
		clear(b.values[k].bytes())
	}
	b.score = take(n * (types[band].Size() + 2))
	clear(b.score.bytes())
	return b
}

// as gives a layer's values in another type.
func (b *best) as(l *Layer, t core.DType) []byte {
	if l.Type == t {
		return l.Values
	}
	if b.cast == nil {
		b.cast = take(8 * b.n)
	}
	convert(l.Type, t, l.Values, b.cast.bytes(), b.n)
	return b.cast.bytes()
}

// Add takes the item where its band is higher than every earlier item's.
func (b *best) Add(layers []Layer) {
	n, t := b.n, b.types[b.band]
	l := &layers[b.band]
	if n == 0 || l.Values == nil {
		return
	}
	size := n * t.Size()
	score := b.score.bytes()
	filled, took := score[size:size+n], score[size+n:size+2*n]
	C.combine_better(C.int(t.Index()), pointer(b.as(l, t)), bytePointer(l.Valid), pointer(score), bytePointer(filled), bytePointer(took), C.ptrdiff_t(n))
	for k := range layers {
		m, size := b.values[k].bytes(), b.types[k].Size()
		has := m[n*size : n*size+n]
		if layers[k].Values == nil {
			C.combine_without(bytePointer(took), bytePointer(has), C.ptrdiff_t(n))
			continue
		}
		C.combine_put(C.int(size), pointer(b.as(&layers[k], b.types[k])), bytePointer(layers[k].Valid), bytePointer(took), pointer(m), bytePointer(has), C.ptrdiff_t(n))
	}
}

// Finish writes a band of the items that were chosen.
func (b *best) Finish(band int, dst []byte, dtype core.DType, fill float64, stride, rows, cols int) {
	finish(b.values[band], b.n, b.types[band], dst, dtype, fill, stride, rows, cols)
}

// Valid tells where the items that were chosen have the band.
func (b *best) Valid(band int, valid []byte) {
	copy(valid[:b.n], b.values[band].bytes()[b.n*b.types[band].Size():])
}

// Release gives the memory back.
func (b *best) Release() {
	for _, m := range b.values {
		m.release()
	}
	b.score.release()
	b.cast.release()
	*b = best{}
}

// finish writes n values of a type, with n bytes of validity behind them, as cells of another.
func finish(m *memory, n int, t core.DType, dst []byte, dtype core.DType, fill float64, stride, rows, cols int) {
	if n == 0 {
		return
	}
	has := m.bytes()[n*t.Size() : n*t.Size()+n]
	out := take(n * dtype.Size())
	defer out.release()
	convert(t, dtype, m.bytes(), out.bytes(), n)
	one := dtype.Bytes(fill)
	C.combine_fill_empty(C.int(dtype.Size()), pointer(out.bytes()), bytePointer(has), pointer(one), C.ptrdiff_t(n))
	store(dst, dtype, stride, rows, cols, out.bytes(), dtype)
}
