package cog

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"cogweave/core"
)

// hostile reads bytes that nobody should trust: at once (the machine may be busy), within memory in proportion to the file,
// and with either a header that holds together or an error of the right class.
func hostile(t *testing.T, name string, data []byte) (*Header, *core.Error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	h, err := parse(data)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if limit := uint64(16*len(data) + 4<<20); after.TotalAlloc-before.TotalAlloc > limit {
		t.Errorf("%s: %d bytes allocated for a file of %d", name, after.TotalAlloc-before.TotalAlloc, len(data))
	}
	if took > time.Second {
		t.Errorf("%s: %v", name, took)
	}
	if err == nil {
		checkHeader(t, name, h)
		return h, nil
	}
	var e *core.Error
	if !errors.As(err, &e) || e.Class != core.DecodeError || e.Reason == "" || e.Href != "mem.tif" {
		t.Errorf("%s: not a DecodeError with a reason and an href: %#v", name, err)
	}
	return nil, e
}

// checkHeader asserts what every user of a Header relies on.
func checkHeader(t testing.TB, name string, h *Header) {
	t.Helper()
	if err := h.Check(Limits{}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i := range h.Levels {
		for _, l := range []*Level{&h.Levels[i], &h.Masks[i]} {
			if l.Width == 0 {
				continue
			}
			if a := l.AlphaSample(); a >= l.Samples {
				t.Fatalf("%s: alpha sample %d of %d", name, a, l.Samples)
			}
			for tile := range min(l.tileCount(), 100) {
				if r, ok := l.TileRange(tile); ok && r.Len() <= 0 {
					t.Fatalf("%s: tile %d at %v", name, tile, r)
				}
				_ = h.CheckTile(l, tile, Limits{})
			}
		}
	}
}

func TestMalformedCorpus(t *testing.T) {
	want := map[string]string{
		"deb-tiff__test_ifd_loop_subifd.tif":                        ifdLoop,
		"deb-tiff__test_ifd_loop_to_self.tif":                       ifdLoop,
		"gdal__block_width_above_32bit.tif":                         tiffLimit,
		"gdal__huge4GB.tif":                                         tiffLimit,
		"gdal__many_blocks_truncated.tif":                           tiffLimit,
		"gdal__excessive-memory-TIFFFillStrip2.tif":                 tiffLimit,
		"tiff__UTM2GTIF.TIF.tiff":                                   notATiff,
		"gdal__second_image_width_above_32bit.tif":                  "",
		"TwelveMonkeys__ifd-end-pointer.tif":                        "",
		"oor_panic__id_000049_sig_06_src_000318_op_havoc_rep_8.tif": truncated,
	}
	for _, path := range files(t, "cogs-malformed") {
		_, err := hostile(t, path, mustLoad(t, path))
		base := path[strings.LastIndexByte(path, '/')+1:]
		reason, listed := want[base]
		if got := reasonOf(err); listed && got != reason {
			t.Errorf("%s: reason %q, expected %q", base, got, reason)
		}
		delete(want, base)
	}
	if len(want) > 0 {
		t.Errorf("not in the corpus: %v", want)
	}
}

func reasonOf(err *core.Error) string {
	if err == nil {
		return ""
	}
	return err.Reason
}

// TestTruncated cuts real files at every length.
func TestTruncated(t *testing.T) {
	cut := 0
	for _, path := range files(t, "cogs") {
		data := mustLoad(t, path)
		if len(data) > 1200 {
			continue
		}
		cut++
		for n := range data {
			h, err := parse(data[:n])
			if err == nil {
				checkHeader(t, path, h)
			} else if core.ClassOf(err) != core.DecodeError {
				t.Fatalf("%s at %d: %v", path, n, err)
			}
		}
	}
	if cut < 40 {
		t.Errorf("only %d files", cut)
	}
}

func TestNotATIFF(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "HTML": "<!DOCTYPE html><html><body>Not Found</body></html>", "short": "II*\x00",
		"VRT": `<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>`, "PDF": "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj",
		"BigTIFF": "II+\x00\x08\x00\x00\x00\x10\x00", "mixed": "IM*\x00\x08\x00\x00\x00", "version": "MM\x00\x2c\x00\x00\x00\x08",
		"no directory": "II*\x00\x00\x00\x00\x00", "directory outside": "II*\x00\xff\xff\xff\x00\x01\x02",
		"offset size": "II+\x00\x04\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00",
	} {
		_, err := hostile(t, name, []byte(data))
		first := hex.EncodeToString([]byte(data[:min(len(data), 16)]))
		if reasonOf(err) != notATiff || !strings.Contains(err.Error(), first) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLoops builds chains that do not end.
func TestLoops(t *testing.T) {
	at := func(v int64) *int64 { return &v }
	f := le()
	tags := f.tiled(10, 10, 16)
	size := int64(len((&tiff{order: f.order, dirs: []dir{{tags: tags}}}).bytes()) - 8)
	chain := func(n int) []dir {
		dirs := make([]dir, n)
		for i := range dirs {
			dirs[i] = dir{tags: tags}
		}
		return dirs
	}
	self, three, inside := chain(1), chain(3), chain(1)
	self[0].next = at(8)
	three[2].next = at(8 + size)
	inside[0].next = at(8 + 12)
	for name, c := range map[string]struct {
		dirs []dir
		want string
	}{
		"self": {self, ifdLoop}, "three": {three, ifdLoop}, "64": {chain(64), ""}, "65": {chain(65), tooManyIFDs}, "many": {chain(10000), tooManyIFDs},
	} {
		f.dirs = c.dirs
		if _, err := hostile(t, name, f.bytes()); reasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The second directory begins inside the first: its count is the low half of an entry.
	f.dirs = inside
	data := f.bytes()
	f.order.(interface{ PutUint16([]byte, uint16) }).PutUint16(data[20:], 1)
	if _, err := hostile(t, "overlap", data); reasonOf(err) != ifdLoop {
		t.Errorf("overlapping directories: %v", err)
	}
	many := make([]uint32, 100)
	for i := range many {
		many[i] = uint32(5000 + 200*i)
	}
	f.dirs = []dir{{tags: f.tiled(10, 10, 16, f.long(tagSubIFDs, many...))}}
	f.tail = make([]byte, 40000)
	if _, err := hostile(t, "SubIFDs", f.bytes()); reasonOf(err) != tooManyIFDs {
		t.Errorf("100 SubIFDs: %v", err)
	}
}

// TestLimits gives tags that ask for too much, in classic and BigTIFF; the error names the tag.
func TestLimits(t *testing.T) {
	far := func(v uint64) *uint64 { return &v }
	lying := func(id, kind uint16, count uint64, where uint64) tag {
		return tag{id: id, kind: kind, count: count, where: far(where)}
	}
	for name, f := range variants() {
		most := uint64(math.MaxUint32)
		if f.big {
			most = math.MaxUint64
		}
		cases := []struct {
			tags   []tag
			reason string
			name   string
		}{
			{f.tiled(9, 9, 16, lying(tagTileOffsets, typeLong, most, 8)), tiffLimit, "TileOffsets"},
			{f.tiled(9, 9, 16, lying(tagTileByteCounts, typeLong, most/8, 8)), tiffLimit, "TileByteCounts"},
			{f.tiled(9, 9, 16, lying(tagJPEGTables, typeUndef, most, most)), tiffLimit, "JPEGTables"},
			{f.tiled(9, 9, 16, lying(60000, typeDouble, most, most)), tiffLimit, "60000"},
			{f.tiled(9, 9, 16, lying(60000, 77, most, most)), "", ""},
			{f.tiled(9, 9, 16, lying(60000, typeDouble, 2, most)), "", ""},
			{f.tiled(9, 9, 16, lying(tagGDALMetadata, typeASCII, most, most)), "", ""},
			{f.tiled(9, 9, 16, lying(tagColorMap, typeShort, 10, most)), truncated, "ColorMap"},
			{f.tiled(160, 9, 16, lying(tagTileOffsets, typeLong, 10, most)), truncated, "TileOffsets"},
			{f.tiled(9, 9, 16, f.long(tagTileWidth, 0)), tiffLimit, "TileWidth"},
			{f.tiled(9, 9, 16, f.long(tagTileLength, 0)), tiffLimit, "TileLength"},
			{f.tiled(9, 9, 16, without(tagTileLength)), unsupported, "TileLength"},
			{f.tiled(9, 9, 16, without(tagImageLength)), unsupported, "ImageLength"},
			{f.tiled(9, 9, 16, f.long(tagImageWidth, 0)), tiffLimit, "ImageWidth"},
			{f.tiled(9, 9, 16, f.long(tagImageLength, math.MaxUint32)), tiffLimit, "ImageLength"},
			{f.tiled(9, 9, 16, f.long(tagImageWidth, math.MaxInt32), f.long(tagImageLength, math.MaxInt32)), tiffLimit, "TileWidth"},
			{f.tiled(9, 9, 16, f.long(tagTileWidth, 65536), f.long(tagTileLength, 65536)), tiffLimit, "TileWidth"},
			{f.tiled(9, 9, 16, f.long(tagTileWidth, math.MaxInt32), f.long(tagTileLength, math.MaxInt32)), tiffLimit, "TileWidth"},
			{f.tiled(9, 9, 16, f.long(tagSamplesPerPixel, 65536)), tiffLimit, "SamplesPerPixel"},
			{f.tiled(9, 9, 16, f.short(tagSamplesPerPixel, 0)), tiffLimit, "SamplesPerPixel"},
			{f.tiled(9, 9, 16, f.short(tagBitsPerSample, 0)), tiffLimit, "BitsPerSample"},
			{f.tiled(9, 9, 16, f.short(tagBitsPerSample, 8, 16), f.short(tagSamplesPerPixel, 2)), unsupported, "BitsPerSample"},
			{f.tiled(9, 9, 16, f.short(tagSampleFormat, 1, 3), f.short(tagSamplesPerPixel, 2)), unsupported, "SampleFormat"},
			{f.tiled(9, 9, 16, f.short(tagSampleFormat, 9)), unsupported, "SampleFormat"},
			{f.tiled(9, 9, 16, f.short(tagPlanarConfig, 3)), unsupported, "PlanarConfiguration"},
			{f.tiled(9, 9, 16, f.short(tagPredictor, 4)), unsupported, "Predictor"},
			{f.tiled(9, 9, 16, f.short(tagPhotometric, 6), f.short(tagYCbCrSubSampling, 0, 2)), unsupported, "YCbCrSubSampling"},
			{f.tiled(9, 9, 16, text(tagTileWidth, "16")), unsupported, "TileWidth"},
			{f.tiled(9, 9, 16, tag{id: tagTileWidth, kind: typeSShort, count: 1, data: f.short(0, 0xfff0).data}), tiffLimit, "TileWidth"},
			{f.tiled(99, 99, 16, f.long(tagTileOffsets, 1, 2, 3)), tiffLimit, "TileOffsets"},
			{f.tiled(99, 99, 16, f.long(tagTileByteCounts, 1)), tiffLimit, "TileByteCounts"},
			{f.tiled(9, 9, 16, without(tagTileWidth), without(tagTileLength), f.long(tagRowsPerStrip, 0)), tiffLimit, "RowsPerStrip"},
		}
		for _, c := range cases {
			f.dirs = []dir{{tags: c.tags}}
			_, err := hostile(t, name, f.bytes())
			if reasonOf(err) != c.reason || (err != nil && !strings.Contains(err.Message, c.name)) {
				t.Errorf("%s: expected %s of %s, got %v", name, c.reason, c.name, err)
			}
		}
	}
	// A BigTIFF directory may claim 2^63 entries.
	f := variants()["little BigTIFF"]
	f.dirs = []dir{{tags: f.tiled(9, 9, 16)}}
	data := f.bytes()
	data[16+7] = 0x80
	if _, err := hostile(t, "entries", data); reasonOf(err) != tiffLimit {
		t.Errorf("2^63 entries: %v", err)
	}
}

// claiming is a file that is said to be larger than what there is of it.
type claiming struct {
	memory
	size int64
}

func (c *claiming) Size() int64 { return c.size }

// TestOneHugeStrip checks that a strip is not cut into more parts than there may be tiles: a server may say
// any size of a file, and a list of 2^31 strips takes 34 GB.
func TestOneHugeStrip(t *testing.T) {
	f := &tiff{order: binary.LittleEndian, big: true}
	f.dirs = []dir{{tags: []tag{
		f.long(tagImageWidth, 1<<21), f.long(tagImageLength, math.MaxInt32), f.short(tagBitsPerSample, 8), f.short(tagCompression, 1),
		f.short(tagPhotometric, 1), f.short(tagSamplesPerPixel, 1), f.long(tagRowsPerStrip, math.MaxInt32),
		f.long8(tagStripOffsets, 1000), f.long8(tagStripByteCounts, 1<<52),
	}}}
	src := &claiming{memory: memory{data: f.bytes()}, size: 1 << 53}
	var e *core.Error
	if _, err := Read(context.Background(), src, "mem.tif", Limits{}); !errors.As(err, &e) || e.Reason != tiffLimit {
		t.Errorf("%v", err)
	}
}

// TestSharedArrays stacks images on the same arrays, to make a small file cost much memory.
func TestSharedArrays(t *testing.T) {
	f := le()
	at := uint64(20000)
	arrays := func(size uint32) []tag {
		n := uint64(size/16) * uint64(size/16)
		return f.tiled(size, size, 16, f.long(tagNewSubfileType, 1), tag{id: tagTileOffsets, kind: typeLong, count: n, where: &at},
			tag{id: tagTileByteCounts, kind: typeLong, count: n, where: &at})
	}
	for i := range uint32(60) {
		f.dirs = append(f.dirs, dir{tags: arrays(16 * (200 - i))})
	}
	for i := range f.dirs { // tiled has made arrays of its own, which merge has taken out again
		if len(f.dirs[i].tags) != 11 {
			t.Fatal(len(f.dirs[i].tags))
		}
	}
	f.tail = make([]byte, 400<<10)
	if _, err := hostile(t, "shared arrays", f.bytes()); reasonOf(err) != tiffLimit {
		t.Error(err)
	}
}

func TestBadGeoref(t *testing.T) {
	f := le()
	tie := f.double(tagTiepoint, 0, 0, 0, 5e5, 4e6, 0)
	matrix := func(v ...float64) tag {
		return f.double(tagTransformation, append(v, make([]float64, 16-len(v))...)...)
	}
	for name, tags := range map[string][]tag{
		"zero scale": {f.double(tagPixelScale, 0, 10, 0), tie}, "NaN scale": {f.double(tagPixelScale, math.NaN(), 10, 0), tie},
		"1e308": {f.double(tagPixelScale, 1e308, 1e308, 0), tie}, "far": {f.double(tagPixelScale, 10, 10, 0), f.double(tagTiepoint, 0, 0, 0, 1e308, 0, 0)},
		"Inf":      {f.double(tagPixelScale, 10, 10, 0), f.double(tagTiepoint, 0, 0, 0, math.Inf(1), 0, 0)},
		"singular": {matrix(1, 2, 0, 0, 2, 4)}, "NaN matrix": {matrix(1, 0, 0, math.NaN(), 0, 1)}, "zero matrix": {matrix()},
		"tiny":   {f.double(tagPixelScale, 1e-12, 1e-12, 0), tie},
		"10 MB":  {f.double(tagPixelScale, 1, 1, 0), tie, f.short(tagGeoKeys, 1, 1, 0, 0), text(tagGeoASCII, strings.Repeat("x", 10<<20))},
		"64 KiB": {f.short(tagGeoKeys, 1, 1, 0, 0), text(tagGeoASCII, strings.Repeat("x", 64<<10))},
	} {
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, tags...)}}
		data := f.bytes()
		_, err := parse(data)
		var e *core.Error
		if !errors.As(err, &e) || (e.Reason != badGeoref && (name != "10 MB" || e.Reason != tiffLimit)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, keys := range map[string]tag{
		"short": f.short(tagGeoKeys, 1, 1), "count": f.short(tagGeoKeys, 1, 1, 0, 900, 1024, 0, 1, 1), "version": f.short(tagGeoKeys, 2, 1, 0, 0),
		"text": text(tagGeoKeys, "no keys at all"),
	} {
		f.dirs = []dir{{tags: f.tiled(100, 100, 64, keys)}}
		h, err := parse(f.bytes())
		if err != nil || h.Georef.EPSG != 0 || h.Georef.Keys != nil || len(h.Warnings) != 1 {
			t.Errorf("%s keys: %v %+v", name, err, h)
		}
	}
	f.dirs = []dir{{tags: f.tiled(100, 100, 64, f.short(tagGeoKeys, 1, 1, 0, 2, 1024, 0, 1, 1, keyProjected, 0, 1, 60001))}}
	if h, err := parse(f.bytes()); err != nil || h.Georef.EPSG != 0 {
		t.Errorf("EPSG 60001: %v", err)
	}
}

func TestCheckTile(t *testing.T) {
	h := &Header{Href: "a.tif", Size: 10000}
	level := func(compression Compression, ranges ...uint64) *Level {
		l := &Level{Width: 64 * (len(ranges) / 2), Height: 64, TileWidth: 64, TileHeight: 64, Tiled: true, Samples: 1, Bits: []int{8}, Compression: compression}
		for i := 0; i < len(ranges); i += 2 {
			l.Offsets, l.ByteCounts = append(l.Offsets, ranges[i]), append(l.ByteCounts, ranges[i+1])
		}
		return l
	}
	good := []*Level{
		level(Deflate, 100, 100, 200, 50, 250, 10), level(Deflate, 100, 100, 100, 100), level(Deflate, 9000, 1000), level(Deflate, 0, 0),
		level(Deflate, 200, 100, 100, 100),
	}
	for i, l := range good {
		for tile := range l.Offsets {
			if err := h.CheckTile(l, tile, Limits{}); err != nil {
				t.Errorf("good %d, tile %d: %v", i, tile, err)
			}
		}
	}
	bad := []*Level{
		level(Deflate, 9000, 1001), level(Deflate, 1<<40, 5), level(Deflate, 100, 1<<40), level(Deflate, math.MaxUint64, 10),
		level(Deflate, math.MaxUint64-5, 10), level(Deflate, 100, 100, 150, 100), level(Deflate, 150, 100, 100, 60), level(Uncompressed, 10, math.MaxUint64),
	}
	for i, l := range bad {
		var e *core.Error
		if err := h.CheckTile(l, 0, Limits{}); !errors.As(err, &e) || e.Reason != tileRange || e.Class != core.DecodeError || e.Href != "a.tif" || e.Range == nil || e.Range.Len() <= 0 {
			t.Errorf("bad %d: %v", i, err)
		}
	}
	if h.CheckTile(good[0], 3, Limits{}) == nil || h.CheckTile(good[0], -1, Limits{}) == nil {
		t.Error("a tile that does not exist passes")
	}
	h.Size = 0
	big := level(Deflate, 100, 65<<20)
	if h.CheckTile(big, 0, Limits{}) == nil || h.CheckTile(big, 0, Limits{MaxCompressedTile: 66 << 20}) != nil {
		t.Error("MaxCompressedTile is not applied")
	}
	raw := level(Uncompressed, 100, 65<<20)
	if h.CheckTile(raw, 0, Limits{}) == nil {
		t.Error("an uncompressed tile may have more bytes than its pixels")
	}
	raw.TileWidth, raw.TileHeight = 1<<13, 65<<7
	if err := h.CheckTile(raw, 0, Limits{}); err != nil {
		t.Errorf("an uncompressed tile may have the bytes of its pixels: %v", err)
	}
}
