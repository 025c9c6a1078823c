package combine

/*
#cgo noescape combine_medoid
#cgo nocallback combine_medoid
#cgo noescape combine_pick
#cgo nocallback combine_pick
#include "combine.h"
*/
import "C"

import (
	"runtime"
	"unsafe"

	"cogweave/core"
)

// items keeps every item's bands, in one type, until the end.
type items struct {
	n, bands int
	dtype    core.DType
	// planes has for each item bands times n values, then bands times n bytes of validity. The first n bytes of
	// validity are those of all bands where Add wants so.
	planes []*memory
}

// add copies an item. A band that it lacks is invalid.
func (s *items) add(layers []Layer) {
	size := s.dtype.Size()
	p := take(s.bands * s.n * (size + 1))
	b := p.bytes()
	for k := range layers {
		values, valid := b[k*s.n*size:][:s.n*size], b[s.bands*s.n*size+k*s.n:][:s.n]
		l := &layers[k]
		switch {
		case l.Values == nil:
			clear(values)
			clear(valid)
			continue
		case l.Type == s.dtype:
			copy(values, l.Values)
		default:
			convert(l.Type, s.dtype, l.Values, values, s.n)
		}
		copy(valid, l.Valid[:s.n])
	}
	s.planes = append(s.planes, p)
}

func (s *items) release() {
	for _, p := range s.planes {
		p.release()
	}
	s.planes = nil
}

// medoid takes all bands from the item that lies nearest to the others.
type medoid struct {
	items
	chosen *memory // uint32 per cell, once it is known
}

// NewMedoid makes the accumulator of medoid, for n cells of that many bands, compared as values of one type. An item
// whose bands are not all valid at a cell does not count there: Add wants the same validity in every layer.
func NewMedoid(bands, n int, dtype core.DType) Joint {
	return &medoid{items: items{n: n, bands: bands, dtype: dtype}}
}

// Add keeps one item.
func (m *medoid) Add(layers []Layer) { m.add(layers) }

// Finish writes a band of the items that are chosen.
func (m *medoid) Finish(band int, dst []byte, dtype core.DType, fill float64, stride, rows, cols int) {
	size := m.n * m.dtype.Size()
	picked := take(size + m.n)
	defer picked.release()
	has := picked.bytes()[size : size+m.n]
	clear(has)
	if m.n > 0 && len(m.planes) > 0 {
		m.withPlanes(func(planes *unsafe.Pointer) { m.pick(planes, band, picked.bytes(), has) })
	}
	finish(picked, m.n, m.dtype, dst, dtype, fill, stride, rows, cols)
}

// Valid tells where an item was chosen, of which it takes every band: wherever one is valid.
func (m *medoid) Valid(_ int, valid []byte) {
	someValid(m.planes, m.bands*m.n*m.dtype.Size(), valid[:m.n])
}

// pick writes a band of the chosen items and which cells have one; the first call finds them.
func (m *medoid) pick(planes *unsafe.Pointer, band int, values, has []byte) {
	size := m.dtype.Size()
	if m.chosen == nil {
		m.chosen = take(4 * m.n)
		if C.combine_medoid(C.int(m.dtype.Index()), C.int(size), planes, C.int(len(m.planes)), C.int(m.bands), m.list(), C.ptrdiff_t(m.n)) != 0 {
			panic("combine: no memory for a medoid")
		}
	}
	C.combine_pick(C.int(size), planes, C.ptrdiff_t(band*m.n*size), m.list(), pointer(values), bytePointer(has), C.ptrdiff_t(m.n))
}

func (m *medoid) list() *C.uint32_t { return (*C.uint32_t)(pointer(m.chosen.words)) }

// withPlanes calls f with a list of the items' memory for C: Go memory that holds Go pointers must be pinned.
func (s *items) withPlanes(f func(planes *unsafe.Pointer)) {
	list := take(8 * len(s.planes))
	defer list.release()
	planes := cells[uintptr](list, 0, len(s.planes))
	var pins runtime.Pinner
	defer pins.Unpin()
	for i, p := range s.planes {
		first := unsafe.SliceData(p.words)
		pins.Pin(first)
		planes[i] = uintptr(unsafe.Pointer(first))
	}
	f((*unsafe.Pointer)(pointer(planes)))
}

// Release gives the memory back.
func (m *medoid) Release() {
	m.release()
	m.chosen.release()
	*m = medoid{}
}

// Callable combines a block of cells by a function of the caller's: items times bands times n values of a type and as many
// bytes of validity, into bands times n values of a type and as many bytes of validity. Masked cells hold anything.
type Callable func(items int, values, valid []byte) (out, has []byte, err error)

// function keeps every item for a callable.
type function struct {
	items
	call     Callable
	out      core.DType
	result   []byte
	has      []byte
	finished bool
	err      error
}

// Function is the accumulator of a callable. Run must be called before Finish.
type Function interface {
	Joint
	// Run calls the function, once.
	Run() error
}

// NewFunction makes the accumulator of a callable, which gets blocks of n cells of that many bands in one type and gives
// values of another.
func NewFunction(bands, n int, dtype, out core.DType, call Callable) Function {
	return &function{items: items{n: n, bands: bands, dtype: dtype}, call: call, out: out}
}

// Add keeps one item.
func (f *function) Add(layers []Layer) { f.add(layers) }

// Run calls the function on all items. Without any there is nothing to call it on.
func (f *function) Run() error {
	if f.finished || f.n == 0 || len(f.planes) == 0 {
		return f.err
	}
	f.finished = true
	one := f.bands * f.n
	values, valid := make([]byte, 0, len(f.planes)*one*f.dtype.Size()), make([]byte, 0, len(f.planes)*one)
	for _, p := range f.planes {
		values = append(values, p.bytes()[:one*f.dtype.Size()]...)
		valid = append(valid, p.bytes()[one*f.dtype.Size():][:one]...)
	}
	f.result, f.has, f.err = f.call(len(f.planes), values, valid)
	if f.err == nil && (len(f.result) < one*f.out.Size() || len(f.has) < one) {
		f.err = core.Errorf(core.Internal, "", "a callable's result has %d bytes and %d of validity", len(f.result), len(f.has))
	}
	return f.err
}

// Finish writes a band of the result.
func (f *function) Finish(band int, dst []byte, dtype core.DType, fill float64, stride, rows, cols int) {
	m := take(f.n * (f.out.Size() + 1))
	defer m.release()
	b := m.bytes()
	clear(b)
	if f.result != nil {
		size := f.n * f.out.Size()
		copy(b[:size], f.result[band*size:])
		copy(b[size:size+f.n], f.has[band*f.n:])
	}
	finish(m, f.n, f.out, dst, dtype, fill, stride, rows, cols)
}

// Valid tells where the result has a band's values.
func (f *function) Valid(band int, valid []byte) {
	if f.result == nil {
		clear(valid[:f.n])
		return
	}
	copy(valid[:f.n], f.has[band*f.n:])
}

// Release gives the memory back.
func (f *function) Release() {
	f.release()
	*f = function{}
}
