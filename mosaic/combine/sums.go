package combine

/*
#cgo noescape combine_sum_integers
#cgo nocallback combine_sum_integers
#cgo noescape combine_count
#cgo nocallback combine_count
#cgo noescape combine_sum_of
#cgo nocallback combine_sum_of
#cgo noescape combine_sum_of_integers
#cgo nocallback combine_sum_of_integers
#include "combine.h"
*/
import "C"

import "cogweave/core"

// sums is sum, in int64 where the result is an integer and float64 otherwise, and count.
type sums struct {
	name  string
	dtype core.DType
	fill  float64
	sum   []uint64 // int64 or float64
	count []uint32
	mem   *memory // sum, count
}

func newSums(name string, n int, dtype core.DType, fill float64) *sums {
	s := &sums{name: name, dtype: dtype, mem: take(12 * n)}
	s.sum, s.count = cells[uint64](s.mem, 0, n), cells[uint32](s.mem, 8*n, n)
	s.Reset(fill)
	return s
}

// Reset forgets every value.
func (s *sums) Reset(fill float64) {
	s.fill = fill
	clear(s.sum)
	clear(s.count)
}

// Add counts one item's values in.
func (s *sums) Add(values []byte, src core.DType, valid []byte) {
	n := len(s.count)
	if n == 0 {
		return
	}
	count := (*C.uint32_t)(pointer(s.count))
	switch {
	case s.name == "count":
		C.combine_count(bytePointer(valid), count, C.ptrdiff_t(n))
	case s.dtype.IsFloat():
		C.combine_sum(C.int(src.Index()), pointer(values), bytePointer(valid), count, (*C.double)(pointer(s.sum)), C.ptrdiff_t(n))
	default:
		C.combine_sum_integers(C.int(src.Index()), pointer(values), bytePointer(valid), count, (*C.int64_t)(pointer(s.sum)), C.ptrdiff_t(n))
	}
}

// Full is never true: every item counts.
func (s *sums) Full() bool { return false }

// Valid tells which cells have a sum; all have a count.
func (s *sums) Valid(valid []byte) {
	if s.name == "count" {
		repeat(valid[:len(s.count)], core.UInt8, 1)
		return
	}
	counted(s.count, valid)
}

// Finish writes the sums or counts. A count of no item is 0, not the fill: it has no nodata.
func (s *sums) Finish(dst []byte, stride, rows, cols int) {
	n := len(s.count)
	if n == 0 {
		return
	}
	count := (*C.uint32_t)(pointer(s.count))
	switch {
	case s.name == "count":
		store(dst, s.dtype, stride, rows, cols, s.mem.bytes()[8*n:], core.UInt32)
	case s.dtype.IsFloat():
		C.combine_sum_of(count, (*C.double)(pointer(s.sum)), C.double(s.fill), C.ptrdiff_t(n))
		store(dst, s.dtype, stride, rows, cols, s.mem.bytes(), core.Float64)
	default:
		C.combine_sum_of_integers(count, (*C.int64_t)(pointer(s.sum)), C.int64_t(core.ToInt64(s.fill)), C.ptrdiff_t(n))
		store(dst, s.dtype, stride, rows, cols, s.mem.bytes(), core.Int64)
	}
}

// Release gives the memory back.
func (s *sums) Release() {
	s.mem.release()
	*s = sums{}
}
