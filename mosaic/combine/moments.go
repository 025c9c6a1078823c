package combine

// #include "combine.h"
import "C"

import (
	"unsafe"

	"cogweave/core"
)

// moments is mean and stdev, in float64 by item order. stdev is the population's (ddof 0), as
// numpy.nanstd's default.
type moments struct {
	name    string
	dtype   core.DType
	fill    float64
	count   []uint32
	sum     []float64 // mean: the sum; stdev: the running mean
	squares []float64
	cast    []float64
}

func newMoments(name string, n int, dtype core.DType, fill float64) *moments {
	m := &moments{name: name, dtype: dtype, fill: fill, count: make([]uint32, n), sum: make([]float64, n), cast: make([]float64, n)}
	if name == "stdev" {
		m.squares = make([]float64, n)
	}
	return m
}

// Add counts one item's values in.
func (m *moments) Add(values []byte, src core.DType, valid []byte) {
	n := len(m.count)
	if n == 0 {
		return
	}
	convert(src, core.Float64, values, unsafe.Slice((*byte)(pointer(m.cast)), n*8), n)
	cast, count, sum := (*C.double)(pointer(m.cast)), (*C.uint32_t)(pointer(m.count)), (*C.double)(pointer(m.sum))
	if m.name == "stdev" {
		C.combine_stdev(cast, bytePointer(valid), count, sum, (*C.double)(pointer(m.squares)), C.ptrdiff_t(n))
		return
	}
	C.combine_mean(cast, bytePointer(valid), count, sum, C.ptrdiff_t(n))
}

// Full is never true: every item counts.
func (m *moments) Full() bool { return false }

// Finish writes the means or deviations.
func (m *moments) Finish(dst []byte, stride, height, cols int) {
	n := len(m.count)
	if n == 0 {
		return
	}
	count, out := (*C.uint32_t)(pointer(m.count)), (*C.double)(pointer(m.cast))
	if m.name == "stdev" {
		C.combine_stdev_of(count, (*C.double)(pointer(m.squares)), C.double(m.fill), out, C.ptrdiff_t(n))
	} else {
		C.combine_mean_of(count, (*C.double)(pointer(m.sum)), C.double(m.fill), out, C.ptrdiff_t(n))
	}
	finishFloat64(m.cast, m.dtype, dst, stride, height, cols)
}
