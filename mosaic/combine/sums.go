package combine

// #include "combine.h"
import "C"

import (
	"unsafe"

	"cogweave/core"
)

// sums is sum, in int64 where the result is an integer and float64 otherwise, and count.
type sums struct {
	name     string
	dtype    core.DType
	fill     float64
	count    []uint32
	floats   []float64
	integers []int64
	cast     []byte
}

func newSums(name string, n int, dtype core.DType, fill float64) *sums {
	s := &sums{name: name, dtype: dtype, fill: fill, count: make([]uint32, n)}
	switch {
	case name == "count":
	case dtype.IsFloat():
		s.floats = make([]float64, n)
	default:
		s.integers = make([]int64, n)
	}
	return s
}

// Add counts one item's values in.
func (s *sums) Add(values []byte, src core.DType, valid []byte) {
	n := len(s.count)
	if n == 0 {
		return
	}
	count := (*C.uint32_t)(pointer(s.count))
	if s.name == "count" {
		C.combine_count(bytePointer(valid), count, C.ptrdiff_t(n))
		return
	}
	if s.cast == nil {
		s.cast = make([]byte, n*8)
	}
	if s.floats != nil {
		convert(src, core.Float64, values, s.cast, n)
		C.combine_sum((*C.double)(pointer(s.cast)), bytePointer(valid), count, (*C.double)(pointer(s.floats)), C.ptrdiff_t(n))
		return
	}
	convert(src, core.Int64, values, s.cast, n)
	C.combine_sum_integers((*C.int64_t)(pointer(s.cast)), bytePointer(valid), count, (*C.int64_t)(pointer(s.integers)), C.ptrdiff_t(n))
}

// Full is never true: every item counts.
func (s *sums) Full() bool { return false }

// Finish writes the sums or counts. A count of no item is 0, not the fill: it has no nodata.
func (s *sums) Finish(dst []byte, stride, height, cols int) {
	n := len(s.count)
	packed := make([]byte, n*s.dtype.Size())
	switch {
	case s.name == "count":
		convert(core.UInt32, s.dtype, unsafe.Slice((*byte)(pointer(s.count)), n*4), packed, n)
	case s.floats != nil:
		convert(core.Float64, s.dtype, unsafe.Slice((*byte)(pointer(s.floats)), n*8), packed, n)
	default:
		convert(core.Int64, s.dtype, unsafe.Slice((*byte)(pointer(s.integers)), n*8), packed, n)
	}
	if s.name == "sum" {
		fill := s.dtype.Bytes(s.fill)
		for i, c := range s.count {
			if c == 0 {
				copy(packed[i*len(fill):], fill)
			}
		}
	}
	rows(dst, packed, stride, height, cols, s.dtype.Size())
}
