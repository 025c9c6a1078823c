package cog

import (
	"bytes"
	"math"
	"runtime"
)

// bytesOf gives the stored bytes of the first n values of an entry; they must have been fetched.
func (f *file) bytesOf(e *entry, n uint64) ([]byte, error) {
	n = min(n, e.count)
	data := f.view(e.pos, int64(n*typeSize(e.kind)))
	if data == nil {
		return nil, fail(truncated, "the file ends before the values of %s at byte %d", tagName(e.tag), e.pos)
	}
	return data, nil
}

// uints gives the first n values of an entry of whole numbers.
func (f *file) uints(e *entry, n uint64) ([]uint64, error) {
	data, err := f.bytesOf(e, n)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, len(data)/int(typeSize(e.kind)))
	return out, f.decodeUints(out, e, data)
}

// safepoint is the number of values after which a loop lets the scheduler in.
const safepoint = 1 << 17

func (f *file) decodeUints(out []uint64, e *entry, data []byte) error {
	for len(out) > safepoint {
		size := int(typeSize(e.kind))
		if err := f.decodeUints(out[:safepoint], e, data[:safepoint*size]); err != nil {
			return err
		}
		out, data = out[safepoint:], data[safepoint*size:]
		runtime.Gosched()
	}
	switch e.kind {
	case typeByte:
		for i := range out {
			out[i] = uint64(data[i])
		}
	case typeShort:
		for i := range out {
			out[i] = uint64(f.u16(data[2*i:]))
		}
	case typeLong, typeIFD:
		for i := range out {
			out[i] = uint64(f.u32(data[4*i:]))
		}
	case typeLong8, typeIFD8:
		for i := range out {
			out[i] = f.u64(data[8*i:])
		}
	case typeSByte, typeSShort, typeSLong, typeSLong8:
		return f.decodeSigned(out, e, data)
	default:
		return fail(unsupported, "%s has type %d, which holds no whole numbers", tagName(e.tag), e.kind)
	}
	return nil
}

// decodeSigned reads signed numbers where unsigned ones are meant: some writers do not care.
func (f *file) decodeSigned(out []uint64, e *entry, data []byte) error {
	for i := range out {
		var v int64
		switch e.kind {
		case typeSByte:
			v = int64(int8(data[i]))
		case typeSShort:
			v = int64(int16(f.u16(data[2*i:])))
		case typeSLong:
			v = int64(int32(f.u32(data[4*i:])))
		default:
			v = int64(f.u64(data[8*i:]))
		}
		if v < 0 {
			return fail(tiffLimit, "%s is negative: %d", tagName(e.tag), v)
		}
		out[i] = uint64(v)
	}
	return nil
}

// doubles gives all values of an entry of floating-point numbers.
func (f *file) doubles(e *entry) ([]float64, error) {
	data, err := f.bytesOf(e, e.count)
	if err != nil {
		return nil, err
	}
	out := make([]float64, e.count)
	switch e.kind {
	case typeDouble:
		for i := range out {
			out[i] = math.Float64frombits(f.u64(data[8*i:]))
		}
	case typeFloat:
		for i := range out {
			out[i] = float64(math.Float32frombits(f.u32(data[4*i:])))
		}
	default:
		return nil, fail(unsupported, "%s has type %d, which holds no floating-point numbers", tagName(e.tag), e.kind)
	}
	return out, nil
}

// text gives the characters of an entry, without the NULs that end them.
func (f *file) text(e *entry) (string, error) {
	data, err := f.bytesOf(e, e.count)
	if err != nil {
		return "", err
	}
	if typeSize(e.kind) != 1 {
		return "", fail(unsupported, "%s has type %d, which holds no text", tagName(e.tag), e.kind)
	}
	return string(bytes.TrimRight(data, "\x00")), nil
}

// reader reads the values of one directory; the first error sticks.
type reader struct {
	file *file
	dir  *directory
	err  error
}

// number gives the first value of a tag, or def where the directory lacks it.
func (r *reader) number(tag uint16, def uint64) uint64 {
	e := r.dir.find(tag)
	if e == nil || r.err != nil {
		return def
	}
	data, err := r.file.bytesOf(e, 1)
	if err != nil {
		r.err = err
		return def
	}
	var one [1]uint64
	if err := r.file.decodeUints(one[:], e, data); err != nil {
		r.err = err
		return def
	}
	return one[0]
}

// numbers gives the first n values of a tag, or nil where the directory lacks it.
func (r *reader) numbers(tag uint16, n uint64) []uint64 {
	e := r.dir.find(tag)
	if e == nil || r.err != nil {
		return nil
	}
	var out []uint64
	out, r.err = r.file.uints(e, n)
	return out
}
