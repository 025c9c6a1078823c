package cog

import (
	"math"
	"slices"

	"cogweave/core"
)

// image is a directory on its way to a Level.
type image struct {
	level  Level
	dir    *directory
	role   role
	tiles  uint64 // entries that the tile arrays must have
	reader reader
}

// role is what an image is to the dataset.
type role uint8

const (
	mainImage role = iota
	overview
	mask
	otherPage
)

// The bits of NewSubfileType.
const (
	reducedImage = 1
	maskImage    = 4
)

// newImage reads the size and tiling of a directory's image: what must be known before its arrays
// are fetched.
func newImage(f *file, d *directory, first bool, limits Limits) image {
	m := image{dir: d, reader: reader{file: f, dir: d, err: d.err}}
	m.role = m.findRole(first)
	if m.role != otherPage {
		m.readSize(limits)
	}
	return m
}

// findRole takes the first directory for the dataset whatever it says of itself, as GDAL does.
func (m *image) findRole(first bool) role {
	r := &m.reader
	kind := r.number(tagNewSubfileType, 0)
	if m.dir.find(tagNewSubfileType) == nil && r.number(tagSubfileType, 0) == 2 {
		kind = reducedImage
	}
	switch {
	case first:
		return mainImage
	case kind&maskImage != 0:
		return mask
	case kind&reducedImage != 0:
		return overview
	}
	return otherPage
}

// readSize sets the level's dimensions, tiling and planes, and the number of tiles.
func (m *image) readSize(limits Limits) {
	l, r := &m.level, &m.reader
	l.Width = m.dimension(tagImageWidth)
	l.Height = m.dimension(tagImageLength)
	l.Samples = int(min(r.number(tagSamplesPerPixel, 1), math.MaxUint16+1))
	planar := r.number(tagPlanarConfig, 1)
	l.Tiled = m.dir.find(tagTileWidth) != nil || m.dir.find(tagTileLength) != nil
	if l.Tiled {
		l.TileWidth = m.dimension(tagTileWidth)
		l.TileHeight = m.dimension(tagTileLength)
	} else {
		l.TileWidth = l.Width
		rows := r.number(tagRowsPerStrip, math.MaxUint32)
		if rows == 0 && r.err == nil {
			r.err = fail(tiffLimit, "%s is 0", tagName(tagRowsPerStrip))
		}
		l.TileHeight = int(min(rows, uint64(l.Height)))
	}
	if r.err != nil {
		return
	}
	if l.Samples < 1 || l.Samples > math.MaxUint16 {
		r.err = fail(tiffLimit, "%s is %d", tagName(tagSamplesPerPixel), r.number(tagSamplesPerPixel, 1))
		return
	}
	if planar != 1 && planar != 2 {
		r.err = fail(unsupported, "%s %d", tagName(tagPlanarConfig), planar)
		return
	}
	l.Planar = planar == 2 && l.Samples > 1
	m.countTiles(limits)
}

// dimension reads a width or height.
func (m *image) dimension(tag uint16) int {
	r := &m.reader
	if r.err != nil {
		return 0
	}
	if m.dir.find(tag) == nil {
		r.err = fail(unsupported, "%s is missing", tagName(tag))
		return 0
	}
	v := r.number(tag, 0)
	if r.err == nil && (v < 1 || v > maxDimension) {
		r.err = fail(tiffLimit, "%s is %d; 1 to %d are allowed", tagName(tag), v, maxDimension)
		return 0
	}
	return int(v)
}

func (m *image) countTiles(limits Limits) {
	l := &m.level
	cols, rows := l.Grid()
	planes := 1
	if l.Planar {
		planes = l.Samples
	}
	// Both are below 2^31: the product fits, and stays small before the planes come in.
	if count := int64(cols) * int64(rows); count > limits.MaxTiles || count*int64(planes) > limits.MaxTiles {
		tag := uint16(tagRowsPerStrip)
		if l.Tiled {
			tag = tagTileWidth
		}
		m.reader.err = fail(tiffLimit, "%s %d cuts %d x %d pixels into more than %d tiles",
			tagName(tag), min(l.TileWidth, l.TileHeight), l.Width, l.Height, limits.MaxTiles)
	} else {
		m.tiles = uint64(count * int64(planes))
	}
}

// wanted lists the values that have to be fetched, in bytes of the file, and checks their lengths.
func (m *image) wanted(ranges []core.ByteRange, limits Limits) []core.ByteRange {
	need := inImage | inTiles
	if m.role == mainImage {
		need |= inMain
	}
	for i := range m.dir.entries {
		e := &m.dir.entries[i]
		if m.reader.err != nil || e.use&need == 0 {
			continue
		}
		length := e.size()
		switch {
		case e.use&inTiles != 0:
			length = int64(min(e.count, m.tiles) * typeSize(e.kind))
		case e.use&optional != 0:
			if length > maxXMLBytes {
				continue
			}
		case length > limits.MaxTagBytes:
			m.reader.err = fail(tiffLimit, "%s has %d bytes; %d are allowed", tagName(e.tag), length, limits.MaxTagBytes)
			continue
		}
		if e.pos < m.dir.offset || e.pos >= m.dir.end {
			ranges = append(ranges, core.ByteRange{Start: e.pos, End: e.pos + length})
		}
	}
	return ranges
}

// readPixels reads what the samples are and how they are stored. like is the main image, whose
// slices are shared where the values are the same; nil for the main image itself.
func (m *image) readPixels(like *Level) {
	l, r := &m.level, &m.reader
	l.Compression = Compression(r.number(tagCompression, 1))
	l.Photometric = int(r.number(tagPhotometric, 1) & math.MaxUint16)
	l.FillOrderLSB = r.number(tagFillOrder, 1) == 2
	m.readSamples(like)
	m.readPredictor()
	m.readSubsampling()
	l.ExtraSamples = ints(r.numbers(tagExtraSamples, uint64(l.Samples)))
	l.ColorMap = shorts(r.numbers(tagColorMap, math.MaxUint64))
	for _, v := range r.numbers(tagLERCParameters, 3) {
		l.LERCParameters = append(l.LERCParameters, uint32(v))
	}
	if r.err == nil {
		m.keepRaw()
	}
}

// photometricYCbCr is the photometric interpretation whose chroma may be subsampled.
const photometricYCbCr = 6

// readSamples reads depth and format, which must be the same for all samples.
func (m *image) readSamples(like *Level) {
	l, r := &m.level, &m.reader
	depths := r.numbers(tagBitsPerSample, uint64(l.Samples))
	formats := r.numbers(tagSampleFormat, uint64(l.Samples))
	if r.err != nil {
		return
	}
	depth, format := uint64(1), uint64(Unsigned)
	if len(depths) > 0 {
		depth = depths[0]
	}
	if len(formats) > 0 {
		format = formats[0]
	}
	differs := func(v uint64) func(uint64) bool { return func(u uint64) bool { return u != v } }
	switch {
	case slices.ContainsFunc(depths, differs(depth)):
		r.err = fail(unsupported, "%s differs between samples: %v", tagName(tagBitsPerSample), depths)
	case slices.ContainsFunc(formats, differs(format)):
		r.err = fail(unsupported, "%s differs between samples: %v", tagName(tagSampleFormat), formats)
	case depth < 1 || depth > 128:
		r.err = fail(tiffLimit, "%s is %d; 1 to 128 are allowed", tagName(tagBitsPerSample), depth)
	case format < uint64(Unsigned) || format > uint64(ComplexFloat):
		r.err = fail(unsupported, "%s %d", tagName(tagSampleFormat), format)
	case depth > 64 && format < uint64(ComplexInt):
		r.err = fail(unsupported, "%s is %d", tagName(tagBitsPerSample), depth)
	}
	if r.err != nil {
		return
	}
	l.Format = SampleFormat(format)
	if like != nil && like.Samples == l.Samples && like.Bits[0] == int(depth) {
		l.Bits = like.Bits
		return
	}
	l.Bits = make([]int, l.Samples)
	for i := range l.Bits {
		l.Bits[i] = int(depth)
	}
}

// readPredictor reads the predictor, which only the codecs of byte streams have.
func (m *image) readPredictor() {
	l, r := &m.level, &m.reader
	l.Predictor = 1
	switch l.Compression {
	case LZW, Deflate, DeflateOld, ZSTD, LZMA:
		v := r.number(tagPredictor, 1)
		if r.err == nil && (v < 1 || v > 3) {
			r.err = fail(unsupported, "%s %d", tagName(tagPredictor), v)
			return
		}
		l.Predictor = int(v)
	}
}

// readSubsampling reads the chroma subsampling: 2, 2 unless an YCbCr image says otherwise.
func (m *image) readSubsampling() {
	l, r := &m.level, &m.reader
	l.YCbCrSubsampling = [2]int{1, 1}
	if l.Photometric != photometricYCbCr {
		return
	}
	l.YCbCrSubsampling = [2]int{2, 2}
	v := r.numbers(tagYCbCrSubSampling, 2)
	if len(v) < 2 || r.err != nil {
		return
	}
	for i, n := range v {
		if n != 1 && n != 2 && n != 4 {
			r.err = fail(unsupported, "%s is %v", tagName(tagYCbCrSubSampling), v)
			return
		}
		l.YCbCrSubsampling[i] = int(n)
	}
}

// keepRaw copies the entries that a foreign decoder needs into memory of the header's own.
func (m *image) keepRaw() {
	f, l := m.reader.file, &m.level
	count, total := 0, int64(0)
	for i := range m.dir.entries {
		if e := &m.dir.entries[i]; e.use&inRaw != 0 {
			count++
			total += e.size()
		}
	}
	if count == 0 {
		return
	}
	l.Raw = make(map[uint16]RawTag, count)
	memory := make([]byte, 0, total)
	for i := range m.dir.entries {
		e := &m.dir.entries[i]
		if e.use&inRaw == 0 || m.dir.find(e.tag) != e { // the first entry of a tag counts
			continue
		}
		data, err := f.bytesOf(e, e.count)
		if err != nil {
			m.reader.err = err
			return
		}
		start := len(memory)
		memory = append(memory, data...)
		l.Raw[e.tag] = RawTag{Type: e.kind, Count: e.count, Data: memory[start:len(memory):len(memory)]}
	}
	if tables, ok := l.Raw[tagJPEGTables]; ok {
		l.JPEGTables = tables.Data
	}
}

func ints(v []uint64) []int {
	if len(v) == 0 {
		return nil
	}
	out := make([]int, len(v))
	for i, n := range v {
		out[i] = int(n & math.MaxUint16)
	}
	return out
}

func shorts(v []uint64) []uint16 {
	if len(v) == 0 {
		return nil
	}
	out := make([]uint16, len(v))
	for i, n := range v {
		out[i] = uint16(n)
	}
	return out
}
