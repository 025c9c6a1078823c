package gdal

import (
	"encoding/binary"
	"slices"

	"cogweave/core/cog"
)

// TIFF tags that a file of one tile needs.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagPlanar          = 284
	tagT4Options       = 292
	tagT6Options       = 293
	tagPredictor       = 317
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagInkSet          = 332
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagYCbCrCoeffs     = 529
	tagYCbCrSampling   = 530
	tagYCbCrPosition   = 531
	tagReferenceBW     = 532
	tagLERCParameters  = 50674
)

// Field types of TIFF 6.0.
const (
	typeShort     = 3
	typeLong      = 4
	typeUndefined = 7
)

// Photometric interpretations (tag 262).
const (
	blackIsZero = 1
	rgb         = 2
	separated   = 5
	itu         = 10 // ITU L*a*b*, the last of the colour spaces from 6 on
)

type entry struct {
	tag, kind uint16
	count     uint32
	value     []byte // in the file's byte order
}

// directoryOf writes the entries of an image file directory in the byte order of the tile's file, because that is
// the order of the tile's samples too.
type directoryOf struct {
	order   binary.AppendByteOrder
	entries []entry
}

func (d *directoryOf) shorts(tag uint16, values ...int) {
	var b []byte
	for _, v := range values {
		b = d.order.AppendUint16(b, uint16(v))
	}
	d.entries = append(d.entries, entry{tag, typeShort, uint32(len(values)), b})
}

func (d *directoryOf) longs(tag uint16, values ...uint32) {
	var b []byte
	for _, v := range values {
		b = d.order.AppendUint32(b, v)
	}
	d.entries = append(d.entries, entry{tag, typeLong, uint32(len(values)), b})
}

// header gives what precedes the tile's bytes in a TIFF whose only tile it is.
func (t *Tile) header() []byte {
	d := directoryOf{order: binary.LittleEndian}
	if t.Header.BigEndian {
		d.order = binary.BigEndian
	}
	t.describe(&d)
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	if t.Level.Tiled {
		offsets, counts = tagTileOffsets, tagTileByteCounts
	}
	d.longs(counts, uint32(len(t.Data)))
	// The offset of the tile is the size of the directory, which does not depend on it.
	sized := directoryOf{d.order, append(slices.Clone(d.entries), entry{tag: offsets, value: make([]byte, 4)})}
	d.longs(offsets, uint32(len(sized.bytes())))
	return d.bytes()
}

func (t *Tile) describe(d *directoryOf) {
	level := t.Level
	samples, extra := level.Samples, level.ExtraSamples
	if level.Planar {
		samples, extra = 1, nil
	}
	d.longs(tagWidth, uint32(level.TileWidth))
	d.longs(tagHeight, uint32(t.Height))
	d.shorts(tagBits, slices.Repeat(level.Bits[:1], samples)...)
	d.shorts(tagCompression, int(level.Compression))
	d.shorts(tagPhotometric, photometric(level, samples, len(extra)))
	if level.Tiled {
		d.longs(tagTileWidth, uint32(level.TileWidth))
		d.longs(tagTileHeight, uint32(level.TileHeight))
	} else {
		d.longs(tagRowsPerStrip, uint32(t.Height))
	}
	d.shorts(tagSamples, samples)
	d.shorts(tagPlanar, 1)
	d.shorts(tagSampleFormat, slices.Repeat([]int{int(level.Format)}, samples)...)
	if level.FillOrderLSB {
		d.shorts(tagFillOrder, 2)
	}
	if level.Predictor > 1 {
		d.shorts(tagPredictor, level.Predictor)
	}
	if len(extra) > 0 {
		d.shorts(tagExtraSamples, extra...)
	}
	if len(level.JPEGTables) > 0 {
		d.entries = append(d.entries, entry{tagJPEGTables, typeUndefined, uint32(len(level.JPEGTables)), level.JPEGTables})
	}
	if level.YCbCrSubsampling != [2]int{} {
		d.shorts(tagYCbCrSampling, level.YCbCrSubsampling[:]...)
	}
	if len(level.LERCParameters) > 0 {
		d.longs(tagLERCParameters, level.LERCParameters...)
	}
	t.copyRaw(d, tagT4Options, tagT6Options, tagInkSet, tagYCbCrCoeffs, tagYCbCrPosition, tagReferenceBW)
}

// copyRaw takes entries over as the file has them.
func (t *Tile) copyRaw(d *directoryOf, tags ...uint16) {
	for _, tag := range tags {
		if raw, ok := t.Level.Raw[tag]; ok && len(raw.Data) > 0 && raw.Count <= uint64(len(raw.Data)) {
			d.entries = append(d.entries, entry{tag, raw.Type, uint32(raw.Count), raw.Data})
		}
	}
}

// photometric gives the interpretation that the decoder is to act on. A palette, a mask or an inverted
// grey scale would only make GDAL ask for more tags; the samples are the same.
func photometric(level *cog.Level, samples, extra int) int {
	p := level.Photometric
	if samples > 1 && (p == rgb && samples-extra == 3 || p >= separated && p <= itu) {
		return p
	}
	return blackIsZero
}

// bytes gives the file up to the tile: header, directory, values that do not fit into an entry.
func (d *directoryOf) bytes() []byte {
	sorted := slices.SortedFunc(slices.Values(d.entries), func(a, b entry) int { return int(a.tag) - int(b.tag) })
	out := []byte("II")
	if d.order == binary.AppendByteOrder(binary.BigEndian) {
		out = []byte("MM")
	}
	out = d.order.AppendUint16(out, 42)
	out = d.order.AppendUint32(out, 8)
	out = d.order.AppendUint16(out, uint16(len(sorted)))
	outside := 8 + 2 + 12*len(sorted) + 4
	var values []byte
	for _, e := range sorted {
		out = d.order.AppendUint16(out, e.tag)
		out = d.order.AppendUint16(out, e.kind)
		out = d.order.AppendUint32(out, e.count)
		if len(e.value) <= 4 {
			out = append(append(out, e.value...), make([]byte, 4-len(e.value))...)
			continue
		}
		out = d.order.AppendUint32(out, uint32(outside+len(values)))
		values = append(values, e.value...)
		if len(values)%2 == 1 {
			values = append(values, 0)
		}
	}
	out = d.order.AppendUint32(out, 0)
	return append(out, values...)
}
