package warp

import (
	"math"
	"unsafe"

	"cogweave/core"
)

// at is pixel i of pix as a typed pointer.
func at[T any](pix []byte, i int) *T {
	var zero T
	return (*T)(unsafe.Pointer(&pix[i*int(unsafe.Sizeof(zero))]))
}

// setPixel stores v, which the type must hold, as pixel i.
func setPixel(pix []byte, t core.DType, i int, v float64) {
	switch t {
	case core.UInt8:
		*at[uint8](pix, i) = uint8(v)
	case core.Int8:
		*at[int8](pix, i) = int8(v)
	case core.UInt16:
		*at[uint16](pix, i) = uint16(v)
	case core.Int16:
		*at[int16](pix, i) = int16(v)
	case core.UInt32:
		*at[uint32](pix, i) = uint32(v)
	case core.Int32:
		*at[int32](pix, i) = int32(v)
	case core.UInt64:
		*at[uint64](pix, i) = uint64(v)
	case core.Int64:
		*at[int64](pix, i) = int64(v)
	case core.Float32:
		*at[float32](pix, i) = float32(v)
	case core.Float64:
		*at[float64](pix, i) = v
	}
}

// pixel is pixel i as float64.
func pixel(pix []byte, t core.DType, i int) float64 {
	switch t {
	case core.UInt8:
		return float64(*at[uint8](pix, i))
	case core.Int8:
		return float64(*at[int8](pix, i))
	case core.UInt16:
		return float64(*at[uint16](pix, i))
	case core.Int16:
		return float64(*at[int16](pix, i))
	case core.UInt32:
		return float64(*at[uint32](pix, i))
	case core.Int32:
		return float64(*at[int32](pix, i))
	case core.UInt64:
		return float64(*at[uint64](pix, i))
	case core.Int64:
		return float64(*at[int64](pix, i))
	case core.Float32:
		return float64(*at[float32](pix, i))
	case core.Float64:
		return *at[float64](pix, i)
	}
	return math.NaN()
}
