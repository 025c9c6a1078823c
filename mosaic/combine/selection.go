package combine

/*
#cgo noescape combine_first
#cgo nocallback combine_first
#cgo noescape combine_last
#cgo nocallback combine_last
#cgo noescape combine_highest
#cgo nocallback combine_highest
#cgo noescape combine_lowest
#cgo nocallback combine_lowest
#include "combine.h"
*/
import "C"

import "cogweave/core"

// selection is first, last, highest and lowest: the value of one item, unchanged. Of equal values, highest and
// lowest keep the earlier item's.
type selection struct {
	name   string
	dtype  core.DType
	out    []byte
	filled []byte
	empty  int     // cells without a value
	mem    *memory // out, then filled
	cast   *memory // values in dtype, where the source's differs
}

func newSelection(name string, n int, dtype core.DType, fill float64) *selection {
	size := n * dtype.Size()
	s := &selection{name: name, dtype: dtype, mem: take(size + n)}
	s.out, s.filled = s.mem.bytes()[:size], s.mem.bytes()[size:size+n]
	s.Reset(fill)
	return s
}

// Reset forgets every value.
func (s *selection) Reset(fill float64) {
	repeat(s.out, s.dtype, fill)
	clear(s.filled)
	s.empty = len(s.filled)
}

// Add takes the values that the method prefers.
func (s *selection) Add(values []byte, src core.DType, valid []byte) {
	n := len(s.filled)
	if n == 0 {
		return
	}
	if src != s.dtype {
		if s.cast == nil {
			s.cast = take(len(s.out))
		}
		convert(src, s.dtype, values, s.cast.bytes(), n)
		values = s.cast.bytes()
	}
	size, index, count := C.int(s.dtype.Size()), C.int(s.dtype.Index()), C.ptrdiff_t(n)
	var fresh C.ptrdiff_t
	switch s.name {
	case "first":
		fresh = C.combine_first(size, pointer(values), bytePointer(valid), pointer(s.out), bytePointer(s.filled), count)
	case "last":
		fresh = C.combine_last(size, pointer(values), bytePointer(valid), pointer(s.out), bytePointer(s.filled), count)
	case "highest":
		fresh = C.combine_highest(index, pointer(values), bytePointer(valid), pointer(s.out), bytePointer(s.filled), count)
	case "lowest":
		fresh = C.combine_lowest(index, pointer(values), bytePointer(valid), pointer(s.out), bytePointer(s.filled), count)
	}
	s.empty -= int(fresh)
}

// Full tells whether every cell has a value, and, by core.Method.StopsWhenFull, no further item matters.
func (s *selection) Full() bool { return s.name == "first" && s.empty == 0 }

// Valid tells which cells have a value.
func (s *selection) Valid(valid []byte) { copy(valid, s.filled) }

// Finish writes the cells.
func (s *selection) Finish(dst []byte, stride, rows, cols int) {
	size := s.dtype.Size()
	for r := range rows {
		copy(dst[r*stride*size:][:cols*size], s.out[r*cols*size:])
	}
}

// Release gives the memory back.
func (s *selection) Release() {
	s.mem.release()
	s.cast.release()
	*s = selection{}
}
