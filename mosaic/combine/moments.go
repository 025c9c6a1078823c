package combine

/*
#cgo noescape combine_sum
#cgo nocallback combine_sum
#cgo noescape combine_stdev
#cgo nocallback combine_stdev
#cgo noescape combine_counted
#cgo nocallback combine_counted
#cgo noescape combine_mean_of
#cgo nocallback combine_mean_of
#cgo noescape combine_stdev_of
#cgo nocallback combine_stdev_of
#include "combine.h"
*/
import "C"

import "cogweave/core"

// moments is mean and stdev, in float64 by item order. stdev is the population's (ddof 0), as
// numpy.nanstd's default.
type moments struct {
	name    string
	dtype   core.DType
	fill    float64
	sum     []float64 // mean: the sum; stdev: the running mean
	squares []float64
	count   []uint32
	mem     *memory // sum, squares, count
}

func newMoments(name string, n int, dtype core.DType, fill float64) *moments {
	m := &moments{name: name, dtype: dtype, mem: take(20 * n)}
	m.sum = cells[float64](m.mem, 0, n)
	if name == "stdev" {
		m.squares = cells[float64](m.mem, 8*n, n)
	}
	m.count = cells[uint32](m.mem, 16*n, n)
	m.Reset(fill)
	return m
}

// Reset forgets every value.
func (m *moments) Reset(fill float64) {
	m.fill = fill
	clear(m.sum)
	clear(m.squares)
	clear(m.count)
}

// Add counts one item's values in.
func (m *moments) Add(values []byte, src core.DType, valid []byte) {
	n := len(m.count)
	if n == 0 {
		return
	}
	count, sum := (*C.uint32_t)(pointer(m.count)), (*C.double)(pointer(m.sum))
	if m.name == "stdev" {
		C.combine_stdev(C.int(src.Index()), pointer(values), bytePointer(valid), count, sum, (*C.double)(pointer(m.squares)), C.ptrdiff_t(n))
		return
	}
	C.combine_sum(C.int(src.Index()), pointer(values), bytePointer(valid), count, sum, C.ptrdiff_t(n))
}

// Full is never true: every item counts.
func (m *moments) Full() bool { return false }

// Valid tells which cells some value counted for.
func (m *moments) Valid(valid []byte) { counted(m.count, valid) }

// counted tells which counts are not 0.
func counted(count []uint32, valid []byte) {
	if n := len(count); n > 0 {
		C.combine_counted((*C.uint32_t)(pointer(count)), bytePointer(valid[:n]), C.ptrdiff_t(n))
	}
}

// Finish writes the means or deviations.
func (m *moments) Finish(dst []byte, stride, rows, cols int) {
	n := len(m.count)
	if n == 0 {
		return
	}
	from := 0
	if m.name == "stdev" {
		from = 8 * n
		C.combine_stdev_of((*C.uint32_t)(pointer(m.count)), (*C.double)(pointer(m.squares)), C.double(m.fill), C.ptrdiff_t(n))
	} else {
		C.combine_mean_of((*C.uint32_t)(pointer(m.count)), (*C.double)(pointer(m.sum)), C.double(m.fill), C.ptrdiff_t(n))
	}
	store(dst, m.dtype, stride, rows, cols, m.mem.bytes()[from:], core.Float64)
}

// Release gives the memory back.
func (m *moments) Release() {
	m.mem.release()
	*m = moments{}
}
