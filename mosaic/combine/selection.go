package combine

// #include "combine.h"
import "C"

import "cogweave/core"

// selection is first, last, highest and lowest: the value of one item, unchanged.
type selection struct {
	name   string
	dtype  core.DType
	out    []byte
	filled []byte
	empty  int    // cells without a value
	cast   []byte // values in dtype, where the source's differs
}

func newSelection(name string, n int, dtype core.DType, fill float64) *selection {
	s := &selection{name: name, dtype: dtype, out: make([]byte, n*dtype.Size()), filled: make([]byte, n), empty: n}
	repeat(s.out, dtype, fill)
	return s
}

// Add takes the values that the method prefers.
func (s *selection) Add(values []byte, src core.DType, valid []byte) {
	n := len(s.filled)
	if n == 0 {
		return
	}
	if src != s.dtype {
		if s.cast == nil {
			s.cast = make([]byte, len(s.out))
		}
		convert(src, s.dtype, values, s.cast, n)
		values = s.cast
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

// Full tells whether every cell has a value.
func (s *selection) Full() bool { return s.empty == 0 }

// Finish writes the cells.
func (s *selection) Finish(dst []byte, stride, height, cols int) {
	rows(dst, s.out, stride, height, cols, s.dtype.Size())
}
