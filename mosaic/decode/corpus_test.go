package decode_test

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/airbusgeo/godal"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
	"cogweave/mosaic/gdal"
)

// corpus lists the TIFF files below folders of the shared test data.
func corpus(t testing.TB, folders ...string) []string {
	t.Helper()
	root := os.Getenv("COGWEAVE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	var paths []string
	for _, folder := range folders {
		dir := filepath.Join(root, folder)
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("the tiles of real files in %s are not tested: %v", folder, err)
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// source is a cog.Source of a whole file in memory.
type source []byte

func (s source) ReadRange(_ context.Context, r core.ByteRange) ([]byte, error) {
	size := int64(len(s))
	return s[min(r.Start, size):min(r.End, size)], nil
}

func (s source) Size() int64 { return int64(len(s)) }

func (s source) tile(r core.ByteRange) []byte {
	size := int64(len(s))
	return s[min(max(0, r.Start), size):min(max(0, r.End), size)]
}

// TestCorpusEqualsGDAL decodes every tile of every level and mask of every good file that the header
// reader takes, and compares bit for bit with what GDAL reads.
func TestCorpusEqualsGDAL(t *testing.T) {
	if err := gdal.Init(); err != nil {
		t.Fatal(err)
	}
	tiles := 0
	for _, path := range corpus(t, "cogs", "tiff-nongeo") {
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			h, err := cog.Read(context.Background(), source(file), path, cog.Limits{})
			if err != nil {
				t.Skipf("no header: %v", err)
			}
			ds, err := godal.Open(path, godal.Drivers("GTiff"), quiet)
			if err != nil {
				t.Skipf("GDAL: %v", err)
			}
			defer ds.Close(quiet)
			o := oracle{t: t, file: file, header: h}
			o.compareAll(ds)
			tiles += o.compared
		})
	}
	t.Logf("%d tiles compared", tiles)
	if tiles < 1000 {
		t.Errorf("only %d tiles were compared", tiles)
	}
}

// oracle compares the tiles of one file with GDAL's view of it.
type oracle struct {
	t        *testing.T
	file     source
	header   *cog.Header
	compared int
}

func (o *oracle) compareAll(ds *godal.Dataset) {
	bands := ds.Bands()
	for i := range o.header.Levels {
		level := &o.header.Levels[i]
		at := make([]godal.Band, len(bands))
		for k, band := range bands {
			at[k] = band
			if i > 0 {
				at[k] = overviewOfWidth(band, level.Width, level.Height)
			}
		}
		o.compareLevel(level, at)
		if mask := &o.header.Masks[i]; mask.Width > 0 {
			masks := make([]godal.Band, mask.Samples)
			for k := range masks {
				masks[k] = at[k].MaskBand()
			}
			o.compareLevel(mask, masks)
		}
	}
}

func overviewOfWidth(band godal.Band, width, height int) godal.Band {
	for _, o := range band.Overviews() {
		if s := o.Structure(); s.SizeX == width && s.SizeY == height {
			return o
		}
	}
	return godal.Band{}
}

func (o *oracle) compareLevel(level *cog.Level, bands []godal.Band) {
	for i := range level.Offsets {
		r, ok := level.TileRange(i)
		if !ok {
			continue
		}
		row, col, rows, width := rowsOf(level, i)
		job := newJob(o.header, level, i, rows, o.file.tile(r))
		err := decode.Tile(context.Background(), job)
		for k, s := range job.Samples {
			want, gdalErr := o.read(bands[s], level.DType(), row, col, rows, width)
			switch {
			case err != nil && gdalErr != nil:
				o.t.Skipf("neither reads it: %v; %v", err, gdalErr)
			case err != nil && strings.Contains(err.Error(), "complex"), err != nil && level.Compression == cog.OldJPEG:
				o.t.Skip(err)
			case err != nil:
				o.t.Fatalf("tile %d: %v; GDAL reads it", i, err)
			case gdalErr != nil:
				o.t.Fatalf("tile %d: decoded, but GDAL says %v", i, gdalErr)
			}
			got := crop(job.Dst[k], level.TileWidth, rows, width, level.DType().Size())
			if !bytes.Equal(got, want) && !o.sameIntegers(level.DType(), got, want) {
				o.t.Fatalf("tile %d at row %d, column %d, sample %d of level %d x %d: differs from GDAL at byte %d",
					i, row, col, s, level.Width, level.Height, firstDifference(got, want))
			}
			o.compared++
		}
	}
}

// read gives GDAL's pixels; 64-bit integers, which godal cannot read, as float64.
func (o *oracle) read(band godal.Band, dtype core.DType, row, col, rows, width int) ([]byte, error) {
	if dtype == "" {
		return nil, nil
	}
	plane := make([]byte, rows*width*dtype.Size())
	if dtype.IsComplex() {
		return plane, band.Read(col, row, complexes(dtype, plane), width, rows, quiet)
	}
	as := dtype
	if dtype == core.UInt64 || dtype == core.Int64 {
		as = core.Float64
	}
	return plane, band.Read(col, row, typed(as, plane), width, rows, quiet)
}

// complexes views bytes as complex pixels.
func complexes(dtype core.DType, plane []byte) any {
	if at := unsafe.Pointer(unsafe.SliceData(plane)); dtype == core.Complex64 {
		return unsafe.Slice((*complex64)(at), len(plane)/8)
	} else {
		return unsafe.Slice((*complex128)(at), len(plane)/16)
	}
}

// sameIntegers compares 64-bit integers with their values as float64.
func (o *oracle) sameIntegers(dtype core.DType, got, want []byte) bool {
	if dtype != core.UInt64 && dtype != core.Int64 {
		return false
	}
	for i := 0; i < len(got); i += 8 {
		n := *(*uint64)(unsafe.Pointer(&got[i]))
		f := float64(n)
		if dtype == core.Int64 {
			f = float64(int64(n))
		}
		if f != math.Float64frombits(*(*uint64)(unsafe.Pointer(&want[i]))) {
			return false
		}
	}
	return true
}
