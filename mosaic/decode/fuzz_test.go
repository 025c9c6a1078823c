package decode_test

import (
	"bytes"
	"context"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// fuzzLevel turns a few bytes into a layout: every one that a header could hold, within 64 KiB.
func fuzzLevel(shape [6]byte, c cog.Compression) *cog.Level {
	width, height := 1+int(shape[0]), 1+int(shape[1])
	level := &cog.Level{
		Width: width, Height: height, TileWidth: width, TileHeight: height, Tiled: shape[2]&1 == 0, Samples: 1 + int(shape[3])%5,
		Bits: []int{1 + int(shape[4])%64}, Format: cog.SampleFormat(1 + shape[5]%3), Compression: c, Predictor: 1 + int(shape[5]>>2)%3,
		Planar: shape[2]&2 != 0, Photometric: int(shape[2] >> 4), FillOrderLSB: shape[2]&4 != 0,
		Offsets: []uint64{8}, ByteCounts: []uint64{1}, YCbCrSubsampling: [2]int{1 + int(shape[5]>>4&1), 1 + int(shape[5]>>5&1)},
	}
	if shape[4]&64 != 0 {
		level.Bits[0] = 8 << (shape[4] & 3)
	}
	return level
}

// guard is what surrounds each plane: a decoder that writes beyond it is caught.
var guard = bytes.Repeat([]byte{0xa5}, 64)

// fuzzCodec feeds tiles of one codec to the decoder.
func fuzzCodec(f *testing.F, c cog.Compression, seeds ...[]byte) {
	if encode := encoders[c]; encode != nil {
		seeds = append(seeds, encode(f, pixels(64*64)))
	}
	for _, s := range seeds {
		f.Add([]byte{63, 63, 0, 0, 64, 0}, byte(64), s)
		f.Add([]byte{15, 15, 9, 2, 65, 8}, byte(7), s)
	}
	f.Fuzz(func(t *testing.T, shape []byte, rows byte, data []byte) {
		var s [6]byte
		copy(s[:], shape)
		level := fuzzLevel(s, c)
		job := decode.Job{Header: &cog.Header{BigEndian: s[2]&8 != 0}, Level: level, Data: data, Rows: min(level.TileHeight, 1+int(rows))}
		n := job.Rows * level.TileWidth * level.DType().Size()
		for k := range level.Samples {
			if !level.Planar || k == 0 {
				plane := append(append(bytes.Clone(guard), make([]byte, n)...), guard...)
				job.Samples = append(job.Samples, k)
				job.Dst = append(job.Dst, plane[len(guard):len(guard)+n])
			}
		}
		if err := decode.Tile(context.Background(), job); err != nil && core.ClassOf(err) != core.DecodeError {
			t.Fatal(err)
		}
		for _, plane := range job.Dst {
			if !bytes.Equal(plane[:n+len(guard)][n:], guard) {
				t.Fatal("written beyond the plane")
			}
		}
	})
}

func FuzzDeflate(f *testing.F) { fuzzCodec(f, cog.Deflate) }
func FuzzZSTD(f *testing.F)    { fuzzCodec(f, cog.ZSTD) }
func FuzzLZW(f *testing.F) {
	fuzzCodec(f, cog.LZW, []byte{0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01})
}
func FuzzPackBits(f *testing.F)     { fuzzCodec(f, cog.PackBits) }
func FuzzUncompressed(f *testing.F) { fuzzCodec(f, cog.Uncompressed) }

func FuzzLZMA(f *testing.F) { fuzzCodec(f, cog.LZMA, seedOf(f, cog.LZMA, 1)) }
func FuzzJPEG(f *testing.F) { fuzzCodec(f, cog.JPEG, seedOf(f, cog.JPEG, 1), seedOf(f, cog.JPEG, 3)) }
func FuzzWebP(f *testing.F) { fuzzCodec(f, cog.WebP, seedOf(f, cog.WebP, 3)) }
func FuzzLERC(f *testing.F) { fuzzCodec(f, cog.LERC, seedOf(f, cog.LERC, 1)) }
func FuzzCCITT(f *testing.F) {
	fuzzCodec(f, cog.CCITTFax4, []byte{0x26, 0xa0, 0xff, 0x00, 0x10, 0x01})
}

// FuzzJPEGTables gives a sound tile tables that do not belong to it.
func FuzzJPEGTables(f *testing.F) {
	w := jpegTile(f)
	f.Add(w.level.JPEGTables)
	f.Add(w.level.JPEGTables[:len(w.level.JPEGTables)/2])
	f.Add([]byte{0xff, 0xd8, 0xff, 0xd9})
	f.Fuzz(func(t *testing.T, tables []byte) {
		level := *w.level
		level.JPEGTables = tables
		if err := decode.Tile(context.Background(), newJob(w.header, &level, 0, 64, w.data(0))); err != nil && core.ClassOf(err) != core.DecodeError {
			t.Fatal(err)
		}
	})
}

// FuzzLayout gives layouts and wishes that no header reader would let through: an error, and no memory.
func FuzzLayout(f *testing.F) {
	f.Add(int64(64), int64(64), int64(64), int64(64), int32(1), int32(8), int32(0), int32(64), uint8(1), uint8(1))
	f.Add(int64(1)<<40, int64(1)<<40, int64(1)<<31-1, int64(1)<<62, int32(1<<16-1), int32(64), int32(-1), int32(1<<30), uint8(6), uint8(3))
	f.Fuzz(func(t *testing.T, width, height, tileWidth, tileHeight int64, samples, bits, index, rows int32, format, predictor uint8) {
		data := make([]byte, 4096)
		for _, c := range []cog.Compression{cog.Uncompressed, cog.PackBits, cog.JPEG, cog.LERC, cog.Compression(format)} {
			level := &cog.Level{Width: int(width), Height: int(height), TileWidth: int(tileWidth), TileHeight: int(tileHeight), Tiled: predictor&8 == 0,
				Samples: int(samples), Bits: []int{int(bits)}, Format: cog.SampleFormat(format), Compression: c, Predictor: int(predictor & 3),
				Planar: predictor&4 != 0, Offsets: []uint64{8}, ByteCounts: []uint64{4096}}
			plane := make([]byte, 4096)
			job := decode.Job{Header: &cog.Header{}, Level: level, Index: int(index), Data: data, Rows: int(rows), Samples: []int{0}, Dst: [][]byte{plane}}
			if err := decode.Tile(context.Background(), job); err != nil && core.ClassOf(err) != core.DecodeError && core.ClassOf(err) != core.Internal {
				t.Fatal(err)
			}
		}
	})
}

// seedOf is a tile of 64 x 64 uint8 pixels that GDAL encoded.
func seedOf(f *testing.F, c cog.Compression, samples int) []byte {
	r := raster{dtype: core.UInt8, samples: samples, width: 64, height: 64, tile: 64, compression: c, smooth: true}
	return r.write(f).data(0)
}
