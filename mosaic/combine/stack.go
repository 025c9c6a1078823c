package combine

// #include "combine.h"
import "C"

import (
	"unsafe"

	"cogweave/core"
)

// stack is median and percentile: it keeps every item's values until the end.
type stack struct {
	q      float64
	n      int
	dtype  core.DType
	fill   float64
	items  int
	values []float64
	valid  []byte
}

func newStack(q float64, n int, dtype core.DType, fill float64) *stack {
	return &stack{q: q, n: n, dtype: dtype, fill: fill}
}

// Add keeps one item's values.
func (s *stack) Add(values []byte, src core.DType, valid []byte) {
	if s.n == 0 {
		return
	}
	start := len(s.values)
	s.values = append(s.values, make([]float64, s.n)...)
	plane := s.values[start:]
	convert(src, core.Float64, values, unsafe.Slice((*byte)(pointer(plane)), s.n*8), s.n)
	s.valid = append(s.valid, valid[:s.n]...)
	s.items++
}

// Full is never true: every item counts.
func (s *stack) Full() bool { return false }

// Finish writes the quantiles.
func (s *stack) Finish(dst []byte, stride, height, cols int) {
	result := make([]float64, s.n)
	if s.items == 0 {
		for i := range result {
			result[i] = s.fill
		}
	} else {
		sorted := make([]float64, s.items)
		C.combine_quantile((*C.double)(pointer(s.values)), bytePointer(s.valid), C.int(s.items), C.double(s.q), C.double(s.fill),
			(*C.double)(pointer(sorted)), (*C.double)(pointer(result)), C.ptrdiff_t(s.n))
	}
	finishFloat64(result, s.dtype, dst, stride, height, cols)
}
