package decode_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// TestFallbackCodecs compares what goes through GDAL, as files of one tile, with GDAL's reading of
// the whole file: equal to the bit, lossy codecs too.
func TestFallbackCodecs(t *testing.T) {
	rgb := func(o ...string) []string { return append(o, "PHOTOMETRIC=RGB") }
	for _, r := range []raster{
		{compression: cog.JPEG, samples: 1},
		{compression: cog.JPEG, samples: 3, options: []string{"PHOTOMETRIC=YCBCR"}},
		{compression: cog.JPEG, samples: 3, options: rgb("JPEG_QUALITY=90")},
		{compression: cog.JPEG, samples: 3, options: rgb("JPEGTABLESMODE=0")},
		{compression: cog.JPEG, samples: 3, planar: true, options: rgb()},
		{compression: cog.JPEG, samples: 4, options: rgb("ALPHA=YES")},
		{compression: cog.WebP, samples: 3, options: rgb()},
		{compression: cog.WebP, samples: 4, options: rgb("ALPHA=YES", "WEBP_LOSSLESS=YES")},
		{compression: cog.LERC, samples: 1},
		{compression: cog.LERC, samples: 3},
		{compression: cog.LERC, samples: 3, planar: true},
		{compression: cog.LERC, samples: 1, dtype: core.Float32, options: []string{"MAX_Z_ERROR=0.5"}},
		{compression: cog.LERC, samples: 1, dtype: core.Float64, options: []string{"COMPRESS=LERC_DEFLATE"}},
		{compression: cog.LERC, samples: 3, dtype: core.Int16, options: []string{"COMPRESS=LERC_ZSTD"}},
		{compression: cog.LERC, samples: 1, dtype: core.UInt32, bigEndian: true},
		{compression: cog.CCITTFax3, samples: 1, bits: 1},
		{compression: cog.CCITTFax4, samples: 1, bits: 1},
		{compression: cog.CCITTRLE, samples: 1, bits: 1},
		{compression: cog.Deflate, samples: 4, options: []string{"PHOTOMETRIC=CMYK"}},
	} {
		if r.dtype == "" {
			r.dtype = core.UInt8
		}
		r.width, r.height, r.smooth = 83, 45, true
		for _, tile := range []int{0, 32} {
			r.tile = tile
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				r.write(t).compare(t)
			})
		}
	}
}

// jpegTile is a shared-tables JPEG tile of 64 x 64 RGB pixels.
func jpegTile(t testing.TB) *written {
	r := raster{dtype: core.UInt8, samples: 3, width: 64, height: 64, tile: 64, compression: cog.JPEG, smooth: true,
		options: []string{"PHOTOMETRIC=YCBCR"}}
	return r.write(t)
}

// TestForeignImages gives compressed images that do not belong to their tile. GDAL would take some of them.
func TestForeignImages(t *testing.T) {
	jpeg, webp := jpegTile(t), raster{dtype: core.UInt8, samples: 3, width: 64, height: 64, tile: 64, compression: cog.WebP, smooth: true}.write(t)
	lerc := raster{dtype: core.UInt8, samples: 1, width: 64, height: 64, tile: 64, compression: cog.LERC, smooth: true}.write(t)
	size := func(side int) func(*cog.Level, []byte) []byte {
		return func(l *cog.Level, d []byte) []byte {
			l.Width, l.Height, l.TileWidth, l.TileHeight = side, side, side, side
			return d
		}
	}
	cut := func(n int) func(*cog.Level, []byte) []byte {
		return func(_ *cog.Level, d []byte) []byte { return d[:len(d)*n/100] }
	}
	for _, c := range []struct {
		name   string
		of     *written
		change func(*cog.Level, []byte) []byte
		says   string
	}{
		{"JPEG smaller than its tile", jpeg, size(128), "its image has 64 x 64 pixels, its tile 128 x 128"},
		{"JPEG larger than its tile", jpeg, size(32), "its image has 64 x 64 pixels, its tile 32 x 32"},
		{"WebP smaller than its tile", webp, size(128), "its image has 64 x 64 pixels, its tile 128 x 128"},
		{"WebP larger than its tile", webp, size(16), "its image has 64 x 64 pixels, its tile 16 x 16"},
		{"LERC smaller than its tile", lerc, size(128), "LERC"},
		{"JPEG without its tables", jpeg, func(l *cog.Level, d []byte) []byte { l.JPEGTables = nil; return d }, "Quantization table"},
		{"JPEG cut", jpeg, cut(60), "Premature end"},
		{"JPEG cut in its header", jpeg, cut(1), "no JPEG image"},
		{"WebP cut", webp, cut(60), "WEBP"},
		{"LERC cut", lerc, cut(60), "LERC"},
		{"JPEG of other components", jpeg, func(l *cog.Level, d []byte) []byte {
			l.Samples, l.Bits, l.Photometric = 1, []int{8}, 1
			return d
		}, "3 components"},
		{"no JPEG", jpeg, func(_ *cog.Level, d []byte) []byte { return bytes.Repeat([]byte{7}, len(d)) }, "no JPEG image"},
		{"no WebP", webp, func(_ *cog.Level, d []byte) []byte { return bytes.Repeat([]byte{7}, len(d)) }, "no WebP image"},
		{"VRT as JPEG", jpeg, func(*cog.Level, []byte) []byte { return []byte("<VRTDataset rasterXSize=\"64\"/>") }, "no JPEG image"},
		{"nothing", jpeg, func(*cog.Level, []byte) []byte { return nil }, "empty"},
	} {
		level := *c.of.level
		data := c.change(&level, bytes.Clone(c.of.data(0)))
		err := decode.Tile(context.Background(), newJob(c.of.header, &level, 0, level.TileHeight, data))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r := reasonOf(t, err); r != "DecodeError" && r != "ShortTile" {
			t.Errorf("%s: reason %s", c.name, r)
		}
	}
}

// TestFallbackInParallel has more goroutines inside than GDAL may have threads.
func TestFallbackInParallel(t *testing.T) {
	w := jpegTile(t)
	first := newJob(w.header, w.level, 0, 64, w.data(0))
	if err := decode.Tile(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 5 {
				job := newJob(w.header, w.level, 0, 64, w.data(0))
				if err := decode.Tile(context.Background(), job); err != nil {
					t.Error(err)
				} else if !bytes.Equal(job.Dst[1], first.Dst[1]) {
					t.Error("another image")
				}
			}
		})
	}
	wg.Wait()
}

// TestSilence checks that GDAL's complaints go into errors and not to stderr.
func TestSilence(t *testing.T) {
	w := jpegTile(t)
	out, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	restore := redirectStderr(t, out)
	for n := range 20 {
		job := newJob(w.header, w.level, 0, 64, w.data(0)[:len(w.data(0))*n/20])
		if err := decode.Tile(context.Background(), job); err == nil {
			t.Errorf("%d twentieths of a tile decode", n)
		}
	}
	restore()
	if said, _ := os.ReadFile(out.Name()); len(said) > 0 {
		t.Errorf("stderr: %s", said)
	}
}
