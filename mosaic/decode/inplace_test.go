package decode

import (
	"bytes"
	"context"
	"testing"
	"unsafe"

	"cogweave/core/cog"
)

// plainJob is a tile of 16 x 8 uint16 that holds its pixels as Tile writes them, at an even address, of which 5 rows are wanted.
func plainJob() Job {
	level := &cog.Level{Width: 16, Height: 8, TileWidth: 16, TileHeight: 8, Tiled: true, Samples: 1, Bits: []int{16},
		Format: cog.Unsigned, Compression: cog.Uncompressed, Predictor: 1, Offsets: []uint64{0}, ByteCounts: []uint64{256}}
	words := make([]uint16, 128)
	for i := range words {
		words[i] = uint16(i * 501)
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 256)
	return Job{Header: &cog.Header{Levels: []cog.Level{*level}}, Level: level, Data: data, Rows: 5, Samples: []int{0}}
}

func TestInPlace(t *testing.T) {
	job := plainJob()
	plane := job.InPlace()
	if len(plane) != 5*16*2 || cap(plane) != len(plane) || &plane[0] != &job.Data[0] {
		t.Fatalf("%d bytes (%d at most)", len(plane), cap(plane))
	}
	decoded := make([]byte, len(plane))
	job.Dst = [][]byte{decoded}
	if err := Tile(context.Background(), job); err != nil || !bytes.Equal(plane, decoded) {
		t.Fatalf("Tile writes %v, %v", decoded, err)
	}
}

// Where a tile's bytes are not yet its pixels, or are too few, somebody has to look at them.
func TestNotInPlace(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"compressed":        func(j *Job) { j.Level.Compression = cog.Deflate },
		"big-endian":        func(j *Job) { j.Header.BigEndian = true },
		"bits reversed":     func(j *Job) { j.Level.FillOrderLSB = true },
		"two samples":       func(j *Job) { j.Level.Samples, j.Level.Bits, j.Level.TileWidth = 2, []int{16, 16}, 8 },
		"12 bits":           func(j *Job) { j.Level.Bits = []int{12} },
		"complex":           func(j *Job) { j.Level.Format, j.Level.Bits, j.Level.TileWidth = cog.ComplexInt, []int{32}, 8 },
		"too short":         func(j *Job) { j.Data = j.Data[:159] },
		"at an odd byte":    func(j *Job) { j.Data = j.Data[1:] },
		"more rows":         func(j *Job) { j.Rows = 9 },
		"another sample":    func(j *Job) { j.Samples = []int{1} },
		"a mask":            func(j *Job) { j.Level.Bits, j.Level.TileWidth, j.Level.Photometric = []int{8}, 32, photometricMask },
		"half floats":       func(j *Job) { j.Level.Format = cog.Float },
		"YCbCr, by GDAL":    func(j *Job) { j.Level.Photometric = photometricYCbCr },
		"a codec of GDAL's": func(j *Job) { j.Level.Compression = cog.JPEG },
	} {
		job := plainJob()
		change(&job)
		if plane := job.InPlace(); plane != nil {
			t.Errorf("%s: %d bytes are taken for pixels", name, len(plane))
		}
	}
	// The last sample of a byte each needs no address of its own, nor an order of bytes.
	job := plainJob()
	job.Level.Bits, job.Level.TileWidth, job.Header.BigEndian, job.Data = []int{8}, 16, true, job.Data[1:]
	if job.InPlace() == nil {
		t.Error("bytes are not taken in place")
	}
}
