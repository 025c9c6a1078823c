package decode_test

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// bytesLevel is one tile of side x side uint8 pixels.
func bytesLevel(side int, c cog.Compression) *cog.Level {
	return &cog.Level{Width: side, Height: side, TileWidth: side, TileHeight: side, Tiled: true, Samples: 1, Bits: []int{8},
		Format: cog.Unsigned, Compression: c, Predictor: 1, Photometric: 1, Offsets: []uint64{8}, ByteCounts: []uint64{1}}
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func packBits(data []byte) []byte {
	var out []byte
	for len(data) > 0 {
		n := min(128, len(data))
		out = append(append(out, byte(n-1)), data[:n]...)
		data = data[n:]
	}
	return out
}

// encoders make streams of n bytes of pixels. LZW is the old-style, which the standard library writes.
var encoders = map[cog.Compression]func(testing.TB, []byte) []byte{
	cog.Deflate:    func(_ testing.TB, d []byte) []byte { return deflated(d) },
	cog.DeflateOld: func(_ testing.TB, d []byte) []byte { return deflated(d) },
	cog.ZSTD:       zstandard,
	cog.PackBits:   func(_ testing.TB, d []byte) []byte { return packBits(d) },
	cog.LZW: func(t testing.TB, d []byte) []byte {
		var b bytes.Buffer
		w := lzw.NewWriter(&b, lzw.LSB, 8)
		if _, err := w.Write(d); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		return b.Bytes()
	},
	cog.Uncompressed: func(_ testing.TB, d []byte) []byte { return d },
}

func pixels(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i/50) + byte(rng.IntN(3))
	}
	return out
}

func decodeOne(level *cog.Level, rows int, data []byte) ([]byte, error) {
	job := newJob(&cog.Header{Href: "https://host/a.tif?sig=secret"}, level, 0, rows, data)
	err := decode.Tile(context.Background(), job)
	return job.Dst[0], err
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no core.Error", err)
	}
	if e.Class != core.DecodeError {
		t.Fatalf("class %s of %v", e.Class, err)
	}
	if !strings.Contains(e.Message, "tile 0") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("the message does not name the tile, or names a secret: %v", err)
	}
	return e.Reason
}

// TestForeignEncoders reads what encoders other than libtiff's write.
func TestForeignEncoders(t *testing.T) {
	want := pixels(300 * 300)
	for codec, encode := range encoders {
		for _, rows := range []int{1, 7, 150, 299, 300} {
			got, err := decodeOne(bytesLevel(300, codec), rows, encode(t, want))
			if err != nil {
				t.Errorf("compression %d, %d rows: %v", codec, rows, err)
			} else if !bytes.Equal(got, want[:rows*300]) {
				t.Errorf("compression %d, %d rows: differs at byte %d", codec, rows, firstDifference(got, want))
			}
		}
	}
}

// TestTruncated cuts streams at many places: nothing but ShortTile or DecodeError may come of it, and no
// rows that the rest still holds are lost.
func TestTruncated(t *testing.T) {
	want := pixels(100 * 100)
	for codec, encode := range encoders {
		data := encode(t, want)
		for cut := 0; cut < len(data)*9/10; cut += 1 + len(data)/97 {
			_, err := decodeOne(bytesLevel(100, codec), 100, data[:cut])
			if err == nil {
				t.Fatalf("compression %d: %d of %d bytes gave the whole tile", codec, cut, len(data))
			}
			if r := reasonOf(t, err); r != "ShortTile" && r != "DecodeError" {
				t.Errorf("compression %d cut at %d: reason %s", codec, cut, r)
			}
		}
		if codec == cog.ZSTD {
			continue // its blocks, of up to 128 KiB, come whole or not at all
		}
		got, err := decodeOne(bytesLevel(100, codec), 10, data[:len(data)/2])
		if err != nil || !bytes.Equal(got, want[:1000]) {
			t.Errorf("compression %d: 10 rows of half a stream: %v", codec, err)
		}
	}
}

// TestBombs gives streams of one byte, and of a hundred times, more than the tile.
func TestBombs(t *testing.T) {
	for _, codec := range []cog.Compression{cog.Deflate, cog.ZSTD, cog.LZW} {
		for _, n := range []int{64*64 + 1, 64 * 64 * 100} {
			data := encoders[codec](t, make([]byte, n))
			_, err := decodeOne(bytesLevel(64, codec), 64, data)
			if err == nil || reasonOf(t, err) != "DecompressionBomb" {
				t.Errorf("compression %d, %d bytes: %v", codec, n, err)
			}
			// A last strip may be padded to its full height.
			strip := bytesLevel(64, codec)
			strip.Tiled, strip.Height = false, 40
			if _, err := decodeOne(strip, 40, encoders[codec](t, make([]byte, 64*64))); err != nil {
				t.Errorf("compression %d: padded strip: %v", codec, err)
			}
		}
	}
}

// TestZstdWindow asks for a window of two gigabytes.
func TestZstdWindow(t *testing.T) {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00}
	if _, err := decodeOne(bytesLevel(64, cog.ZSTD), 32, frame); err == nil || reasonOf(t, err) != "DecompressionBomb" {
		t.Errorf("got %v", err)
	}
}

// TestCorrupt flips bytes. Formats with a checksum must notice; none may crash.
func TestCorrupt(t *testing.T) {
	want := pixels(100 * 100)
	for codec, encode := range encoders {
		data := encode(t, want)
		missed := 0
		for at := 0; at < len(data); at += 1 + len(data)/211 {
			bad := bytes.Clone(data)
			bad[at] ^= 0x5a
			got, err := decodeOne(bytesLevel(100, codec), 100, bad)
			if err != nil {
				reasonOf(t, err)
			} else if !bytes.Equal(got, want) {
				missed++
			}
		}
		if missed > 0 && (codec == cog.Deflate || codec == cog.ZSTD) {
			t.Errorf("compression %d: %d corruptions went unnoticed", codec, missed)
		}
	}
}

// TestUnsupported lists what no decoder reads.
func TestUnsupported(t *testing.T) {
	for name, change := range map[string]func(*cog.Level){
		"complex of 48 bits":      func(l *cog.Level) { l.Format = cog.ComplexFloat; l.Bits = []int{48} },
		"float of 20 bits":        func(l *cog.Level) { l.Format = cog.Float; l.Bits = []int{20} },
		"65 bits":                 func(l *cog.Level) { l.Bits = []int{65} },
		"mixed depths":            func(l *cog.Level) { l.Samples, l.Bits = 2, []int{8, 16} },
		"predictor 2 on 12 bits":  func(l *cog.Level) { l.Bits, l.Predictor = []int{12}, 2 },
		"predictor 3 on integers": func(l *cog.Level) { l.Predictor = 3 },
		"predictor 9":             func(l *cog.Level) { l.Predictor = 9 },
		"JPEG of 12 bits":         func(l *cog.Level) { l.Compression, l.Bits = cog.JPEG, []int{12} },
		"old-style JPEG":          func(l *cog.Level) { l.Compression = cog.OldJPEG },
		"compression 12345":       func(l *cog.Level) { l.Compression = 12345 },
		"a huge tile":             func(l *cog.Level) { l.TileWidth, l.TileHeight = 1<<20, 1<<20 },
	} {
		level := bytesLevel(64, cog.Deflate)
		change(level)
		job := decode.Job{Header: &cog.Header{}, Level: level, Data: deflated(make([]byte, 64*64)), Rows: level.TileHeight,
			Samples: []int{0}, Dst: [][]byte{make([]byte, 64*64*8)}}
		err := decode.Tile(context.Background(), job)
		if err == nil || reasonOf(t, err) != "TiffUnsupported" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMisuse is about callers: an error says what they did, and is not the file's.
func TestMisuse(t *testing.T) {
	data := deflated(make([]byte, 64*64))
	for name, change := range map[string]func(*decode.Job){
		"no level":         func(j *decode.Job) { j.Level = nil },
		"no header":        func(j *decode.Job) { j.Header = nil },
		"index":            func(j *decode.Job) { j.Index = 1 },
		"negative index":   func(j *decode.Job) { j.Index = -1 },
		"no rows":          func(j *decode.Job) { j.Rows = 0 },
		"too many rows":    func(j *decode.Job) { j.Rows = 65 },
		"sample":           func(j *decode.Job) { j.Samples = []int{1} },
		"planes":           func(j *decode.Job) { j.Samples = []int{0, 0} },
		"a short plane":    func(j *decode.Job) { j.Dst[0] = j.Dst[0][:100] },
		"no sample wanted": func(j *decode.Job) { j.Samples, j.Dst = nil, nil },
		"a part beyond":    func(j *decode.Job) { j.Part, j.Stride = core.Window{Col: 1, Height: 64, Width: 64}, 64 },
		"a part before":    func(j *decode.Job) { j.Part, j.Stride = core.Window{Row: -1, Height: 65, Width: 64}, 64 },
		"a part of others": func(j *decode.Job) { j.Part, j.Stride = core.Window{Height: 8, Width: 64}, 64 },
		"rows that meet":   func(j *decode.Job) { j.Part, j.Stride = core.Window{Height: 64, Width: 64}, 63 },
		"rows too far":     func(j *decode.Job) { j.Part, j.Stride = core.Window{Height: 64, Width: 64}, 65 },
		"a part of GDAL's": func(j *decode.Job) {
			level := *j.Level
			level.Compression = cog.JPEG
			j.Level, j.Part, j.Stride = &level, core.Window{Height: 64, Width: 64}, 64
		},
	} {
		job := newJob(&cog.Header{}, bytesLevel(64, cog.Deflate), 0, 64, data)
		change(&job)
		if err := decode.Tile(context.Background(), job); core.ClassOf(err) != core.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	job := newJob(&cog.Header{}, bytesLevel(64, cog.Deflate), 0, 64, deflated(make([]byte, 64*64)))
	if err := decode.Tile(ctx, job); core.ClassOf(err) != core.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestMasks decodes transparency masks of 1 and 8 bits to 0 and 255, and images of 1 bit to 0 and 1.
func TestMasks(t *testing.T) {
	bits := bytesLevel(16, cog.Uncompressed)
	bits.Bits = []int{1}
	stored := bytes.Repeat([]byte{0xf0, 0x01}, 16)
	check := func(name string, h *cog.Header, level *cog.Level, data []byte, one byte) {
		job := newJob(h, level, 0, 16, data)
		if err := decode.Tile(context.Background(), job); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		want := bytes.Repeat([]byte{one, one, one, one, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, one}, 16)
		if !bytes.Equal(job.Dst[0], want) {
			t.Errorf("%s: %v", name, job.Dst[0][:16])
		}
	}
	check("image", &cog.Header{}, bits, stored, 1)
	h := &cog.Header{Masks: []cog.Level{*bits}}
	check("mask of the header", h, &h.Masks[0], stored, 255)
	tagged := *bits
	tagged.Photometric = 4
	check("mask by its tag", &cog.Header{}, &tagged, stored, 255)
	wide := bytesLevel(16, cog.Uncompressed)
	wide.Photometric = 4
	check("8 bits", &cog.Header{}, wide, bytes.Repeat([]byte{9, 1, 255, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 16), 255)
}

// TestBitOrder reads streams whose bytes are stored with the lowest bit first.
func TestBitOrder(t *testing.T) {
	want := pixels(64 * 64)
	for codec, encode := range encoders {
		data := bytes.Clone(encode(t, want))
		for i, b := range data {
			var r byte
			for k := range 8 {
				r |= b >> k & 1 << (7 - k)
			}
			data[i] = r
		}
		level := bytesLevel(64, codec)
		level.FillOrderLSB = true
		got, err := decodeOne(level, 64, data)
		if err != nil {
			t.Errorf("compression %d: %v", codec, err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("compression %d: differs at byte %d", codec, firstDifference(got, want))
		}
	}
}

// TestSignedOddDepth keeps the sign of 12-bit integers.
func TestSignedOddDepth(t *testing.T) {
	level := bytesLevel(2, cog.Uncompressed)
	level.Bits, level.Format = []int{12}, cog.Signed
	got, err := decodeOne(level, 2, []byte{0xff, 0xf0, 0x01, 0x80, 0x07, 0xff})
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0xff, 0xff, 1, 0, 0x00, 0xf8, 0xff, 0x07}
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestMalformedCorpus decodes what can be found in hostile files: each tile gives pixels or a
// DecodeError, in bounded time and memory.
func TestMalformedCorpus(t *testing.T) {
	tiles := 0
	for _, path := range corpus(t, "cogs-malformed") {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h, err := cog.Read(context.Background(), source(file), path, cog.Limits{})
		if err != nil {
			continue
		}
		for _, levels := range [][]cog.Level{h.Levels, h.Masks} {
			for i := range levels {
				level := &levels[i]
				if level.Width == 0 || level.DType() == "" {
					continue
				}
				for k := range min(len(level.Offsets), 64) {
					r, ok := level.TileRange(k)
					if !ok || level.TileWidth*level.TileHeight > 1<<24 {
						continue
					}
					_, _, rows, _ := rowsOf(level, k)
					err := decode.Tile(context.Background(), newJob(h, level, k, rows, source(file).tile(r)))
					if err != nil && core.ClassOf(err) != core.DecodeError {
						t.Errorf("%s: tile %d: %v", filepath.Base(path), k, err)
					}
					tiles++
				}
			}
		}
	}
	if tiles < 100 {
		t.Errorf("only %d tiles", tiles)
	}
}

// TestNoAllocation holds the common path to no allocation.
func TestNoAllocation(t *testing.T) {
	want := pixels(256 * 256)
	for codec, encode := range encoders {
		level := bytesLevel(256, codec)
		job := newJob(&cog.Header{}, level, 0, 256, encode(t, want))
		if n := testing.AllocsPerRun(100, func() {
			if err := decode.Tile(context.Background(), job); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("compression %d: %v allocations", codec, n)
		}
	}
}
