package combine

/*
#cgo noescape combine_either
#cgo nocallback combine_either
#cgo noescape combine_quantile
#cgo nocallback combine_quantile
#include "combine.h"
*/
import "C"

import (
	"runtime"
	"unsafe"

	"cogweave/core"
)

// stack is median and percentile: it keeps every item's values until the end.
type stack struct {
	q      float64
	n      int
	dtype  core.DType
	fill   float64
	src    core.DType // of the planes
	planes []*memory  // for each item n values of src, then n bytes of validity
}

func newStack(q float64, n int, dtype core.DType, fill float64) *stack {
	return &stack{q: q, n: n, dtype: dtype, fill: fill}
}

// Reset forgets every value.
func (s *stack) Reset(fill float64) {
	for _, p := range s.planes {
		p.release()
	}
	s.planes, s.fill = s.planes[:0], fill
}

// Add keeps one item's values.
func (s *stack) Add(values []byte, src core.DType, valid []byte) {
	if s.n == 0 {
		return
	}
	if len(s.planes) == 0 {
		s.src = src
	} else if src != s.src {
		s.promote(src)
	}
	s.planes = append(s.planes, s.plane(values, src, valid))
}

// plane copies values and validity, as s.src.
func (s *stack) plane(values []byte, src core.DType, valid []byte) *memory {
	size := s.n * s.src.Size()
	p := take(size + s.n)
	if src == s.src {
		copy(p.bytes(), values[:size])
	} else {
		convert(src, s.src, values, p.bytes(), s.n)
	}
	copy(p.bytes()[size:], valid[:s.n])
	return p
}

// promote rewrites the planes so that src fits with them: float64 where no type holds both exactly.
func (s *stack) promote(src core.DType) {
	common, err := core.ResultType(s.src, src)
	if err != nil {
		common = core.Float64
	}
	if common == s.src {
		return
	}
	old := s.src
	s.src = common
	for i, p := range s.planes {
		b := p.bytes()
		s.planes[i] = s.plane(b, old, b[s.n*old.Size():])
		p.release()
	}
}

// Full is never true: every item counts.
func (s *stack) Full() bool { return false }

// Valid tells which cells some value counted for.
func (s *stack) Valid(valid []byte) { someValid(s.planes, s.n*s.src.Size(), valid[:s.n]) }

// someValid tells where some item is valid, whose bytes of validity begin at a byte of its plane.
func someValid(planes []*memory, from int, valid []byte) {
	clear(valid)
	if len(valid) == 0 {
		return
	}
	for _, p := range planes {
		C.combine_either(bytePointer(p.bytes()[from:][:len(valid)]), bytePointer(valid), C.ptrdiff_t(len(valid)))
	}
}

// Finish writes the quantiles.
func (s *stack) Finish(dst []byte, stride, rows, cols int) {
	if s.n == 0 {
		return
	}
	result := take(8 * s.n)
	defer result.release()
	if len(s.planes) == 0 {
		repeat(result.bytes(), core.Float64, s.fill)
	} else {
		// C takes a list of planes: Go memory that holds Go pointers must be pinned.
		list := take(8 * len(s.planes))
		defer list.release()
		planes := cells[uintptr](list, 0, len(s.planes))
		var pins runtime.Pinner
		for i, p := range s.planes {
			first := unsafe.SliceData(p.words)
			pins.Pin(first)
			planes[i] = uintptr(unsafe.Pointer(first))
		}
		failed := C.combine_quantile(C.int(s.src.Index()), (*unsafe.Pointer)(pointer(planes)), C.int(len(planes)), C.double(s.q), C.double(s.fill),
			(*C.double)(pointer(result.words)), C.ptrdiff_t(s.n))
		pins.Unpin()
		if failed != 0 {
			panic("combine: no memory to sort")
		}
	}
	store(dst, s.dtype, stride, rows, cols, result.bytes(), core.Float64)
}

// Release gives the memory back.
func (s *stack) Release() {
	s.Reset(0)
	*s = stack{}
}
