package core

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DType is the type of a pixel, by numpy's name.
type DType string

// The pixel types that arrays can have.
const (
	UInt8   DType = "uint8"
	Int8    DType = "int8"
	UInt16  DType = "uint16"
	Int16   DType = "int16"
	UInt32  DType = "uint32"
	Int32   DType = "int32"
	UInt64  DType = "uint64"
	Int64   DType = "int64"
	Float32 DType = "float32"
	Float64 DType = "float64"
)

// The types of complex pixels. They are copied as they are stored: not among DTypes, which kernels and methods
// compute with, and without nodata.
const (
	Complex64  DType = "complex64"
	Complex128 DType = "complex128"
)

// IsComplex tells whether the type is one of complex pixels.
func (d DType) IsComplex() bool { return d == Complex64 || d == Complex128 }

// DTypes lists every pixel type.
func DTypes() []DType {
	return []DType{UInt8, Int8, UInt16, Int16, UInt32, Int32, UInt64, Int64, Float32, Float64}
}

// Size is the number of bytes of one pixel, or 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case UInt8, Int8:
		return 1
	case UInt16, Int16:
		return 2
	case UInt32, Int32, Float32:
		return 4
	case UInt64, Int64, Float64, Complex64:
		return 8
	case Complex128:
		return 16
	}
	return 0
}

// IsFloat tells whether the type is a floating-point one.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// IsSigned tells whether the type holds negative numbers.
func (d DType) IsSigned() bool { return !strings.HasPrefix(string(d), "uint") }

// Index is the position of the type in DTypes, which the C kernels use as its number, or -1.
func (d DType) Index() int {
	for i, t := range DTypes() {
		if t == d {
			return i
		}
	}
	return -1
}

// Range gives the least and greatest value of the type as float64; for 64-bit integers the greatest
// is rounded to the next float64.
func (d DType) Range() (low, high float64) {
	bits := d.Size() * 8
	switch {
	case d == Float32:
		return -math.MaxFloat32, math.MaxFloat32
	case d == Float64:
		return -math.MaxFloat64, math.MaxFloat64
	case d.IsSigned():
		return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1) - 1
	}
	return 0, math.Ldexp(1, bits) - 1
}

// Holds tells whether the type can represent v exactly (any v, rounded, for a floating-point type).
func (d DType) Holds(v float64) bool {
	if d.IsComplex() {
		return false
	}
	if d.IsFloat() {
		return d == Float64 || math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) <= math.MaxFloat32
	}
	low, high := d.Range()
	return v == math.Trunc(v) && v >= low && v <= high
}

// CanHold tells whether every value of other is a value of d (numpy's "safe" casting).
func (d DType) CanHold(other DType) bool {
	common, err := ResultType(d, other)
	return err == nil && common == d
}

// ResultType is the smallest type that holds every value of both, as numpy.result_type, except that
// int64 with uint64 is an error instead of a silent float64.
func ResultType(a, b DType) (DType, error) {
	if a == b {
		return a, nil
	}
	if a.IsComplex() || b.IsComplex() {
		return "", fmt.Errorf("%s and %s have no common type here", a, b)
	}
	if a.IsFloat() || b.IsFloat() {
		f, o := a, b
		if !f.IsFloat() {
			f, o = b, a
		}
		if o.IsFloat() || f == Float64 || o.Size() > 2 {
			return Float64, nil
		}
		return Float32, nil
	}
	if a.IsSigned() == b.IsSigned() {
		if a.Size() >= b.Size() {
			return a, nil
		}
		return b, nil
	}
	s, u := a, b
	if !s.IsSigned() {
		s, u = b, a
	}
	if s.Size() > u.Size() {
		return s, nil
	}
	switch u {
	case UInt8:
		return Int16, nil
	case UInt16:
		return Int32, nil
	case UInt32:
		return Int64, nil
	}
	return "", fmt.Errorf("no integer type holds both %s and %s", a, b)
}

// NoData is a nodata value that may be absent. 64-bit integers beyond 2^53 are compared as float64,
// as GDAL's nodata tag itself is a decimal text read into a double.
type NoData struct {
	Set   bool
	Value float64
}

// ParseNoData reads the text of GDAL's nodata tag or a STAC nodata field ("nan", "inf", "-9999").
func ParseNoData(text string) NoData {
	text = strings.Trim(text, " \x00")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(v, 0) {
		return NoData{}
	}
	return NoData{Set: true, Value: v}
}

// Equal tells whether two nodata values are the same; NaN equals NaN.
func (n NoData) Equal(o NoData) bool {
	return n.Set == o.Set && (!n.Set || n.Value == o.Value || (math.IsNaN(n.Value) && math.IsNaN(o.Value)))
}

// ToInt64 is v as an integer. 2^63, which stands for the greatest one (Range), becomes it.
func ToInt64(v float64) int64 {
	if v >= 1<<63 {
		return math.MaxInt64
	}
	return int64(v)
}

// toUint64 likewise.
func toUint64(v float64) uint64 {
	if v >= 1<<64 {
		return math.MaxUint64
	}
	return uint64(v)
}

// Bytes is v as a pixel of the type, native endian. v must be held by the type, or is rounded (floats).
func (d DType) Bytes(v float64) []byte {
	e := binary.NativeEndian
	switch d {
	case UInt8, Int8:
		return []byte{byte(int64(v))}
	case UInt16, Int16:
		return e.AppendUint16(nil, uint16(int64(v)))
	case UInt32, Int32:
		return e.AppendUint32(nil, uint32(int64(v)))
	case Float32:
		return e.AppendUint32(nil, math.Float32bits(float32(v)))
	case Float64:
		return e.AppendUint64(nil, math.Float64bits(v))
	case UInt64:
		return e.AppendUint64(nil, toUint64(v))
	case Complex64:
		return e.AppendUint64(nil, uint64(math.Float32bits(float32(v))))
	case Complex128:
		return e.AppendUint64(e.AppendUint64(nil, math.Float64bits(v)), 0)
	}
	return e.AppendUint64(nil, uint64(ToInt64(v)))
}

// Value is the pixel at the start of b, native endian; 0 for complex types. Of 64-bit integers it is the nearest float64.
func (d DType) Value(b []byte) float64 {
	e := binary.NativeEndian
	switch d {
	case UInt8:
		return float64(b[0])
	case Int8:
		return float64(int8(b[0]))
	case UInt16:
		return float64(e.Uint16(b))
	case Int16:
		return float64(int16(e.Uint16(b)))
	case UInt32:
		return float64(e.Uint32(b))
	case Int32:
		return float64(int32(e.Uint32(b)))
	case UInt64:
		return float64(e.Uint64(b))
	case Int64:
		return float64(int64(e.Uint64(b)))
	case Float32:
		return float64(math.Float32frombits(e.Uint32(b)))
	case Float64:
		return math.Float64frombits(e.Uint64(b))
	}
	return 0
}
