package warp

// #include "warp.h"
import "C"

import (
	"unsafe"

	"cogweave/core"
)

// Copy fills out and valid with the pixels of a window of the level, row-major. Pixels that the view does
// not hold are invalid.
func Copy(v *View, at core.Window, out, valid []byte) {
	part := at.Intersect(v.Window).Intersect(core.Window{Height: v.LevelHeight, Width: v.LevelWidth})
	if part != at {
		clear(valid)
	}
	if part.Empty() {
		return
	}
	size := v.Type.Size()
	first := (part.Row-v.Window.Row)*v.Stride + part.Col - v.Window.Col
	to := (part.Row-at.Row)*at.Width + part.Col - at.Col
	var mask *C.uint8_t
	if v.Valid != nil {
		mask = (*C.uint8_t)(unsafe.Pointer(&v.Valid[first]))
	}
	C.warp_copy(v.number(), unsafe.Pointer(&v.Pix[first*size]), C.ptrdiff_t(v.Stride), C.int(part.Row), C.int(part.Col),
		C.int(part.Height), C.int(part.Width), C.int(v.LevelHeight), C.int(v.LevelWidth), mask, flag(v.NoData.Set), C.double(v.NoData.Value),
		C.int(size), C.ptrdiff_t(at.Width), unsafe.Pointer(&out[to*size]), (*C.uint8_t)(unsafe.Pointer(&valid[to])))
}

// Mask makes pixels invalid where the layer, of size bytes a pixel, is zero.
func Mask(valid, layer []byte, size int) {
	if len(valid) > 0 {
		C.warp_mask((*C.uint8_t)(unsafe.Pointer(&valid[0])), (*C.uint8_t)(unsafe.Pointer(&layer[0])), C.ptrdiff_t(len(valid)), C.int(size))
	}
}
