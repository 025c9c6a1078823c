package decode_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/airbusgeo/godal"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// satellite fills a plane with reflectances as Sentinel-2 has them: fields, texture and noise, 12 significant bits,
// which deflate at level 6 halves.
func satellite(width, height int) []uint16 {
	rng := rand.New(rand.NewPCG(1, 2))
	plane := make([]uint16, width*height)
	fields := make([]float64, 64*64)
	for i := range fields {
		fields[i] = 600 + 1800*rng.Float64()
	}
	for i := range plane {
		x, y := i%width, i/width
		v := fields[y/37%64*64+x/53%64]
		v += 120*math.Sin(float64(x)/9)*math.Cos(float64(y)/7) + 40*rng.NormFloat64()
		plane[i] = uint16(max(1, v))
	}
	return plane
}

func writeSatellite(b *testing.B, r raster) *written {
	b.Helper()
	r.dtype, r.samples, r.width, r.height, r.tile = core.UInt16, 1, 1024, 1024, 1024
	w := r.write(b)
	ds, err := godal.Create(godal.GTiff, w.path, 1, godal.UInt16, 1024, 1024, godal.CreationOption(r.creation()...))
	if err != nil {
		b.Fatal(err)
	}
	if err := ds.Bands()[0].Write(0, 0, satellite(1024, 1024), 1024, 1024); err != nil {
		b.Fatal(err)
	}
	if err := ds.Close(); err != nil {
		b.Fatal(err)
	}
	w.reload(b)
	return w
}

var benched = []raster{
	{compression: cog.Deflate, predictor: 2},
	{compression: cog.Deflate, predictor: 2, bigEndian: true},
	{compression: cog.Deflate},
	{compression: cog.ZSTD, predictor: 2},
	{compression: cog.LZW, predictor: 2},
	{compression: cog.LZW},
	{compression: cog.LZMA},
	{compression: cog.Uncompressed},
}

// BenchmarkTile measures a tile of 1024 x 1024 uint16 pixels on one core.
func BenchmarkTile(b *testing.B) {
	for _, r := range benched {
		r.dtype, r.samples, r.tile = core.UInt16, 1, 1024
		b.Run(r.String(), func(b *testing.B) {
			w := writeSatellite(b, r)
			job := newJob(w.header, w.level, 0, 1024, w.data(0))
			b.ReportMetric(float64(len(job.Data))/float64(2<<20), "ratio")
			b.SetBytes(2 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if err := decode.Tile(context.Background(), job); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b)
		})
	}
}

// BenchmarkGDAL measures the same tiles through godal, from the page cache, each time opened anew as GDAL would
// otherwise answer from its block cache.
func BenchmarkGDAL(b *testing.B) {
	for _, r := range benched {
		r.dtype, r.samples, r.tile = core.UInt16, 1, 1024
		b.Run(r.String(), func(b *testing.B) {
			w := writeSatellite(b, r)
			plane := make([]uint16, 1<<20)
			for b.Loop() {
				ds, err := godal.Open(w.path, godal.Drivers("GTiff"))
				if err != nil {
					b.Fatal(err)
				}
				if err := ds.Bands()[0].Read(0, 0, plane, 1024, 1024); err != nil {
					b.Fatal(err)
				}
				_ = ds.Close()
			}
			perSecond(b)
		})
	}
}

// BenchmarkRows measures the early stop: an eighth of the tile.
func BenchmarkRows(b *testing.B) {
	for _, r := range benched {
		r.dtype, r.samples, r.tile = core.UInt16, 1, 1024
		b.Run(r.String(), func(b *testing.B) {
			w := writeSatellite(b, r)
			job := newJob(w.header, w.level, 0, 128, w.data(0))
			for b.Loop() {
				if err := decode.Tile(context.Background(), job); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)*(1<<20)/1e6/b.Elapsed().Seconds(), "MPix/s")
}
