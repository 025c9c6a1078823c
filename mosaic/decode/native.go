package decode

// #cgo CFLAGS: -O3 -Wall -Wextra -Werror
// #cgo LDFLAGS: -ldeflate -lisal -lzstd -llzma
// #cgo noescape cw_unpack
// #cgo nocallback cw_unpack
// #cgo noescape cw_inflate
// #cgo nocallback cw_inflate
// #cgo noescape cw_unzstd
// #cgo nocallback cw_unzstd
// #cgo noescape cw_unlzma
// #cgo nocallback cw_unlzma
// #cgo noescape cw_unlzw
// #cgo nocallback cw_unlzw
// #cgo noescape cw_unpackbits
// #cgo nocallback cw_unpackbits
// #cgo noescape cw_reverse_bits
// #cgo nocallback cw_reverse_bits
// #cgo noescape cw_binarize
// #cgo nocallback cw_binarize
// #cgo noescape cw_pair
// #cgo nocallback cw_pair
// #cgo noescape cw_accumulate
// #cgo nocallback cw_accumulate
// #include "codec.h"
// #include "unpack.h"
import "C"

import (
	"unsafe"

	"cogweave/core"
	"cogweave/core/cog"
)

// decodeNative decodes by our own codecs: rows as stored first, then plane by plane.
func (job *Job) decodeNative(l *layout) error {
	a := takeArena()
	if a.c == nil {
		return job.outOfMemory()
	}
	defer a.giveBack()
	rows, err := job.storedRows(l, a)
	if err != nil {
		return err
	}
	row := C.cw_arena_row(a.c, C.size_t(l.rowBytes+job.Level.TileWidth*l.size))
	if row == nil {
		return job.outOfMemory()
	}
	c := job.unpackLayout(l)
	if job.Level.DType().IsComplex() {
		job.unpackComplex(&c, rows, row)
		return nil
	}
	if l.predictor == 3 {
		C.cw_accumulate(&c, rows)
	}
	for k, sample := range job.Samples {
		if job.Level.Planar {
			sample = 0
		}
		C.cw_unpack(&c, rows, C.int(sample), pointer(job.Dst[k]), row)
	}
	return nil
}

// InPlace gives the plane of the job's one sample where the tile holds it as Tile would write it, or nil. The plane is
// part of job.Data.
func (job *Job) InPlace() []byte {
	level := job.Level
	l, err := job.plainLayout()
	size := uintptr(l.size)
	switch {
	case err != nil, !l.native, level.Compression != cog.Uncompressed, level.FillOrderLSB, job.isMask(), level.DType().IsComplex(),
		l.samples != 1, l.bits != 8*l.size, job.Header.BigEndian && size > 1, len(job.Data) < l.codecBytes,
		uintptr(unsafe.Pointer(unsafe.SliceData(job.Data)))%size != 0:
		return nil
	}
	return job.Data[:l.planeBytes:l.planeBytes]
}

// storedRows gives the wanted rows, decompressed but otherwise as the file has them.
func (job *Job) storedRows(l *layout, a *arena) (*C.uint8_t, error) {
	if len(job.Data) == 0 {
		return nil, job.fail("ShortTile", "it is empty")
	}
	src := pointer(job.Data)
	if job.Level.FillOrderLSB {
		reversed := C.cw_arena_input(a.c, C.size_t(len(job.Data)))
		if reversed == nil {
			return nil, job.outOfMemory()
		}
		C.cw_reverse_bits(src, reversed, C.size_t(len(job.Data)))
		src = reversed
	}
	if job.Level.Compression == cog.Uncompressed {
		if len(job.Data) < l.codecBytes {
			return nil, job.short(len(job.Data), l.codecBytes)
		}
		return src, nil
	}
	dst := job.rowsBuffer(l, a)
	if dst == nil {
		return nil, job.outOfMemory()
	}
	return dst, job.decompress(l, a, src, dst)
}

// rowsBuffer is where the codec writes: the plane itself where its rows are the stored ones, since then
// the other steps work in place.
func (job *Job) rowsBuffer(l *layout, a *arena) *C.uint8_t {
	if l.samples == 1 && l.bits == 8*l.size && l.codecRows == job.Rows && len(job.Dst) == 1 && job.Part.Empty() {
		return pointer(job.Dst[0])
	}
	return C.cw_arena_rows(a.c, C.size_t(l.codecBytes))
}

func (job *Job) decompress(l *layout, a *arena, src, dst *C.uint8_t) error {
	n, want := C.size_t(len(job.Data)), C.size_t(l.codecBytes)
	all := C.int(0)
	if l.codecRows == l.tileRows {
		all = 1
	}
	var r C.cw_result
	switch job.Level.Compression {
	case cog.Deflate, cog.DeflateOld:
		r = C.cw_inflate(a.c, src, n, dst, want, all, C.uint64_t(uintptr(unsafe.Pointer(job.Level))))
	case cog.ZSTD:
		r = C.cw_unzstd(a.c, src, n, dst, want, all)
	case cog.LZMA:
		r = C.cw_unlzma(src, n, dst, want)
	case cog.LZW:
		r = C.cw_unlzw(a.c, src, n, dst, want)
	case cog.PackBits:
		r = C.cw_unpackbits(src, n, dst, want)
	}
	return job.verdict(l, r)
}

// verdict turns the way a codec stopped into an error, or none. Streams that lack only their end are
// accepted, as by every other reader: the pixels are there.
func (job *Job) verdict(l *layout, r C.cw_result) error {
	// Writers may pad the last strip to its nominal height.
	whole := l.codecRows == job.Level.TileHeight
	filled := int(r.produced) == l.codecBytes
	switch {
	case r.status == C.CW_CORRUPT:
		return job.fail("DecodeError", "its stream is corrupt after %d of %d bytes", int(r.produced), l.codecBytes)
	case r.status == C.CW_NO_MEMORY:
		return job.outOfMemory()
	case r.status == C.CW_WINDOW:
		return job.fail("DecompressionBomb", "its stream asks for more memory than any TIFF writer does")
	case filled && r.status == C.CW_MORE && whole:
		return job.fail("DecompressionBomb", "its stream holds more than the %d bytes of the tile", l.codecBytes)
	case !filled:
		return job.short(int(r.produced), l.codecBytes)
	}
	return nil
}

func (job *Job) unpackLayout(l *layout) C.cw_layout {
	c := C.cw_layout{
		width: C.int64_t(job.Level.TileWidth), rows: C.int64_t(job.Rows), row_bytes: C.int64_t(l.rowBytes),
		samples: C.int32_t(l.samples), bits: C.int32_t(l.bits), size: C.int32_t(l.size),
		predictor: C.int32_t(l.predictor), kind: C.CW_UNSIGNED,
		top: C.int64_t(l.part.Row), left: C.int64_t(l.part.Col), cols: C.int64_t(l.part.Width), stride: C.int64_t(l.stride),
	}
	switch job.Level.Format {
	case cog.Float:
		c.kind = C.CW_FLOAT
	case cog.Signed:
		c.kind = C.CW_SIGNED
	}
	if job.Header.BigEndian {
		c.swap = 1
	}
	return c
}

func (job *Job) short(got, want int) error {
	return job.fail("ShortTile", "its stream ends after %d of %d bytes", got, want)
}

func (job *Job) outOfMemory() error {
	return core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory to decode tile %d", job.Index).WithHref(job.Header.Href)
}

func binarize(plane []byte) {
	if len(plane) > 0 {
		C.cw_binarize(pointer(plane), C.size_t(len(plane)))
	}
}

func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }
