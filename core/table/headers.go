package table

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core"
	"cogweave/core/cog"
)

// rawTag is an entry of cog.Level.Raw together with its number.
type rawTag struct {
	tag uint16
	cog.RawTag
}

var rawFields = []field[rawTag]{
	whole("tag", func(r *rawTag) *uint16 { return &r.tag }),
	whole("type", func(r *rawTag) *uint16 { return &r.Type }),
	whole("count", func(r *rawTag) *uint64 { return &r.Count }),
	bytesField("data", func(r *rawTag) *[]byte { return &r.Data }),
}

// levelFields describe an image of the pyramid. width 0 stands for a mask that is not there.
var levelFields = []field[cog.Level]{
	whole("width", func(l *cog.Level) *int { return &l.Width }),
	whole("height", func(l *cog.Level) *int { return &l.Height }),
	whole("tile_width", func(l *cog.Level) *int { return &l.TileWidth }),
	whole("tile_height", func(l *cog.Level) *int { return &l.TileHeight }),
	flag("tiled", func(l *cog.Level) *bool { return &l.Tiled }),
	whole("samples", func(l *cog.Level) *int { return &l.Samples }),
	wholes("bits", func(l *cog.Level) *[]int { return &l.Bits }),
	whole("sample_format", func(l *cog.Level) *cog.SampleFormat { return &l.Format }),
	whole("compression", func(l *cog.Level) *cog.Compression { return &l.Compression }),
	whole("predictor", func(l *cog.Level) *int { return &l.Predictor }),
	flag("planar", func(l *cog.Level) *bool { return &l.Planar }),
	whole("photometric", func(l *cog.Level) *int { return &l.Photometric }),
	wholes("extra_samples", func(l *cog.Level) *[]int { return &l.ExtraSamples }),
	flag("fill_order_lsb", func(l *cog.Level) *bool { return &l.FillOrderLSB }),
	whole("subsampling_x", func(l *cog.Level) *int { return &l.YCbCrSubsampling[0] }),
	whole("subsampling_y", func(l *cog.Level) *int { return &l.YCbCrSubsampling[1] }),
	bytesField("jpeg_tables", func(l *cog.Level) *[]byte { return &l.JPEGTables }),
	wholes("lerc_parameters", func(l *cog.Level) *[]uint32 { return &l.LERCParameters }),
	wholes("color_map", func(l *cog.Level) *[]uint16 { return &l.ColorMap }),
	wholes("tile_offsets", func(l *cog.Level) *[]uint64 { return &l.Offsets }),
	wholes("tile_byte_counts", func(l *cog.Level) *[]uint64 { return &l.ByteCounts }),
	structs("raw", rawFields, rawOf, setRaw),
}

// headerFields are the columns of the table, one row a file.
var headerFields = []field[cog.Header]{
	text("href", func(h *cog.Header) *string { return &h.Href }),
	text("etag", func(h *cog.Header) *string { return &h.ETag }),
	whole("size", func(h *cog.Header) *int64 { return &h.Size }),
	flag("big_endian", func(h *cog.Header) *bool { return &h.BigEndian }),
	flag("big_tiff", func(h *cog.Header) *bool { return &h.BigTIFF }),
	flag("leader", func(h *cog.Header) *bool { return &h.Leader }),
	structs("levels", levelFields, func(h *cog.Header) []cog.Level { return h.Levels }, func(h *cog.Header, l []cog.Level) { h.Levels = l }),
	structs("masks", levelFields, func(h *cog.Header) []cog.Level { return h.Masks }, func(h *cog.Header, l []cog.Level) { h.Masks = l }),
	floats("transform", transformOf, setTransform),
	flag("has_gcps", func(h *cog.Header) *bool { return &h.Georef.HasGCPs }),
	whole("epsg", func(h *cog.Header) *int { return &h.Georef.EPSG }),
	wholes("geo_keys", func(h *cog.Header) *[]uint16 { return &h.Georef.Keys }),
	floats("geo_doubles", func(h *cog.Header) []float64 { return h.Georef.Doubles }, func(h *cog.Header, v []float64) { h.Georef.Doubles = v }),
	// Bytes, since old files have citations that are no UTF-8.
	rawText("geo_ascii", func(h *cog.Header) *string { return &h.Georef.ASCII }),
	flag("pixel_is_point", func(h *cog.Header) *bool { return &h.Georef.PixelIsPoint }),
	floats("scales", func(h *cog.Header) []float64 { return h.Scales }, func(h *cog.Header, v []float64) { h.Scales = v }),
	floats("offsets", func(h *cog.Header) []float64 { return h.Offsets }, func(h *cog.Header, v []float64) { h.Offsets = v }),
	texts("descriptions", func(h *cog.Header) *[]string { return &h.Descriptions }),
	optionalNumber("nodata", func(h *cog.Header) *core.NoData { return &h.NoData }),
	text("overview_resampling", func(h *cog.Header) *string { return &h.OverviewResampling }),
	texts("warnings", func(h *cog.Header) *[]string { return &h.Warnings }),
}

var headersSchema = arrow.NewSchema(arrowFields(headerFields), stageMetadata("headers"))

// Headers writes headers as a table, a row each in their order; nil headers are left out. The hrefs have
// no signature (core.StripSignature): the table may be saved. The caller releases the batch.
func Headers(headers []*cog.Header, alloc memory.Allocator) arrow.RecordBatch {
	w := NewHeadersWriter(len(headers), alloc)
	defer w.Release()
	for i, h := range headers {
		w.Put(i, h)
	}
	return w.Record()
}

// HeadersWriter writes the table of Headers while its headers arrive, in any order: a row is written once
// all before it are there, so that the last header to arrive finds the others written.
type HeadersWriter struct {
	builder *array.RecordBuilder
	arrived []*cog.Header // not written yet; nil while it has not arrived
	next    int           // the first row that is not written
}

// NewHeadersWriter makes a writer of so many headers. The caller releases it.
func NewHeadersWriter(n int, alloc memory.Allocator) *HeadersWriter {
	b := array.NewRecordBuilder(alloc, headersSchema)
	b.Reserve(n)
	return &HeadersWriter{builder: b, arrived: make([]*cog.Header, n)}
}

// Put gives header i; nil is ignored.
func (w *HeadersWriter) Put(i int, h *cog.Header) {
	w.arrived[i] = h
	for w.next < len(w.arrived) && w.arrived[w.next] != nil {
		w.write(w.arrived[w.next])
		w.arrived[w.next] = nil
		w.next++
	}
}

func (w *HeadersWriter) write(h *cog.Header) {
	row := *h
	row.Href = core.StripSignature(h.Href)
	for i := range headerFields {
		headerFields[i].append(w.builder.Field(i), &row)
	}
}

// Record gives the table of all headers that were put, in the order of their rows. The caller releases it.
func (w *HeadersWriter) Record() arrow.RecordBatch {
	for _, h := range w.arrived[w.next:] {
		if h != nil {
			w.write(h)
		}
	}
	w.arrived, w.next = nil, 0
	return w.builder.NewRecordBatch()
}

// Release gives back what Record did not take along.
func (w *HeadersWriter) Release() { w.builder.Release() }

// ParseHeaders reads a table that Headers has written, here or in another process, perhaps rewritten by
// another library: columns in any order, integers of any width, lists and texts of any layout; more
// columns do not matter. A column that is missing or of another kind, and a header that breaks the
// promises of cog.Read, are InvalidArgument. Nothing in the result points into the batch.
func ParseHeaders(rec arrow.RecordBatch) ([]*cog.Header, error) {
	if err := checkStage(rec.Schema(), "headers"); err != nil {
		return nil, err
	}
	readers, err := openFields(recordFields(rec), headerFields, "")
	if err != nil {
		return nil, err
	}
	headers := make([]*cog.Header, rec.NumRows())
	for row := range headers {
		h := new(cog.Header)
		for _, read := range readers {
			read(row, h)
		}
		if err := h.Check(cog.Limits{}); err != nil {
			return nil, core.Errorf(core.InvalidArgument, "HeadersTable", "row %d of the headers: %w", row, err).WithHref(h.Href)
		}
		headers[row] = h
	}
	return headers, nil
}

// checkStage refuses the table of another stage or version. Libraries that drop the metadata are
// forgiven: the columns tell.
func checkStage(schema *arrow.Schema, name string) error {
	metadata := schema.Metadata()
	if table, ok := metadata.GetValue("cogweave.table"); ok && table != name {
		return core.Errorf(core.InvalidArgument, "HeadersTable", "a table of %s was given where %s are expected", table, name)
	}
	if version, ok := metadata.GetValue("cogweave.version"); ok && version != stageVersion {
		return core.Errorf(core.InvalidArgument, "HeadersTable", "the table of %s has version %s; this is version %s", name, version, stageVersion)
	}
	return nil
}

// transformOf gives the six numbers a, b, c, d, e, f, or none.
func transformOf(h *cog.Header) []float64 {
	if !h.Georef.HasTransform {
		return nil
	}
	t := h.Georef.Transform
	return []float64{t.A, t.B, t.C, t.D, t.E, t.F}
}

func setTransform(h *cog.Header, v []float64) {
	if len(v) == 6 {
		h.Georef.Transform = core.Affine{A: v[0], B: v[1], C: v[2], D: v[3], E: v[4], F: v[5]}
		h.Georef.HasTransform = true
	}
}
