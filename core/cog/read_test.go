package cog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"cogweave/core"
)

// TestVariants reads one image in both byte orders, classic and BigTIFF, with every width of array.
func TestVariants(t *testing.T) {
	for name, f := range variants() {
		t.Run(name, func(t *testing.T) {
			f.dirs = []dir{
				{tags: f.tiled(100, 90, 64, f.double(tagPixelScale, 10, 20, 0), f.double(tagTiepoint, 0, 0, 0, 5e5, 4e6, 0),
					text(tagGDALNoData, "-9999"), f.short(tagSampleFormat, 2))},
				{tags: f.tiled(50, 45, 32, f.long(tagNewSubfileType, 1), f.short(tagSampleFormat, 2), f.short(tagTileOffsets, 9000, 9100, 9200, 9300))},
				{tags: f.tiled(25, 23, 32, f.long(tagNewSubfileType, 1), f.short(tagSampleFormat, 2), f.long8(tagTileOffsets, 9400))},
			}
			h, err := parse(f.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Levels) != 3 || len(h.Masks) != 3 || h.BigTIFF != f.big || h.BigEndian != strings.HasPrefix(name, "big") {
				t.Fatalf("%+v", h)
			}
			l := h.Levels[0]
			if l.Width != 100 || l.Height != 90 || l.TileWidth != 64 || l.DType() != core.Int16 || l.Compression != Deflate || !l.Tiled {
				t.Errorf("level 0: %+v", l)
			}
			want := []core.ByteRange{{Start: 1000, End: 1100}, {Start: 1100, End: 1200}, {Start: 1200, End: 1300}, {Start: 1300, End: 1400}}
			for i, r := range want {
				if got, ok := l.TileRange(i); !ok || got != r {
					t.Errorf("tile %d: %v %v", i, got, ok)
				}
			}
			if !slices.Equal(h.Levels[1].Offsets, []uint64{9000, 9100, 9200, 9300}) || !slices.Equal(h.Levels[2].Offsets, []uint64{9400}) {
				t.Errorf("overviews at %v, %v", h.Levels[1].Offsets, h.Levels[2].Offsets)
			}
			if g := h.Georef; !g.HasTransform || g.Transform != (core.Affine{A: 10, E: -20, C: 5e5, F: 4e6}) {
				t.Errorf("georef %+v", g)
			}
			if !h.NoData.Set || h.NoData.Value != -9999 {
				t.Errorf("nodata %v", h.NoData)
			}
			bits := l.Raw[tagBitsPerSample]
			if bits.Type != typeShort || bits.Count != 1 || !bytes.Equal(bits.Data, f.short(0, 16).data) {
				t.Errorf("raw BitsPerSample %v", bits)
			}
			if _, kept := l.Raw[tagTileOffsets]; kept {
				t.Error("the tile arrays are kept raw")
			}
		})
	}
}

// TestDefaults reads the fewest tags that make an image.
func TestDefaults(t *testing.T) {
	f := le()
	f.dirs = []dir{{tags: []tag{f.short(tagImageWidth, 20), f.short(tagImageLength, 30), f.short(tagStripOffsets, 500)}}}
	h, err := parse(f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	l := h.Levels[0]
	l.Raw = nil
	want := Level{
		Width: 20, Height: 30, TileWidth: 20, TileHeight: 30, Samples: 1, Bits: []int{1}, Format: Unsigned, Compression: Uncompressed,
		Predictor: 1, Photometric: 1, YCbCrSubsampling: [2]int{1, 1}, Offsets: []uint64{500}, ByteCounts: []uint64{3 * 30},
	}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	if h.Georef.HasTransform || h.Georef.HasGCPs || h.NoData.Set || !slices.Equal(h.Scales, []float64{1}) {
		t.Errorf("%+v", h)
	}
	f.dirs[0].tags = append(f.dirs[0].tags, f.short(tagPhotometric, photometricYCbCr), f.short(tagSamplesPerPixel, 3), f.short(tagBitsPerSample, 8, 8, 8))
	if h, err = parse(f.bytes()); err != nil || h.Levels[0].YCbCrSubsampling != [2]int{2, 2} || h.Levels[0].ByteCounts[0] != 10*15*6 {
		t.Errorf("YCbCr: %v %+v", err, h)
	}
}

// TestPyramid sorts overviews and masks of every origin and drops what is none.
func TestPyramid(t *testing.T) {
	f := le()
	kind := func(v uint32) tag { return f.long(tagNewSubfileType, v) }
	one := f.short(tagBitsPerSample, 1)
	f.dirs = []dir{
		{tags: f.tiled(100, 100, 64), subs: []dir{{tags: f.tiled(25, 25, 32, kind(1))}, {tags: f.tiled(77, 77, 64)}}},
		{tags: f.tiled(13, 13, 32, kind(1))},
		{tags: f.tiled(50, 50, 32, kind(1))},
		{tags: f.tiled(50, 50, 32, kind(1))},                                                                  // a second one of that size
		{tags: f.tiled(40, 40, 32, kind(1), f.short(tagBitsPerSample, 8))},                                    // another type
		{tags: f.tiled(100, 100, 64, kind(1))},                                                                // no smaller
		{tags: f.tiled(30, 30, 32, kind(1), without(tagImageWidth))},                                          // broken
		{tags: f.tiled(20, 20, 32, without(tagNewSubfileType))},                                               // a page
		{tags: f.tiled(100, 100, 64, kind(4), one)},                                                           // masks
		{tags: f.tiled(50, 50, 64, kind(5), one)},                                                             //
		{tags: f.tiled(13, 13, 64, kind(5), f.short(tagBitsPerSample, 8))},                                    //
		{tags: f.tiled(99, 99, 64, kind(5), one)},                                                             // of no level
		{tags: f.tiled(7, 7, 32, without(0), f.short(tagSubfileType, 2))},                                     // reduced, by the old tag
		{tags: f.tiled(25, 25, 32, kind(5), f.short(tagBitsPerSample, 16))},                                   // too deep for a mask
		{tags: f.tiled(25, 25, 32, kind(5), f.short(tagBitsPerSample, 8, 8), f.short(tagSamplesPerPixel, 2))}, // of two samples
	}
	h, err := parse(f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	var levels, masks []int
	for i := range h.Levels {
		levels = append(levels, h.Levels[i].Width)
		masks = append(masks, h.Masks[i].Width)
	}
	if !slices.Equal(levels, []int{100, 50, 25, 13, 7}) || !slices.Equal(masks, []int{100, 50, 0, 13, 0}) {
		t.Errorf("levels %v, masks %v", levels, masks)
	}
	if len(h.Warnings) != 8 {
		t.Errorf("%d warnings: %q", len(h.Warnings), h.Warnings)
	}
}

// TestSparse gives every way in which tiles can be absent.
func TestSparse(t *testing.T) {
	f := le()
	for name, tags := range map[string][]tag{
		"no arrays":  f.tiled(100, 100, 64, without(tagTileOffsets), without(tagTileByteCounts)),
		"no offsets": f.tiled(100, 100, 64, without(tagTileOffsets)),
		"all zero":   f.tiled(100, 100, 64, f.long(tagTileOffsets, 0, 0, 0, 0), f.long(tagTileByteCounts, 0, 0, 0, 0)),
		"deferred":   f.tiled(100, 100, 64, tag{id: tagTileOffsets, kind: 99}, tag{id: tagTileByteCounts, kind: 99}),
	} {
		f.dirs = []dir{{tags: tags}}
		h, err := parse(f.bytes())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l := &h.Levels[0]
		if _, ok := l.TileRange(3); ok || len(l.Offsets) != 0 || h.CheckTile(l, 3, Limits{}) != nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
	f.dirs = []dir{{tags: f.tiled(100, 100, 64, f.long(tagTileOffsets, 900, 0, 1000, 1200), f.long(tagTileByteCounts, 100, 50, 0, 100))}}
	h, err := parse(f.bytes())
	if err != nil || !slices.Equal(h.Levels[0].ByteCounts, []uint64{100, 0, 0, 100}) {
		t.Errorf("%v %+v", err, h)
	}
}

// TestMissingByteCounts estimates compressed tiles by the gaps between what is stored.
func TestMissingByteCounts(t *testing.T) {
	f := le()
	f.dirs = []dir{
		{tags: f.tiled(100, 100, 64, without(tagTileByteCounts), f.long(tagTileOffsets, 2000, 1000, 3000, 0))},
		{tags: f.tiled(50, 50, 64, f.long(tagNewSubfileType, 1), f.long(tagTileOffsets, 2500))},
	}
	f.tail = make([]byte, 4000)
	data := f.bytes()
	h, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{500, 1000, uint64(len(data)) - 3000, 0}; !slices.Equal(h.Levels[0].ByteCounts, want) {
		t.Errorf("got %v, want %v", h.Levels[0].ByteCounts, want)
	}
	f.dirs[0].tags = f.tiled(100, 100, 64, without(tagTileByteCounts), f.short(tagCompression, 1))
	if h, err = parse(f.bytes()); err != nil || h.Levels[0].ByteCounts[0] != 64*64*2 {
		t.Errorf("uncompressed: %v", err)
	}
}

// TestChop cuts a large uncompressed image of one strip, plane by plane.
func TestChop(t *testing.T) {
	f := le()
	const width, height, start = 2000, 1000, 1000
	plane := uint32(width * height * 2)
	f.dirs = []dir{{tags: []tag{
		f.long(tagImageWidth, width), f.long(tagImageLength, height), f.short(tagBitsPerSample, 16, 16), f.short(tagSamplesPerPixel, 2),
		f.short(tagPlanarConfig, 2), f.long(tagStripOffsets, start, start+plane), f.long(tagStripByteCounts, plane, plane),
	}}}
	f.tail = make([]byte, 2*plane+2000)
	h, err := parse(f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	l := &h.Levels[0]
	at := uint64(start)
	for i := range l.Offsets {
		if l.Offsets[i] != at || l.ByteCounts[i] > chopBytes {
			t.Errorf("strip %d at %d, expected %d; %d bytes", i, l.Offsets[i], at, l.ByteCounts[i])
		}
		at += l.ByteCounts[i]
	}
	if at != uint64(start+2*plane) || len(l.Offsets) != l.tileCount() || len(l.Offsets) < 8 {
		t.Errorf("%d strips to byte %d", len(l.Offsets), at)
	}
}

// TestGeoref gives every form of georeferencing.
func TestGeoref(t *testing.T) {
	f := le()
	scale, tie := f.double(tagPixelScale, 10, 10, 0), f.double(tagTiepoint, 2, 3, 0, 500, 900, 0)
	point := f.short(tagGeoKeys, 1, 1, 0, 3, 1024, 0, 1, 1, keyRasterType, 0, 1, 2, keyProjected, 0, 1, 32633)
	matrix := f.double(tagTransformation, 1, 2, 0, 100, 3, -4, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1)
	gcps := f.double(tagTiepoint, 0, 0, 0, 1, 2, 0, 9, 9, 0, 3, 4, 0)
	for name, c := range map[string]struct {
		tags []tag
		want Georef
	}{
		"scale":        {[]tag{scale, tie}, Georef{HasTransform: true, Transform: core.Affine{A: 10, E: -10, C: 480, F: 930}}},
		"negative":     {[]tag{f.double(tagPixelScale, 10, -10, 0), tie}, Georef{HasTransform: true, Transform: core.Affine{A: 10, E: -10, C: 480, F: 930}}},
		"point":        {[]tag{scale, tie, point}, Georef{HasTransform: true, Transform: core.Affine{A: 10, E: -10, C: 475, F: 935}, EPSG: 32633, PixelIsPoint: true}},
		"matrix":       {[]tag{matrix}, Georef{HasTransform: true, Transform: core.Affine{A: 1, B: 2, C: 100, D: 3, E: -4, F: 200}}},
		"matrix point": {[]tag{matrix, point}, Georef{HasTransform: true, Transform: core.Affine{A: 1, B: 2, C: 98.5, D: 3, E: -4, F: 200.5}, EPSG: 32633, PixelIsPoint: true}},
		"gcps":         {[]tag{gcps}, Georef{HasGCPs: true}},
		"gcps scale":   {[]tag{gcps, scale}, Georef{HasTransform: true, Transform: core.Affine{A: 10, E: -10, C: 1, F: 2}}},
		"rpc":          {[]tag{f.double(tagRPC, make([]float64, 92)...)}, Georef{HasGCPs: true}},
		"scale only":   {[]tag{scale}, Georef{}},
	} {
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, c.tags...)}}
		h, err := parse(f.bytes())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := h.Georef
		got.Keys = nil
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestMetadata(t *testing.T) {
	const xml = `<GDALMetadata>
  <Item name="SCALE" sample="1" role="scale">0.5</Item><Item name="OFFSET" sample="1" role="offset">-3</Item>
  <Item name="SCALE" sample="9" role="scale">7</Item><Item name="SCALE" sample="0" role="scale">NaN</Item>
  <Item name="DESCRIPTION" sample="0" role="description">a &lt;b&gt; &amp;quot;c&amp;quot;</Item>
  <Item name="OVERVIEW_RESAMPLING" domain="IMAGE_STRUCTURE">Average</Item>`
	f := le()
	two := []tag{f.short(tagSamplesPerPixel, 2), f.short(tagBitsPerSample, 16, 16)}
	read := func(tags ...tag) *Header {
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, append(two, tags...)...)}}
		h, err := parse(f.bytes())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := read(text(tagGDALMetadata, xml+"</GDALMetadata>\n"), text(tagGDALNoData, "7 "))
	if !slices.Equal(h.Scales, []float64{1, 0.5}) || !slices.Equal(h.Offsets, []float64{0, -3}) || h.OverviewResampling != "AVERAGE" ||
		!slices.Equal(h.Descriptions, []string{`a <b> "c"`, ""}) || len(h.Warnings) != 1 || h.NoData.Value != 7 {
		t.Errorf("%+v", h)
	}
	for name, bad := range map[string]string{
		"unclosed": xml, "no XML": "\x01\x02", "entities": `<!DOCTYPE x [<!ENTITY a "aaaa">]><GDALMetadata>&a;</GDALMetadata>`,
		"huge": strings.Repeat("<a>", maxXMLBytes), "unknown entity": "<GDALMetadata>&a;</GDALMetadata>",
	} {
		if h := read(text(tagGDALMetadata, bad)); len(h.Warnings) == 0 && name != "no XML" {
			t.Errorf("%s XML: no warning", name)
		}
	}
	for bad, warn := range map[string]bool{
		"abc": true, strings.Repeat("9", 500): true, strings.Repeat("9", 200): true, "nan": true, "-1": true, "65536": true, "1.5": true, "": false,
	} {
		if h := read(text(tagGDALNoData, bad)); h.NoData.Set || (len(h.Warnings) > 0) != warn {
			t.Errorf("nodata %.20q of uint16: %v %v", bad, h.NoData, h.Warnings)
		}
	}
	float := func(s string) float64 {
		two = []tag{f.short(tagBitsPerSample, 32), f.short(tagSampleFormat, 3)}
		return read(text(tagGDALNoData, s)).NoData.Value
	}
	for s, want := range map[string]float64{
		"-3.40282346638529e+38": -math.MaxFloat32, "0.1": float64(float32(0.1)), "-1.#INF": math.Inf(-1), "inf": math.Inf(1),
	} {
		if got := float(s); got != want {
			t.Errorf("nodata %s of float32: %v", s, got)
		}
	}
	if !math.IsNaN(float("-nan")) || !math.IsNaN(float("1.#QNAN")) {
		t.Error("NaN is not read")
	}
}

// TestLeader reads the ghost area of GDAL's COG driver.
func TestLeader(t *testing.T) {
	const body = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\n"
	for ghost, want := range map[string]bool{
		"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\n" + body + "KNOWN_INCOMPATIBLE_EDITION=NO\n ":  true,
		"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\n" + body + "KNOWN_INCOMPATIBLE_EDITION=YES\n ": false,
		"GDAL_STRUCTURAL_METADATA_SIZE=000024 bytes\n" + body:                                       false,
		"GDAL_STRUCTURAL_METADATA_SIZE=-00024 bytes\n" + body:                                       false,
		"GDAL_STRUCTURAL_METADATA_SIZE=":                                                            false,
		body:                                                                                        false,
	} {
		for name, f := range variants() {
			f.lead = []byte(ghost)
			f.dirs = []dir{{tags: f.tiled(10, 10, 16)}}
			if h, err := parse(f.bytes()); err != nil || h.Leader != want {
				t.Errorf("%s, %.60q: %v", name, ghost, err)
			}
		}
	}
}

// TestSources reads the corpus in less convenient ways: the size unknown, and every read failing.
func TestSources(t *testing.T) {
	for _, path := range files(t, "cogs") {
		data := mustLoad(t, path)
		want, err := parse(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		src := &memory{data: data, hideSize: true}
		got, err := Read(context.Background(), src, "mem.tif", Limits{})
		if err != nil {
			t.Errorf("%s: size unknown: %v", path, err)
			continue
		}
		if got.Size != 0 && got.Size != want.Size {
			t.Errorf("%s: size %d, found %d", path, want.Size, got.Size)
		}
		// Large strips are chopped only where the file is known to hold them.
		if got.Size = want.Size; len(got.Levels[0].Offsets) == len(want.Levels[0].Offsets) && fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: differs when the size is unknown:\n%.1500v\n%.1500v", path, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
		}
		for n := range src.reads {
			broken := &failing{memory: memory{data: data, hideSize: true}, after: n}
			var e *core.Error
			if _, err := Read(context.Background(), broken, "mem.tif", Limits{}); !errors.As(err, &e) || e.Reason != "ShortRead" {
				t.Errorf("%s: read %d fails: %v", path, n, err)
			}
		}
	}
}

var errBroken = core.Errorf(core.AssetError, "ShortRead", "broken")

type failing struct {
	memory
	after int
}

func (f *failing) ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error) {
	if len(f.reads) == f.after {
		return nil, errBroken
	}
	return f.memory.ReadRange(ctx, r)
}

// TestRequests counts what is asked for: nothing twice, and all arrays in one round trip.
func TestRequests(t *testing.T) {
	f := le()
	f.lead = make([]byte, 100)
	f.dirs = []dir{{tags: f.tiled(10980, 10980, 512)}, {tags: f.tiled(5490, 5490, 512, f.long(tagNewSubfileType, 1))}}
	data := f.bytes()
	src := &memory{data: data}
	if _, err := Read(context.Background(), src, "", Limits{}); err != nil || len(src.reads) != 1 {
		t.Errorf("a header of %d bytes: %v %v", len(data), src.reads, err)
	}
	// 80,000 tiles: the second directory and both arrays lie outside the first read.
	f.dirs = []dir{{tags: f.tiled(32*300, 32*300, 32)}, {tags: f.tiled(32*150, 32*150, 32, f.long(tagNewSubfileType, 1))}}
	data = f.bytes()
	src = &memory{data: data}
	h, err := Read(context.Background(), src, "", Limits{})
	if err != nil || len(h.Levels) != 2 || len(h.Levels[0].Offsets) != 90000 {
		t.Fatal(err)
	}
	if len(src.reads) > 4 {
		t.Errorf("%d reads: %v", len(src.reads), src.reads)
	}
	read := int64(0)
	for _, r := range src.reads {
		read += r.Len()
	}
	if read > int64(len(data))+64<<10 {
		t.Errorf("%d bytes read of a header of %d", read, len(data))
	}
}

// scattered gives a file of three levels whose tile arrays lie far from the directories and from each
// other, and the number of places they lie at.
func scattered() (data []byte, places int) {
	f := le()
	const size, gap = 2000, 100 << 10
	f.tail = make([]byte, 20*gap)
	array := func(id uint16, n int) tag {
		places++
		at := uint64(places * gap)
		copy(f.tail[places*gap-size:], f.long(0, make([]uint32, n)...).data) // zeros: sparse, but asked for
		return tag{id: id, kind: typeLong, count: uint64(n), where: &at}
	}
	for i, pixels := range []uint32{320, 160, 80} {
		n := int(pixels/16) * int(pixels/16)
		f.dirs = append(f.dirs, dir{tags: f.tiled(pixels, pixels, 16, f.long(tagNewSubfileType, min(1, uint32(i))),
			array(tagTileOffsets, n), array(tagTileByteCounts, n))})
	}
	return f.bytes(), places
}

// barrier holds every read after the first until all of them have begun.
type barrier struct {
	memory
	others sync.WaitGroup
	err    func(r core.ByteRange) error
}

func (b *barrier) ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error) {
	if r.Start > 0 {
		b.others.Done()
		b.others.Wait()
		if err := b.err(r); err != nil {
			return nil, err
		}
	}
	return b.memory.ReadRange(ctx, r)
}

// TestOneRoundTrip asks for what lies in many places at once: the reads wait for each other.
func TestOneRoundTrip(t *testing.T) {
	data, places := scattered()
	run := func(fault func(r core.ByteRange) error) (*Header, error) {
		src := &barrier{memory: memory{data: data}, err: fault}
		src.others.Add(places)
		return Read(t.Context(), src, "a.tif", Limits{})
	}
	h, err := run(func(core.ByteRange) error { return nil })
	if err != nil || len(h.Levels) != 3 || len(h.Warnings) > 0 {
		t.Fatalf("%v %+v", err, h)
	}
	third := int64(3 * 100 << 10)
	_, err = run(func(r core.ByteRange) error {
		if r.Start >= third {
			return core.Errorf(core.AssetError, "Stall", "byte %d", r.Start)
		}
		return nil
	})
	if core.ClassOf(err) != core.AssetError || !strings.Contains(err.Error(), fmt.Sprint(third)) {
		t.Errorf("the first failure in file order is expected: %v", err)
	}
	_, err = run(func(r core.ByteRange) error {
		if r.Start == third {
			panic("in a source")
		}
		return nil
	})
	if core.ClassOf(err) != core.Internal {
		t.Errorf("a panic: %v", err)
	}
}

// TestBadSubIFDs survives children that cannot be read.
func TestBadSubIFDs(t *testing.T) {
	f := le()
	far := uint64(1 << 30)
	for name, sub := range map[string]tag{
		"outside": f.long(tagSubIFDs, 1<<30), "text": text(tagSubIFDs, "ab"), "array outside": {id: tagSubIFDs, kind: typeLong, count: 3, where: &far},
		"twice": f.long(tagSubIFDs, 8), "zero": f.long(tagSubIFDs, 0), "garbage": f.long(tagSubIFDs, 4000),
	} {
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, sub)}}
		f.tail = bytes.Repeat([]byte{0xff}, 8000)
		h, err := parse(f.bytes())
		warned := name != "twice" && name != "zero"
		if err != nil || len(h.Levels) != 1 || (len(h.Warnings) > 0) != warned {
			t.Errorf("%s: %v %+v", name, err, h)
		}
	}
}

// TestArrayTypes reads tile arrays of every type of whole number.
func TestArrayTypes(t *testing.T) {
	for name, f := range variants() {
		bytesOf := func(size int) []byte {
			var b []byte
			for _, v := range []uint64{100, 110, 120, 125} {
				switch size {
				case 1:
					b = append(b, byte(v))
				case 2:
					b = f.order.AppendUint16(b, uint16(v))
				case 4:
					b = f.order.AppendUint32(b, uint32(v))
				case 8:
					b = f.order.AppendUint64(b, v)
				}
			}
			return b
		}
		for _, kind := range []uint16{typeByte, typeShort, typeLong, typeLong8, typeIFD, typeIFD8, typeSByte, typeSShort, typeSLong, typeSLong8} {
			offsets := tag{id: tagTileOffsets, kind: kind, count: 4, data: bytesOf(int(typeSize(kind)))}
			f.dirs = []dir{{tags: f.tiled(100, 100, 64, offsets)}}
			h, err := parse(f.bytes())
			if err != nil || !slices.Equal(h.Levels[0].Offsets, []uint64{100, 110, 120, 125}) {
				t.Errorf("%s, type %d: %v", name, kind, err)
			}
		}
		scale, tie := f.floats(tagPixelScale, 10, 10, 0), f.floats(tagTiepoint, 0, 0, 0, 1, 2, 0)
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, scale, tie)}}
		if h, err := parse(f.bytes()); err != nil || h.Georef.Transform != (core.Affine{A: 10, E: -10, C: 1, F: 2}) {
			t.Errorf("%s: float georeferencing: %v", name, err)
		}
	}
}
