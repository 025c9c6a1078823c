// Package warp resamples: it gives the pixels of a source at given coordinates, with GDAL's kernels and
// GDAL's rules of validity, from pixels in memory. Coordinates come from a lattice (Interpolate).
//
// A target pixel depends on its own coordinates and on the source pixels under its kernel, to the last
// bit: neither on the pixels computed with it nor on the processor. So a raster can be cut anywhere.
package warp

/*
#cgo CFLAGS: -O3 -Wall -Wextra -Werror
#cgo LDFLAGS: -lm
#cgo noescape warp_nearest
#cgo nocallback warp_nearest
#cgo noescape warp_smooth
#cgo nocallback warp_smooth
#cgo noescape warp_area
#cgo nocallback warp_area
#include "warp.h"
*/
import "C"

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"cogweave/core"
	"cogweave/core/lattice"
)

// Epsilon is how far below a pixel's edge a coordinate may lie and still belong to the next pixel, in
// pixels: GDAL's warper floors after adding it, and so must whoever finds the window of a set of
// coordinates.
const Epsilon = 1e-10

// View is a rectangle of source pixels of one sample held in memory: part of one level of one raster.
type View struct {
	Pix    []byte // native-endian pixels, row-major, Stride pixels from row to row
	Type   core.DType
	Stride int         // pixels
	Window core.Window // where it lies in the level; inside the level and not empty
	// Valid is nil, or one byte per pixel laid out as Pix (same stride): 0 is invalid.
	Valid  []byte
	NoData core.NoData // tested as well when set; NaN means NaN pixels are invalid
	// LevelWidth and LevelHeight are the raster's outline, in pixels: outside nothing is valid.
	LevelWidth, LevelHeight int
}

// check panics where C would read outside of the slices: that is a defect of the caller, not bad input.
func (v *View) check() {
	w := v.Window
	last := (w.Height-1)*v.Stride + w.Width
	switch {
	case v.Type.Size() == 0:
		panic(fmt.Sprintf("warp: unknown type %q", v.Type))
	case w.Empty() || w.Row < 0 || w.Col < 0 || w.Row+w.Height > v.LevelHeight || w.Col+w.Width > v.LevelWidth:
		panic(fmt.Sprintf("warp: window %+v is empty or not inside the %d x %d level", w, v.LevelWidth, v.LevelHeight))
	case v.Stride < w.Width || v.Stride > math.MaxInt32/w.Height:
		panic(fmt.Sprintf("warp: stride %d for a window of %d x %d", v.Stride, w.Width, w.Height))
	case v.LevelWidth > math.MaxInt32-1<<20 || v.LevelHeight > math.MaxInt32-1<<20:
		panic("warp: level is too large")
	case len(v.Pix) < last*v.Type.Size() || v.Valid != nil && len(v.Valid) < last:
		panic(fmt.Sprintf("warp: %d bytes of pixels, %d of validity for a window of %d x %d", len(v.Pix), len(v.Valid), w.Width, w.Height))
	}
}

// planes is working memory for the validity of a window, reused between calls.
type planes struct{ bytes []byte }

var planesPool = sync.Pool{New: func() any { return new(planes) }}

// planes gives n bytes for each pixel of the window where validity must be looked at.
func (v *View) planes(n int) *planes {
	p := planesPool.Get().(*planes)
	if size := n * v.Window.Height * v.Window.Width; (v.Valid != nil || v.NoData.Set) && len(p.bytes) < size {
		p.bytes = make([]byte, size)
	}
	return p
}

// Sample fills out[i] (pixels of v.Type, native-endian) and valid[i] (0 or 1) for each target pixel i,
// whose centre lies at (xs[i], ys[i]): continuous pixel coordinates of the level. Coordinates that are
// NaN, infinite or outside of the raster give invalid pixels; what out holds there is undefined. k is
// one of the kernels that act around a centre (IsArea is false), scale as for Radius. Pixels of the
// level that a kernel reaches but the window lacks count as invalid: leave a halo of Radius.
func Sample(k Kernel, v *View, scale [2]float64, xs, ys []float64, out, valid []byte) {
	v.check()
	n := len(xs)
	if len(ys) < n || len(valid) < n || len(out) < n*v.Type.Size() || k.IsArea() || k < 0 {
		panic(fmt.Sprintf("warp: Sample with %v of %d, %d coordinates into %d bytes, %d of validity", k, n, len(ys), len(out), len(valid)))
	}
	if n == 0 {
		return
	}
	if v.Type.IsComplex() {
		v.sampleComplex(k, xs, ys, out, valid)
		return
	}
	v.sample(k, scale, targets{n: n, xs: xs, ys: ys}, out, valid)
}

// SampleBlock is Sample for the cells of a block, row by row, at the coordinates that Interpolate gives them from the
// block's nodes: the same pixels, without the coordinates in memory. cells counts from the block's first cell.
func SampleBlock(k Kernel, v *View, scale [2]float64, nodes lattice.Nodes, cells core.Window, out, valid []byte) {
	v.check()
	n := cells.Height * cells.Width
	if !blockHolds(cells.Row, cells.Height, cells.Col, cells.Width) || len(valid) < n || len(out) < n*v.Type.Size() || k.IsArea() || k < 0 || v.Type.IsComplex() {
		panic(fmt.Sprintf("warp: SampleBlock with %v of %s, cells %+v into %d bytes, %d of validity", k, v.Type, cells, len(out), len(valid)))
	}
	if n == 0 {
		return
	}
	checkNodes(nodes.X, nodes.Y, nodes.PerRow, nodes.Step, cells.Row+cells.Height-1, cells.Col+cells.Width-1)
	v.sample(k, scale, targets{n: n, nodes: nodes, cells: cells}, out, valid)
}

// targets is where target pixels lie: n coordinates in lists, or the cells of a block.
type targets struct {
	n      int
	xs, ys []float64
	nodes  lattice.Nodes
	cells  core.Window
}

// sample gives all arguments to C, as numbers and pointers of their own.
func (v *View) sample(k Kernel, scale [2]float64, t targets, out, valid []byte) {
	n, xs, ys := C.ptrdiff_t(t.n), doubles(t.xs), doubles(t.ys)
	nodeX, nodeY, perRow, step := doubles(t.nodes.X), doubles(t.nodes.Y), C.int(t.nodes.PerRow), C.int(t.nodes.Step)
	row, col, cols := C.int(t.cells.Row), C.int(t.cells.Col), C.int(t.cells.Width)
	if k == Nearest {
		C.warp_nearest(C.int(v.Type.Index()), unsafe.Pointer(&v.Pix[0]), C.ptrdiff_t(v.Stride), C.int(v.Window.Row), C.int(v.Window.Col),
			C.int(v.Window.Height), C.int(v.Window.Width), C.int(v.LevelHeight), C.int(v.LevelWidth),
			start[C.uint8_t](v.Valid), flag(v.NoData.Set), C.double(v.NoData.Value),
			n, xs, ys, nodeX, nodeY, perRow, step, row, col, cols, unsafe.Pointer(&out[0]), start[C.uint8_t](valid))
		return
	}
	p := v.planes(2)
	failed := C.warp_smooth(C.int(v.Type.Index()), unsafe.Pointer(&v.Pix[0]), C.ptrdiff_t(v.Stride), C.int(v.Window.Row), C.int(v.Window.Col),
		C.int(v.Window.Height), C.int(v.Window.Width), C.int(v.LevelHeight), C.int(v.LevelWidth),
		start[C.uint8_t](v.Valid), flag(v.NoData.Set), C.double(v.NoData.Value), start[C.uint8_t](p.bytes),
		C.int(k), C.double(core.KernelScale(scale[0])), C.double(core.KernelScale(scale[1])),
		n, xs, ys, nodeX, nodeY, perRow, step, row, col, cols, unsafe.Pointer(&out[0]), start[C.uint8_t](valid))
	planesPool.Put(p)
	if failed != 0 {
		panic("warp: no memory for a kernel's weights")
	}
}

// SampleArea is Sample for the kernels over the source pixels that a target pixel covers (IsArea).
// cornerX and cornerY are the level coordinates of the pixels' corners, (rows+1) x (cols+1), row-major;
// out and valid are rows x cols.
func SampleArea(k Kernel, v *View, cols, rows int, cornerX, cornerY []float64, out, valid []byte) {
	v.check()
	n, corners := rows*cols, (rows+1)*(cols+1)
	if cols < 0 || rows < 0 || len(cornerX) < corners || len(cornerY) < corners || len(valid) < n || len(out) < n*v.Type.Size() || !k.IsArea() || k > Sum {
		panic(fmt.Sprintf("warp: SampleArea with %v of %d x %d pixels, %d corners into %d bytes, %d of validity", k, cols, rows, len(cornerX), len(out), len(valid)))
	}
	if n == 0 {
		return
	}
	p := v.planes(1)
	failed := C.warp_area(C.int(v.Type.Index()), unsafe.Pointer(&v.Pix[0]), C.ptrdiff_t(v.Stride), C.int(v.Window.Row), C.int(v.Window.Col),
		C.int(v.Window.Height), C.int(v.Window.Width), C.int(v.LevelHeight), C.int(v.LevelWidth),
		start[C.uint8_t](v.Valid), flag(v.NoData.Set), C.double(v.NoData.Value), start[C.uint8_t](p.bytes),
		C.int(k), C.int(cols), C.int(rows), (*C.double)(&cornerX[0]), (*C.double)(&cornerY[0]), unsafe.Pointer(&out[0]), start[C.uint8_t](valid))
	planesPool.Put(p)
	if failed != 0 {
		panic("warp: no memory for the pixels under a target pixel")
	}
}

// start is a slice's memory, or nil for an empty one.
func start[C any](b []byte) *C { return (*C)(unsafe.Pointer(unsafe.SliceData(b))) }

func doubles(s []float64) *C.double { return (*C.double)(unsafe.SliceData(s)) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
