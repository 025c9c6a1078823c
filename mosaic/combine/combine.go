// Package combine makes one value of the values that the items of a time step have for a cell: the
// mosaic methods. Each works on a block of cells, item by item, in the order in which items combine; its
// result depends on that order and on nothing else.
package combine

/*
#cgo CFLAGS: -Wall -Wextra -Wno-unused-parameter -Werror
#cgo LDFLAGS: -lm
#include "combine.h"
*/
import "C"

import (
	"unsafe"

	"cogweave/core"
)

// Accumulator collects the values of a block of cells. It is not safe for concurrent use.
type Accumulator interface {
	// Add combines one item: values of type src, one for each cell, and whether each is valid (not 0).
	Add(values []byte, src core.DType, valid []byte)
	// Full tells whether every cell has a value.
	Full() bool
	// Finish writes rows x cols cells to dst, stride cells from row to row, with the fill where no item
	// was valid.
	Finish(dst []byte, stride, rows, cols int)
}

// New makes the accumulator of a method for n cells of type dst. fill, a value of dst, is what cells
// without a valid value get.
func New(m core.Method, n int, dst core.DType, fill float64) Accumulator {
	switch m.Name {
	case "mean", "stdev":
		return newMoments(m.Name, n, dst, fill)
	case "sum", "count":
		return newSums(m.Name, n, dst, fill)
	case "median":
		return newStack(0.5, n, dst, fill)
	case "percentile":
		return newStack(m.Param/100, n, dst, fill)
	}
	return newSelection(m.Name, n, dst, fill)
}

// BytesPerCell is the memory that a cell takes while it is combined, for a number of items.
func BytesPerCell(m core.Method, dst core.DType, items int) int {
	switch m.Name {
	case "mean", "sum":
		return 12
	case "stdev":
		return 20
	case "count":
		return 4
	case "median", "percentile":
		return 9*items + 8
	}
	return dst.Size() + 1
}

func pointer[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

func bytePointer(s []byte) *C.uint8_t { return (*C.uint8_t)(pointer(s)) }

// convert writes n values of type src as values of type dst.
func convert(src, dst core.DType, in, out []byte, n int) {
	C.combine_convert(C.int(src.Index()), C.int(dst.Index()), pointer(in), pointer(out), C.ptrdiff_t(n))
}

// rows copies packed rows of cells into a block of dst.
func rows(dst, packed []byte, stride, rows, cols, size int) {
	for r := range rows {
		copy(dst[r*stride*size:][:cols*size], packed[r*cols*size:])
	}
}

// repeat fills out with one value.
func repeat(out []byte, dtype core.DType, fill float64) {
	n := copy(out, dtype.Bytes(fill))
	for n > 0 && n < len(out) {
		n += copy(out[n:], out[:n])
	}
}

// finishFloat64 writes float64 results as dst. An integer dst takes the nearest value.
func finishFloat64(result []float64, dtype core.DType, dst []byte, stride, height, cols int) {
	in := unsafe.Slice((*byte)(pointer(result)), len(result)*8)
	packed := make([]byte, len(result)*dtype.Size())
	convert(core.Float64, dtype, in, packed, len(result))
	rows(dst, packed, stride, height, cols, dtype.Size())
}
