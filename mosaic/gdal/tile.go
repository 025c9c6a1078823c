package gdal

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"unsafe"

	"github.com/airbusgeo/godal"

	"cogweave/core"
	"cogweave/core/cog"
)

// Tile is one compressed tile and what is wanted of it.
type Tile struct {
	Header *cog.Header // byte order and href
	Level  *cog.Level
	Index  int    // position of the tile in Level.Offsets, for errors
	Height int    // rows that the tile holds: Level.TileHeight, or what is left of the image for the last strip
	Data   []byte // the compressed bytes
	Rows   int    // rows wanted, from the top: 1 to Height
	// Samples are the wanted ones of those in the tile, from 0; a tile of a Planar level holds one.
	Samples []int
	// Dst[k] receives Samples[k]: Rows*Level.TileWidth pixels, row-major, of Level.DType() in the machine's byte order.
	Dst [][]byte
}

// slots bounds how many threads are inside GDAL: each blocks an OS thread, and more of them than
// processors only cost memory.
var slots = sync.OnceValue(func() chan struct{} { return make(chan struct{}, core.Processors()) })

// DecodeTile decodes one tile by GDAL. JPEG in YCbCr comes out as RGB, 1-bit samples as 0 and 1. Depth
// and size are checked against the level before GDAL sees a byte. It waits for its turn until ctx ends.
func DecodeTile(ctx context.Context, t Tile) error {
	if err := t.check(); err != nil {
		return err
	}
	if err := Init(); err != nil {
		return err
	}
	select {
	case slots() <- struct{}{}:
		defer func() { <-slots() }()
	case <-ctx.Done():
		return core.Errorf(core.Cancelled, "", "decoding of tile %d was cancelled: %w", t.Index, ctx.Err())
	}
	file, err := newMemoryFile(t.header(), t.Data)
	if err != nil {
		return err
	}
	defer file.remove()
	return t.read(file.name)
}

// options hold GDAL to the one file. They apply within each call only.
var options = []string{
	"GDAL_DISABLE_READDIR_ON_OPEN=EMPTY_DIR",
	"GDAL_PAM_ENABLED=NO",
	"GDAL_NUM_THREADS=1",
	"GTIFF_IGNORE_READ_ERRORS=NO",
	"CPL_DEBUG=OFF",
}

func (t *Tile) read(name string) error {
	var messages log
	ds, err := godal.Open(name, godal.Drivers("GTiff"), godal.RasterOnly(), godal.ConfigOption(options...),
		godal.ErrLogger(messages.collect))
	if err != nil {
		return t.failed(err)
	}
	defer ds.Close(godal.ErrLogger(messages.collect))
	s := ds.Structure()
	if s.SizeX != t.Level.TileWidth || s.SizeY != t.Height {
		return t.fail("DecodeError", "GDAL sees %d x %d pixels instead of %d x %d", s.SizeX, s.SizeY, t.Level.TileWidth, t.Height)
	}
	bands := ds.Bands()
	for k, sample := range t.Samples {
		if sample >= len(bands) {
			return t.fail("DecodeError", "GDAL sees %d samples instead of %d", len(bands), t.Level.Samples)
		}
		buffer := typed(t.Level.DType(), bands[sample].Structure().DataType, t.Dst[k], t.Rows*t.Level.TileWidth)
		err := bands[sample].Read(0, 0, buffer, t.Level.TileWidth, t.Rows, godal.ConfigOption(options...),
			godal.ErrLogger(messages.collect))
		if err != nil {
			return t.failed(err)
		}
	}
	return nil
}

// typed shows plane as n pixels of dtype to godal. GDAL before 3.7 knows int8 only as bytes.
func typed(dtype core.DType, band godal.DataType, plane []byte, n int) any {
	p := unsafe.Pointer(unsafe.SliceData(plane))
	switch dtype {
	case core.Int8:
		if band != godal.Byte {
			return unsafe.Slice((*int8)(p), n)
		}
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
	return unsafe.Slice((*byte)(p), n)
}

// log collects what GDAL says during one call.
type log struct{ size int }

// maxMessages bounds the text that one hostile tile can make GDAL say.
const maxMessages = 2 << 10

// collect lets warnings pass, of which a sound file has many, but for the one by which libjpeg
// announces that it invents the rest of a truncated image.
func (l *log) collect(category godal.ErrorCategory, _ int, message string) error {
	if category < godal.CE_Failure && !strings.Contains(message, "Premature end of JPEG") {
		return nil
	}
	if l.size > maxMessages {
		return nil // the call has failed already
	}
	l.size += len(message)
	return errors.New(message)
}

// temporary is the name of a file of ours in GDAL's messages.
var temporary = regexp.MustCompile(regexp.QuoteMeta(directory) + `\d+\.tif(: )?|\b\d+\.tif: `)

// failed turns GDAL's message into the tile's error. GDAL names our temporary file, which says nothing.
func (t *Tile) failed(err error) error {
	message := temporary.ReplaceAllString(err.Error(), "")
	for _, sign := range []string{"missing codec", "is not configured", "not supported", "not implemented", "Unsupported"} {
		if strings.Contains(message, sign) {
			return t.fail("TiffUnsupported", "GDAL cannot read it: %s", message)
		}
	}
	return t.fail("DecodeError", "%s", message)
}

func (t *Tile) fail(reason, format string, args ...any) error {
	all := append([]any{t.Index, CodecName(t.Level.Compression)}, args...)
	return core.Errorf(core.DecodeError, reason, "tile %d (%s): "+format, all...).WithHref(t.Header.Href)
}
