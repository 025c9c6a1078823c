package warp

import "C"

import (
	"math"

	"cogweave/core"
)

// number is the type's number among the C kernels. Complex pixels, of which only validity masks are looked at, go as
// bytes without nodata.
func (v *View) number() C.int {
	if v.Type.IsComplex() {
		return C.int(core.UInt8.Index())
	}
	return C.int(v.Type.Index())
}

// sampleComplex is Sample for complex pixels, which only nearest gives.
func (v *View) sampleComplex(k Kernel, xs, ys []float64, out, valid []byte) {
	if k != Nearest || v.NoData.Set {
		panic("warp: complex pixels have no nodata and no kernel but nearest")
	}
	size := v.Type.Size()
	for i := range xs {
		valid[i] = 0
		col, row := math.Floor(xs[i]+Epsilon)-float64(v.Window.Col), math.Floor(ys[i]+Epsilon)-float64(v.Window.Row)
		if !(col >= 0 && col < float64(v.Window.Width) && row >= 0 && row < float64(v.Window.Height)) {
			continue
		}
		at := int(row)*v.Stride + int(col)
		copy(out[i*size:(i+1)*size], v.Pix[at*size:])
		if v.Valid == nil || v.Valid[at] != 0 {
			valid[i] = 1
		}
	}
}
