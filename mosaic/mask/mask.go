// Package mask turns the pixels of a mask's asset (scene classes, quality bits) into which source pixels are hidden:
// the values to drop are flagged, the flags dilated, and sampled with nearest onto the source's pixels.
//
// Where a pixel's flag comes from depends on its place in the raster alone, so that a raster can be cut anywhere.
package mask

/*
#cgo CFLAGS: -O3 -Wall -Wextra -Werror
#cgo LDFLAGS: -lm
#cgo noescape mask_look_up
#cgo nocallback mask_look_up
#cgo noescape mask_find
#cgo nocallback mask_find
#cgo noescape mask_dilate
#cgo nocallback mask_dilate
#cgo noescape mask_drop
#cgo nocallback mask_drop
#cgo noescape mask_count
#cgo nocallback mask_count
#include "mask.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"cogweave/core"
)

// Values says which pixel values of one dtype are dropped.
type Values struct {
	Table  []byte     // of types up to 16 bits: 1 for each value to drop, at its bits as an unsigned number
	Ranges [][2]int64 // of wider types: both ends included
	Bits   uint64     // of wider types: any of them set
}

// Flag writes 1 for each pixel to drop and 0 for the others. pixels are native-endian integers of the type.
func Flag(v *Values, dtype core.DType, pixels, flags []byte) {
	n, size := len(flags), dtype.Size()
	switch {
	case dtype.IsFloat() || size == 0 || len(pixels) < n*size || size <= 2 && len(v.Table) != 1<<(8*size):
		panic(fmt.Sprintf("mask: Flag of %d bytes of %q into %d", len(pixels), dtype, n))
	case n == 0:
	case size <= 2:
		C.mask_look_up(C.int(size), unsafe.Pointer(&pixels[0]), bytes(v.Table), bytes(flags), C.ptrdiff_t(n))
	default:
		var ranges *C.int64_t
		if len(v.Ranges) > 0 {
			ranges = (*C.int64_t)(&v.Ranges[0][0])
		}
		C.mask_find(C.int(dtype.Index()), unsafe.Pointer(&pixels[0]), C.uint64_t(v.Bits), ranges, C.int(len(v.Ranges)), bytes(flags), C.ptrdiff_t(n))
	}
}

// Dilate sets every flag of a window, height x width, that has a set one within radius: the distance between pixel
// centres, Euclidean. distance is scratch of as many elements.
func Dilate(flags []byte, height, width, radius int, distance []uint16) {
	n := height * width
	if height < 0 || width < 0 || radius < 0 || radius >= C.MASK_FAR || len(flags) < n || len(distance) < n {
		panic(fmt.Sprintf("mask: Dilate of %d x %d by %d in %d and %d", width, height, radius, len(flags), len(distance)))
	}
	if n > 0 && radius > 0 {
		C.mask_dilate(bytes(flags), C.int(height), C.int(width), C.int(radius), (*C.uint16_t)(unsafe.Pointer(&distance[0])))
	}
}

// Drop clears valid, one byte for each source pixel of window, where the flag under the pixel's centre is set. m takes
// source pixels to mask pixels; a centre up to epsilon below a mask pixel's edge belongs to the next one. flags lie
// over the window at of the mask; what they do not cover stays valid. columns is scratch.
func Drop(valid []byte, window core.Window, m core.Affine, epsilon float64, flags []byte, at core.Window, columns []int32) {
	if len(valid) < window.Height*window.Width || len(flags) < at.Height*at.Width || len(columns) < window.Width {
		panic(fmt.Sprintf("mask: Drop of %+v by %+v in %d, %d and %d", window, at, len(valid), len(flags), len(columns)))
	}
	if window.Empty() || at.Empty() {
		return
	}
	terms := [6]C.double{C.double(m.A), C.double(m.B), C.double(m.C), C.double(m.D), C.double(m.E), C.double(m.F)}
	C.mask_drop(bytes(valid), C.int(window.Row), C.int(window.Col), C.int(window.Height), C.int(window.Width), &terms[0], C.double(epsilon),
		bytes(flags), C.int(at.Row), C.int(at.Col), C.int(at.Height), C.int(at.Width), (*C.int32_t)(unsafe.Pointer(&columns[0])))
}

// Count is the number of flags that are set.
func Count(flags []byte) int {
	if len(flags) == 0 {
		return 0
	}
	return int(C.mask_count(bytes(flags), C.ptrdiff_t(len(flags))))
}

func bytes(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }
