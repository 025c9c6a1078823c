package decode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/airbusgeo/godal"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
	"cogweave/mosaic/gdal"
)

// written is a TIFF that GDAL wrote for a test.
type written struct {
	path   string
	header *cog.Header
	level  *cog.Level // full resolution
	file   source
}

// raster says what to write.
type raster struct {
	dtype         core.DType
	bits          int // 0: those of dtype
	samples       int
	width, height int
	tile          int // 0: strips of 16 rows
	compression   cog.Compression
	predictor     int
	planar        bool
	bigEndian     bool
	options       []string
	smooth        bool // otherwise noise in the low bits and runs of one value
}

func (r raster) String() string {
	order, layout, place := "le", "pixel", "strips"
	if r.bigEndian {
		order = "be"
	}
	if r.planar {
		layout = "band"
	}
	if r.tile > 0 {
		place = "tiles"
	}
	bits := ""
	if r.bits > 0 {
		bits = fmt.Sprintf(" in %d bits", r.bits)
	}
	return strings.Join(append([]string{gdal.CodecName(r.compression), fmt.Sprintf("predictor %d", max(1, r.predictor)),
		string(r.dtype) + bits, fmt.Sprintf("%d samples", r.samples), layout, place, order}, r.options...), ",")
}

var gdalTypes = map[core.DType]godal.DataType{
	core.UInt8: godal.Byte, core.Int8: godal.Byte, core.UInt16: godal.UInt16, core.Int16: godal.Int16, core.UInt32: godal.UInt32,
	core.Int32: godal.Int32, core.Float32: godal.Float32, core.Float64: godal.Float64,
	core.UInt64: godal.DataType(12), core.Int64: godal.DataType(13), // GDT_UInt64, GDT_Int64, which godal does not name
}

func (r raster) creation() []string {
	name := gdal.CodecName(r.compression)
	if r.compression == cog.Uncompressed {
		name = "NONE"
	}
	o := []string{"COMPRESS=" + name, "INTERLEAVE=PIXEL"}
	if r.planar {
		o[1] = "INTERLEAVE=BAND"
	}
	if r.predictor > 1 {
		o = append(o, "PREDICTOR="+strconv.Itoa(r.predictor))
	}
	if r.tile > 0 {
		o = append(o, "TILED=YES", fmt.Sprintf("BLOCKXSIZE=%d", r.tile), fmt.Sprintf("BLOCKYSIZE=%d", r.tile))
	} else {
		o = append(o, "BLOCKYSIZE=16")
	}
	if r.bigEndian {
		o = append(o, "ENDIANNESS=BIG")
	}
	if r.bits > 0 {
		o = append(o, fmt.Sprintf("NBITS=%d", r.bits))
	}
	if r.dtype == core.Int8 {
		o = append(o, "PIXELTYPE=SIGNEDBYTE")
	}
	return append(o, r.options...) // the last of a name counts
}

// quiet lets GDAL's warnings pass.
var quiet = godal.ErrLogger(func(c godal.ErrorCategory, _ int, message string) error {
	if c >= godal.CE_Failure {
		return errors.New(message)
	}
	return nil
})

// write makes the file, with content that no codec finds trivial and none finds incompressible.
func (r raster) write(t testing.TB) *written {
	t.Helper()
	if err := gdal.Init(); err != nil {
		t.Fatal(err)
	}
	w := &written{path: filepath.Join(t.TempDir(), "raster.tif")}
	ds, err := godal.Create(godal.GTiff, w.path, r.samples, gdalTypes[r.dtype], r.width, r.height,
		godal.CreationOption(r.creation()...), quiet)
	if err != nil {
		t.Fatal(err)
	}
	for k, band := range ds.Bands() {
		if err := r.fill(band, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := ds.Close(quiet); err != nil {
		t.Fatal(err)
	}
	w.reload(t)
	return w
}

// reload reads the file as it is now.
func (w *written) reload(t testing.TB) {
	t.Helper()
	var err error
	if w.file, err = os.ReadFile(w.path); err != nil {
		t.Fatal(err)
	}
	if w.header, err = cog.Read(context.Background(), w.file, w.path, cog.Limits{}); err != nil {
		t.Fatal(err)
	}
	w.level = &w.header.Levels[0]
}

func (r raster) fill(band godal.Band, k int) error {
	rng := rand.New(rand.NewPCG(7, uint64(k)))
	values := make([]float64, r.width*r.height)
	low, high := r.dtype.Range()
	if r.bits > 0 && !r.dtype.IsFloat() {
		low, high = 0, math.Ldexp(1, r.bits)-1
	}
	if r.dtype.IsFloat() {
		low, high = -500, 3000
	}
	// GDAL takes float64 here: stay where that is exact.
	low, high = max(low, -math.Ldexp(1, 52)), min(high, math.Ldexp(1, 52))
	for i := range values {
		x, y := float64(i%r.width), float64(i/r.width)
		v := 0.5 + 0.4*math.Sin(x/37+float64(k))*math.Cos(y/23)
		if !r.smooth {
			v += 0.05 * (rng.Float64() - 0.5)
			if int(y)/8%3 == 1 {
				v = 0.25
			}
		}
		values[i] = low + v*(high-low)
		if !r.dtype.IsFloat() {
			values[i] = math.Floor(values[i])
		}
	}
	if r.dtype == core.Int8 {
		plane := make([]byte, len(values))
		for i, v := range values {
			plane[i] = byte(int8(v))
		}
		return band.Write(0, 0, plane, r.width, r.height, quiet)
	}
	return band.Write(0, 0, values, r.width, r.height, quiet)
}

func (w *written) data(i int) []byte {
	r, _ := w.level.TileRange(i)
	return w.file.tile(r)
}

// job wants rows of a tile in all its samples, into fresh planes.
func newJob(h *cog.Header, level *cog.Level, index, rows int, data []byte) decode.Job {
	job := decode.Job{Header: h, Level: level, Index: index, Data: data, Rows: rows}
	cols, tileRows := level.Grid()
	for s := range level.Samples {
		if !level.Planar || s == index/(cols*tileRows) {
			job.Samples = append(job.Samples, s)
			job.Dst = append(job.Dst, make([]byte, rows*level.TileWidth*level.DType().Size()))
		}
	}
	return job
}

// rowsOf is how many rows of the image tile i holds, and its place.
func rowsOf(level *cog.Level, i int) (row, col, rows, width int) {
	cols, tileRows := level.Grid()
	i %= cols * tileRows
	row, col = i/cols*level.TileHeight, i%cols*level.TileWidth
	return row, col, min(level.TileHeight, level.Height-row), min(level.TileWidth, level.Width-col)
}

// expected reads the part of a band that a tile covers by GDAL, in the type of the level.
func expected(t testing.TB, band godal.Band, dtype core.DType, row, col, rows, width int) []byte {
	t.Helper()
	plane := make([]byte, rows*width*dtype.Size())
	if dtype == core.UInt64 || dtype == core.Int64 {
		values := make([]float64, rows*width)
		if err := band.Read(col, row, values, width, rows); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			n := uint64(int64(v))
			*(*uint64)(unsafe.Pointer(&plane[8*i])) = n
		}
		return plane
	}
	if err := band.Read(col, row, typed(dtype, plane), width, rows); err != nil {
		t.Fatal(err)
	}
	return plane
}

func typed(dtype core.DType, plane []byte) any {
	p, n := unsafe.Pointer(unsafe.SliceData(plane)), len(plane)/dtype.Size()
	switch dtype {
	case core.UInt16:
		return unsafe.Slice((*uint16)(p), n)
	case core.Int16:
		return unsafe.Slice((*int16)(p), n)
	case core.UInt32:
		return unsafe.Slice((*uint32)(p), n)
	case core.Int32:
		return unsafe.Slice((*int32)(p), n)
	case core.Float32:
		return unsafe.Slice((*float32)(p), n)
	case core.Float64:
		return unsafe.Slice((*float64)(p), n)
	}
	return plane
}

// crop takes the first rows and columns of a plane that is as wide as a tile.
func crop(plane []byte, tileWidth, rows, width, size int) []byte {
	out := make([]byte, 0, rows*width*size)
	for y := range rows {
		out = append(out, plane[y*tileWidth*size:(y*tileWidth+width)*size]...)
	}
	return out
}

// compare decodes every tile of the file, whole and in part, and compares with GDAL.
func (w *written) compare(t *testing.T) {
	t.Helper()
	ds, err := godal.Open(w.path, godal.Drivers("GTiff"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer ds.Close()
	bands := ds.Bands()
	size := w.level.DType().Size()
	for i := range w.level.Offsets {
		row, col, rows, width := rowsOf(w.level, i)
		for _, want := range []int{rows, (rows + 1) / 2, 1} {
			job := newJob(w.header, w.level, i, want, w.data(i))
			if err := decode.Tile(context.Background(), job); err != nil {
				t.Fatalf("tile %d, %d rows: %v", i, want, err)
			}
			for k, s := range job.Samples {
				got := crop(job.Dst[k], w.level.TileWidth, want, width, size)
				if wanted := expected(t, bands[s], w.level.DType(), row, col, want, width); !bytes.Equal(got, wanted) {
					t.Fatalf("tile %d, %d rows, sample %d: differs from GDAL at byte %d", i, want, s, firstDifference(got, wanted))
				}
			}
			for _, left := range []int{0, w.level.TileWidth / 3} {
				comparePart(t, job, core.Window{Row: want / 2, Col: left, Height: want - want/2, Width: w.level.TileWidth - left})
				comparePart(t, job, core.Window{Row: 0, Col: left, Height: want, Width: w.level.TileWidth/3 + 1})
			}
		}
	}
}

// comparePart decodes a part of a tile that is decoded, into rows that lie further apart, and compares.
func comparePart(t *testing.T, whole decode.Job, part core.Window) {
	t.Helper()
	if !whole.TakesParts() {
		return
	}
	const beside = 0xa5
	width, size := whole.Level.TileWidth, whole.Level.DType().Size()
	job := whole
	job.Part, job.Stride, job.Dst = part, part.Width+3, nil
	for range whole.Dst {
		job.Dst = append(job.Dst, bytes.Repeat([]byte{beside}, (part.Height*job.Stride+1)*size))
	}
	if err := decode.Tile(context.Background(), job); err != nil {
		t.Fatalf("part %+v: %v", part, err)
	}
	for k, got := range job.Dst {
		wanted := bytes.Repeat([]byte{beside}, len(got))
		for y := range part.Height {
			copy(wanted[y*job.Stride*size:][:part.Width*size], whole.Dst[k][((part.Row+y)*width+part.Col)*size:])
		}
		if !bytes.Equal(got, wanted) {
			t.Fatalf("part %+v, plane %d: differs from the whole tile at byte %d", part, k, firstDifference(got, wanted))
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
