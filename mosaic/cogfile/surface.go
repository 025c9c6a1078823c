package cogfile

// #cgo CFLAGS: -O3
// #cgo noescape cw_some_zero
// #cgo nocallback cw_some_zero
// #cgo noescape cw_mark_equal
// #cgo nocallback cw_mark_equal
// #cgo noescape cw_mark_all
// #cgo nocallback cw_mark_all
// #include "pixels.h"
import "C"

import (
	"context"
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"cogweave/core"
)

// surface is the memory that a raster is painted on: a file that has no name any more, of all planes and, where the
// raster needs one, a mask of the same type.
type surface struct {
	Raster
	folder string
	memory []byte
	pixels []byte
	mask   []byte // nil where there is none
	bare   bool   // the mask leaves some cell out
}

// newSurface takes the space on the disk at once: a page of the mapping that finds none later would end the process.
func newSurface(folder string, r Raster) (*surface, error) {
	plane := int64(r.Grid.Rows) * int64(r.Grid.Cols) * int64(r.DType.Size())
	planes := int64(len(r.Layers))
	if r.needsMask() {
		planes++
	}
	if plane > (1<<62)/planes {
		return nil, core.Errorf(core.BudgetExceeded, "ResultTooLarge", "%d planes of %d bytes are too much", planes, plane)
	}
	file, err := os.CreateTemp(folder, "pixels")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	if err := reserve(file, plane*planes); err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, int(plane*planes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	s := &surface{Raster: r, folder: folder, memory: memory, pixels: memory[:plane*int64(len(r.Layers))]}
	if r.needsMask() {
		s.mask = memory[len(s.pixels):]
	}
	return s, nil
}

func (s *surface) close() { _ = unix.Munmap(s.memory) } // of what was mapped, it cannot fail

// reserve gives a file its size, and its space on the disk.
func reserve(file *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(file.Fd()), 0, 0, size)
		if !errors.Is(err, unix.EINTR) {
			if errors.Is(err, unix.EOPNOTSUPP) {
				return writeZeros(file, size)
			}
			return err
		}
	}
}

// writeZeros takes space where the file system has no call for it.
func writeZeros(file *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := file.Write(zeros[:min(int64(len(zeros)), size-at)]); err != nil {
			return err
		}
	}
	return nil
}

// stripBytes bounds the pixels that are painted a second time at once.
const stripBytes = 64 << 20

// findMask marks the cells that any layer has data for. Where no value means "nothing here", two paintings with
// different fills tell: a cell that nothing covers is the fill both times. Strips without the first fill are
// painted once only.
func (s *surface) findMask(ctx context.Context, paint Paint) error {
	row := s.Grid.Cols * s.DType.Size()
	rows := min(s.Grid.Rows, max(1, stripBytes/(row*len(s.Layers))))
	again, other := make([]byte, rows*row*len(s.Layers)), 1.0
	for top := 0; top < s.Grid.Rows; top += rows {
		rows = min(rows, s.Grid.Rows-top)
		strip := again[:rows*row*len(s.Layers)]
		if s.hasFill(top, rows) {
			if err := paint(ctx, top, rows, &other, strip); err != nil {
				return err
			}
		} else {
			strip = nil
		}
		for y := range rows {
			s.markRow(top+y, rowsOf(strip, len(s.Layers), rows, y, row))
		}
	}
	return nil
}

// rowsOf gives one row of each layer of a strip; none of a strip that is nil.
func rowsOf(strip []byte, layers, rows, y, row int) [][]byte {
	if strip == nil {
		return nil
	}
	found := make([][]byte, layers)
	for k := range found {
		at := (k*rows + y) * row
		found[k] = strip[at : at+row]
	}
	return found
}

// row is a row of a plane, as it was painted first.
func (s *surface) row(plane, y int) []byte {
	row := s.Grid.Cols * s.DType.Size()
	at := (plane*s.Grid.Rows + y) * row
	return s.pixels[at : at+row]
}

// hasFill tells whether some pixel of a strip is the raster's fill, 0.
func (s *surface) hasFill(top, rows int) bool {
	for plane := range s.Layers {
		for y := range rows {
			if s.someZero(s.row(plane, top+y)) {
				return true
			}
		}
	}
	return false
}

// mark is what a pixel of a mask holds where there is data.
const mark = 127

// markRow marks the pixels of a row in which some layer is the same as in the second painting; all of them if there
// was none.
func (s *surface) markRow(y int, again [][]byte) {
	size := s.DType.Size()
	mask := s.mask[y*s.Grid.Cols*size:][:s.Grid.Cols*size]
	if again == nil {
		C.cw_mark_all(start(mask), C.ptrdiff_t(s.Grid.Cols), C.int(size), mark)
		return
	}
	for plane, second := range again {
		C.cw_mark_equal(start(mask), start(s.row(plane, y)), start(second), C.ptrdiff_t(s.Grid.Cols), C.int(size), mark)
	}
	s.bare = s.bare || s.someZero(mask)
}

func (s *surface) someZero(pixels []byte) bool {
	size := s.DType.Size()
	return C.cw_some_zero(start(pixels), C.ptrdiff_t(len(pixels)/size), C.int(size)) != 0
}

func start(pixels []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(pixels)) }
