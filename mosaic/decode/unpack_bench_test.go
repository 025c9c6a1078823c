package decode_test

import (
	"context"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// BenchmarkLayout measures what comes after the codec, so with codecs that take little time.
func BenchmarkLayout(b *testing.B) {
	for _, r := range []raster{
		{dtype: core.UInt8, samples: 3, compression: cog.Uncompressed},
		{dtype: core.UInt16, samples: 4, compression: cog.Uncompressed, bigEndian: true},
		{dtype: core.UInt8, samples: 1, compression: cog.ZSTD, predictor: 2, smooth: true},
		{dtype: core.UInt8, samples: 3, compression: cog.ZSTD, predictor: 2, smooth: true},
		{dtype: core.Float32, samples: 1, compression: cog.ZSTD, predictor: 3, smooth: true},
		{dtype: core.Float32, samples: 3, compression: cog.ZSTD, predictor: 3, smooth: true},
		{dtype: core.Float64, samples: 1, compression: cog.ZSTD, predictor: 3, smooth: true},
		{dtype: core.UInt8, bits: 1, samples: 1, compression: cog.Uncompressed},
		{dtype: core.UInt16, bits: 12, samples: 1, compression: cog.Uncompressed},
		{dtype: core.Float32, bits: 16, samples: 1, compression: cog.Uncompressed},
	} {
		r.width, r.height, r.tile = 512, 512, 512
		b.Run(r.String(), func(b *testing.B) {
			w := r.write(b)
			job := newJob(w.header, w.level, 0, 512, w.data(0))
			for b.Loop() {
				if err := decode.Tile(context.Background(), job); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*512*512*float64(r.samples)/1e6/b.Elapsed().Seconds(), "Msamples/s")
		})
	}
}

// BenchmarkFallback measures tiles that go through GDAL.
func BenchmarkFallback(b *testing.B) {
	for _, r := range []raster{
		{samples: 3, compression: cog.JPEG, options: []string{"PHOTOMETRIC=YCBCR"}},
		{samples: 3, compression: cog.WebP},
		{samples: 1, compression: cog.LERC},
	} {
		r.dtype, r.width, r.height, r.tile = core.UInt8, 512, 512, 512
		b.Run(r.String(), func(b *testing.B) {
			w := r.write(b)
			job := newJob(w.header, w.level, 0, 512, w.data(0))
			for b.Loop() {
				if err := decode.Tile(context.Background(), job); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*512*512/1e6/b.Elapsed().Seconds(), "MPix/s")
		})
	}
}
