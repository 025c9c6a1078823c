package cogfile

// #cgo CFLAGS: -O3
// #cgo noescape cw_cog_mask
// #cgo nocallback cw_cog_mask
// #include "mask.h"
import "C"

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"cogweave/core"
)

// surface is the memory that a raster is painted on: a file that has no name any more, of all planes and, where the
// raster may need a mask, of their validity.
type surface struct {
	Raster
	folder string
	memory []byte
	pixels []byte
	valid  []byte // a byte for each pixel; nil where no mask is needed
	mask   []byte // a byte for each cell, once it is found; nil where it would leave none out
}

// newSurface takes the space on the disk at once: a page of the mapping that finds none later would end the process.
func newSurface(folder string, r Raster) (*surface, error) {
	plane, layers := int64(r.Grid.Rows)*int64(r.Grid.Cols), int64(len(r.Layers))
	each := int64(r.DType.Size())
	if r.needsMask() {
		each++
	}
	if plane > (1<<62)/layers/each {
		return nil, core.Errorf(core.BudgetExceeded, "ResultTooLarge", "%d planes of %d pixels are too much", layers, plane)
	}
	pixels, size := plane*layers*int64(r.DType.Size()), plane*layers*each
	file, err := os.CreateTemp(folder, "pixels")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	if err := reserve(file, size); err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	s := &surface{Raster: r, folder: folder, memory: memory, pixels: memory[:pixels]}
	if r.needsMask() {
		s.valid = memory[pixels:]
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

// findMask joins the validity of all layers in that of the first, which becomes the mask: a file has one, of the cells that
// some layer has data for.
func (s *surface) findMask(ctx context.Context) error {
	if s.valid == nil {
		return nil
	}
	plane := s.Grid.Rows * s.Grid.Cols
	for from := 0; from < plane; from += s.Grid.Cols {
		if ctx.Err() != nil {
			return core.Errorf(core.Cancelled, "Cancelled", "writing was cancelled: %w", ctx.Err())
		}
		if C.cw_cog_mask((*C.uint8_t)(&s.valid[from]), C.ptrdiff_t(len(s.Layers)), C.ptrdiff_t(plane), C.ptrdiff_t(s.Grid.Cols)) != 0 {
			s.mask = s.valid[:plane]
		}
	}
	return nil
}
