package decode_test

import (
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
)

// TestTilesThatGDALWrote decodes a file for each combination of codec, predictor, type, interleaving, byte order and
// layout, and compares every tile with GDAL's own reading of it.
func TestTilesThatGDALWrote(t *testing.T) {
	codecs := []cog.Compression{cog.Uncompressed, cog.Deflate, cog.ZSTD, cog.LZW, cog.PackBits, cog.LZMA}
	for _, codec := range codecs {
		for _, dtype := range core.DTypes() {
			for _, samples := range []int{1, 3} {
				for _, r := range variants(raster{dtype: dtype, samples: samples, width: 83, height: 45, compression: codec}) {
					t.Run(r.String(), func(t *testing.T) {
						t.Parallel()
						r.write(t).compare(t)
					})
				}
			}
		}
	}
}

// variants gives the predictors that GDAL writes with the codec, the layouts and the byte orders.
func variants(r raster) []raster {
	predictors := []int{1}
	if r.compression != cog.Uncompressed && r.compression != cog.PackBits && r.compression != cog.LZMA {
		predictors = append(predictors, 2)
		if r.dtype.IsFloat() {
			predictors = append(predictors, 3)
		}
	}
	var all []raster
	for _, p := range predictors {
		r.predictor = p
		for _, bigEndian := range []bool{false, true} {
			r.bigEndian = bigEndian
			for _, tile := range []int{0, 32} {
				r.tile = tile
				r.planar = false
				all = append(all, r)
				if r.samples > 1 {
					r.planar = true
					all = append(all, r)
				}
			}
		}
	}
	return all
}

// TestOddDepths covers samples that fill no machine type.
func TestOddDepths(t *testing.T) {
	for _, c := range []struct {
		dtype core.DType
		bits  []int
	}{
		{core.UInt8, []int{1, 2, 3, 4, 5, 6, 7}},
		{core.UInt16, []int{9, 10, 11, 12, 13, 14, 15}},
		{core.UInt32, []int{17, 20, 23, 24, 25, 30, 31}},
		{core.Float32, []int{16}},
	} {
		for _, bits := range c.bits {
			for _, samples := range []int{1, 3} {
				for _, codec := range []cog.Compression{cog.Uncompressed, cog.Deflate} {
					for _, bigEndian := range []bool{false, true} {
						r := raster{dtype: c.dtype, bits: bits, samples: samples, width: 83, height: 45, tile: 32, compression: codec, bigEndian: bigEndian}
						t.Run(r.String(), func(t *testing.T) {
							t.Parallel()
							r.write(t).compare(t)
						})
					}
				}
			}
		}
	}
}

// TestSmallFloatPredictors covers 16-bit floats behind both predictors.
func TestSmallFloatPredictors(t *testing.T) {
	for _, predictor := range []int{2, 3} {
		for _, samples := range []int{1, 3} {
			for _, bigEndian := range []bool{false, true} {
				r := raster{dtype: core.Float32, bits: 16, samples: samples, width: 83, height: 45, tile: 32, compression: cog.LZW,
					predictor: predictor, bigEndian: bigEndian}
				t.Run(r.String(), func(t *testing.T) { r.write(t).compare(t) })
			}
		}
	}
}

// TestLongRuns covers strings of LZW, matches of deflate and frames of zstd over hundreds of kilobytes.
func TestLongRuns(t *testing.T) {
	for _, codec := range []cog.Compression{cog.Deflate, cog.ZSTD, cog.LZW, cog.LZMA, cog.PackBits} {
		for _, smooth := range []bool{false, true} {
			r := raster{dtype: core.UInt16, samples: 1, width: 1000, height: 600, tile: 512, compression: codec, smooth: smooth}
			t.Run(r.String(), func(t *testing.T) { r.write(t).compare(t) })
		}
	}
}
