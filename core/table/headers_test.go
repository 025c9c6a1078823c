package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core"
	"cogweave/core/cog"
)

// fileBytes is a cog.Source of a file in memory.
type fileBytes []byte

func (f fileBytes) ReadRange(_ context.Context, r core.ByteRange) ([]byte, error) {
	size := int64(len(f))
	return f[min(r.Start, size):min(r.End, size)], nil
}

func (f fileBytes) Size() int64 { return int64(len(f)) }

// realHeaders reads the headers of the whole corpus.
func realHeaders(t *testing.T) []*cog.Header {
	t.Helper()
	root := os.Getenv("COGWEAVE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(root, "cogs")); err != nil {
		t.Skipf("tables of the headers of real files are not tested: %v", err)
	}
	var headers []*cog.Header
	err := filepath.WalkDir(filepath.Join(root, "cogs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		h, err := cog.Read(context.Background(), fileBytes(data), path, cog.Limits{})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		h.ETag = fmt.Sprintf("%q", d.Name())
		headers = append(headers, h)
		return nil
	})
	if err != nil || len(headers) < 300 {
		t.Fatalf("%d headers, %v", len(headers), err)
	}
	return headers
}

// takeNaN takes NaN out of headers, which is not equal to itself, and checks that both have it.
func takeNaN(t *testing.T, a, b *cog.Header) {
	t.Helper()
	if math.IsNaN(a.NoData.Value) && math.IsNaN(b.NoData.Value) {
		a.NoData.Value, b.NoData.Value = 0, 0
	}
}

// TestHeadersRoundTrip takes every real header through a table, an IPC stream and back.
func TestHeadersRoundTrip(t *testing.T) {
	headers := realHeaders(t)
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	rec := Headers(headers, alloc)
	defer rec.Release()
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(rec.Schema()))
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(&stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatal(r.Err())
	}
	meta := r.Schema().Metadata()
	if name, _ := meta.GetValue("cogweave.table"); name != "headers" {
		t.Errorf("metadata %v", meta)
	}
	got, err := ParseHeaders(r.RecordBatch())
	if err != nil || len(got) != len(headers) {
		t.Fatalf("%d of %d headers, %v", len(got), len(headers), err)
	}
	for i, h := range headers {
		takeNaN(t, h, got[i])
		if !reflect.DeepEqual(h, got[i]) {
			t.Errorf("%s:\nwrote %.2000s\nread  %.2000s", h.Href, fmt.Sprintf("%+v", *h), fmt.Sprintf("%+v", *got[i]))
		}
	}
	// A slice of the batch has offsets of its own.
	part := rec.NewSlice(10, 20)
	defer part.Release()
	if got, err = ParseHeaders(part); err != nil || len(got) != 10 || !reflect.DeepEqual(got[3].Levels, headers[13].Levels) {
		t.Errorf("slice: %d headers, %v", len(got), err)
	}
}

// small gives a header with every field set.
func small() *cog.Header {
	l := cog.Level{
		Width: 100, Height: 80, TileWidth: 64, TileHeight: 64, Tiled: true, Samples: 2, Bits: []int{16, 16}, Format: cog.Unsigned,
		Compression: cog.LERC, Predictor: 2, Planar: true, Photometric: 1, ExtraSamples: []int{2}, FillOrderLSB: true, YCbCrSubsampling: [2]int{2, 1},
		JPEGTables: []byte{1, 2}, LERCParameters: []uint32{4, 1}, ColorMap: []uint16{7, 8}, Offsets: make([]uint64, 8), ByteCounts: make([]uint64, 8),
		Raw: map[uint16]cog.RawTag{258: {Type: 3, Count: 2, Data: []byte{16, 0, 16, 0}}},
	}
	l.Offsets[3], l.ByteCounts[3] = math.MaxUint64, 1<<40
	mask := l
	mask.Bits, mask.Samples, mask.ExtraSamples, mask.Planar = []int{1}, 1, nil, false
	mask.Offsets, mask.ByteCounts = nil, nil
	return &cog.Header{
		Href: "https://host/a.tif", ETag: `"x"`, Size: 5000, BigEndian: true, BigTIFF: true, Levels: []cog.Level{l}, Masks: []cog.Level{mask},
		Georef: cog.Georef{Transform: core.Affine{A: 10, E: -10, C: 5, F: 6}, HasTransform: true, EPSG: 32633, Keys: []uint16{1, 1, 0, 1, 1024, 0, 1, 1},
			Doubles: []float64{1, 2}, ASCII: "caf\xe9|", PixelIsPoint: true},
		Scales: []float64{1, 2}, Offsets: []float64{0, 3}, Descriptions: []string{"a", ""}, NoData: core.NoData{Set: true, Value: 0},
		OverviewResampling: "AVERAGE", Leader: true, Warnings: []string{"w"},
	}
}

func TestHeadersEveryField(t *testing.T) {
	h := small()
	rec := Headers([]*cog.Header{nil, h}, memory.DefaultAllocator)
	defer rec.Release()
	got, err := ParseHeaders(rec)
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], h) {
		t.Fatalf("%v\n%+v\n%+v", err, h, got)
	}
	for _, v := range []any{*h, h.Levels[0], h.Georef} { // a field added to cog must be added here
		r := reflect.ValueOf(v)
		for i := range r.NumField() {
			if name := r.Type().Field(i).Name; r.Field(i).IsZero() && name != "HasGCPs" {
				t.Errorf("%s is not tested", name)
			}
		}
	}
}

func TestHeadersHideSignatures(t *testing.T) {
	h := small()
	h.Href = "https://user:pass@account.host/c/a.tif?sv=2024&sig=SECRET&versionid=7"
	rec := Headers([]*cog.Header{h}, memory.DefaultAllocator)
	defer rec.Release()
	if got := rec.Column(0).ValueStr(0); got != "https://account.host/c/a.tif?versionid=7" || strings.Contains(fmt.Sprint(rec), "SECRET") {
		t.Error(got)
	}
}

// replace gives a batch with one column in another form, or without it.
func replace(rec arrow.RecordBatch, name string, column arrow.Array) arrow.RecordBatch {
	var fields []arrow.Field
	var columns []arrow.Array
	for i := int(rec.NumCols()) - 1; i >= 0; i-- { // order does not matter
		f := rec.Schema().Field(i)
		if f.Name != name {
			fields, columns = append(fields, f), append(columns, rec.Column(i))
		} else if column != nil {
			fields, columns = append(fields, arrow.Field{Name: name, Type: column.DataType()}), append(columns, column)
		}
	}
	meta := rec.Schema().Metadata()
	return array.NewRecordBatch(arrow.NewSchema(fields, &meta), columns, rec.NumRows())
}

func fromJSON(t *testing.T, typ arrow.DataType, json string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestHeadersRewritten reads columns in the forms that other libraries give them.
func TestHeadersRewritten(t *testing.T) {
	h := small()
	rec := Headers([]*cog.Header{h}, memory.DefaultAllocator)
	for name, column := range map[string]arrow.Array{
		"href":      fromJSON(t, arrow.BinaryTypes.LargeString, `["https://host/a.tif"]`),
		"etag":      fromJSON(t, arrow.BinaryTypes.StringView, `["\"x\""]`),
		"size":      fromJSON(t, arrow.PrimitiveTypes.Uint32, `[5000]`),
		"epsg":      fromJSON(t, arrow.PrimitiveTypes.Int16, `[2633]`),
		"scales":    fromJSON(t, arrow.LargeListOf(arrow.PrimitiveTypes.Float64), `[[1, 2]]`),
		"transform": fromJSON(t, arrow.FixedSizeListOf(6, arrow.PrimitiveTypes.Float64), `[[10, 0, 5, 0, -10, 6]]`),
		"geo_keys":  fromJSON(t, arrow.ListOf(arrow.PrimitiveTypes.Int32), `[[1, 1, 0, 1, 1024, 0, 1, 1]]`),
		"geo_ascii": fromJSON(t, arrow.BinaryTypes.LargeBinary, `["Y2Fm6Xw="]`),
		"more":      nil,
	} {
		got, err := ParseHeaders(replace(rec, name, column))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := small()
		if name == "epsg" {
			want.Georef.EPSG = 2633
			got[0].Georef.EPSG = 2633
		}
		if !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
}

// TestHeadersRefused gives tables that are none; the error names the column.
func TestHeadersRefused(t *testing.T) {
	rec := Headers([]*cog.Header{small()}, memory.DefaultAllocator)
	expect := func(name string, rec arrow.RecordBatch, words ...string) {
		t.Helper()
		_, err := ParseHeaders(rec)
		if core.ClassOf(err) != core.InvalidArgument {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, f := range rec.Schema().Fields() {
		expect("without "+f.Name, replace(rec, f.Name, nil), `"`+f.Name+`"`)
		wrong := fromJSON(t, arrow.FixedWidthTypes.Date32, `["2020-01-01"]`)
		expect("wrong "+f.Name, replace(rec, f.Name, wrong), `"`+f.Name+`"`, "date32")
	}
	inner := fromJSON(t, arrow.ListOf(arrow.StructOf(arrow.Field{Name: "width", Type: arrow.PrimitiveTypes.Int64})), `[[{"width": 1}]]`)
	expect("levels without height", replace(rec, "levels", inner), `"levels.height"`)
	deep := fromJSON(t, arrow.ListOf(arrow.StructOf(arrow.Field{Name: "width", Type: arrow.BinaryTypes.String})), `[[{"width": "1"}]]`)
	expect("levels of text", replace(rec, "levels", deep), `"levels.width"`, "utf8")
	for _, pair := range [][2]string{{"cogweave.table", "tiles"}, {"cogweave.version", "2"}} {
		meta := arrow.NewMetadata([]string{pair[0]}, []string{pair[1]})
		expect(pair[0], array.NewRecordBatch(arrow.NewSchema(rec.Schema().Fields(), &meta), rec.Columns(), 1), pair[1])
	}
	for name, spoil := range map[string]func(h *cog.Header){
		"no levels":   func(h *cog.Header) { h.Levels, h.Masks = nil, nil },
		"tile 0":      func(h *cog.Header) { h.Levels[0].TileWidth = 0 },
		"huge tile":   func(h *cog.Header) { h.Levels[0].TileWidth = 1 << 30 },
		"short":       func(h *cog.Header) { h.Levels[0].Offsets = h.Levels[0].Offsets[:7] },
		"no bits":     func(h *cog.Header) { h.Levels[0].Bits = nil },
		"mask":        func(h *cog.Header) { h.Masks[0].Width = 7 },
		"scales":      func(h *cog.Header) { h.Scales = nil },
		"transform":   func(h *cog.Header) { h.Georef.Transform.A = math.Inf(1) },
		"keys":        func(h *cog.Header) { h.Georef.Keys = h.Georef.Keys[:5] },
		"predictor":   func(h *cog.Header) { h.Levels[0].Predictor = 0 },
		"subsampling": func(h *cog.Header) { h.Levels[0].YCbCrSubsampling[1] = 0 },
		"many tiles":  func(h *cog.Header) { h.Levels[0].Width, h.Levels[0].TileWidth = math.MaxInt32, 1 },
	} {
		h := small()
		spoil(h)
		expect(name, Headers([]*cog.Header{h}, memory.DefaultAllocator), "row 0", "a.tif")
	}
}

func BenchmarkHeaders(b *testing.B) {
	h := small()
	h.Levels[0].Width, h.Levels[0].Height, h.Levels[0].Offsets, h.Levels[0].ByteCounts = 1024, 1024, make([]uint64, 512), make([]uint64, 512)
	h.Masks[0] = cog.Level{}
	headers := make([]*cog.Header, 1000)
	for i := range headers {
		headers[i] = h
	}
	b.ReportAllocs()
	for b.Loop() {
		rec := Headers(headers, memory.DefaultAllocator)
		if _, err := ParseHeaders(rec); err != nil {
			b.Fatal(err)
		}
		rec.Release()
	}
}

// Headers that arrive in any order give the table of those in order, and what never arrives has no row.
func TestHeadersWriterInAnyOrder(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	headers := make([]*cog.Header, 7)
	for i := range headers {
		headers[i] = &cog.Header{Href: fmt.Sprintf("https://h/%d.tif?sig=SECRET", i), Size: int64(i)}
	}
	headers[2] = nil
	want := Headers(headers, alloc)
	defer want.Release()
	if want.NumRows() != 6 {
		t.Fatalf("%d rows of 6 headers", want.NumRows())
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 1, 0}, {3, 0, 6, 2, 5, 1, 4}} {
		w := NewHeadersWriter(len(headers), alloc)
		for _, i := range order {
			w.Put(i, headers[i])
		}
		got := w.Record()
		w.Release()
		if !array.RecordEqual(got, want) {
			t.Errorf("order %v: %v", order, got)
		}
		got.Release()
	}
}
