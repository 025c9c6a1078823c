package decode

import (
	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/gdal"
)

// Photometric interpretations (TIFF tag 262) that matter to decoding.
const (
	photometricMask  = 4
	photometricCMYK  = 5
	photometricYCbCr = 6
	photometricLab   = 8 // and 9, 10: ICC and ITU variants
	photometricITU   = 10
)

// maxTileBytes bounds the decoded rows of one tile. The header's limit is far lower unless a caller
// raised it; ISA-L counts in 32 bits.
const maxTileBytes = 1<<31 - 1

// layout is what a job comes to once its level was understood. Sizes are bytes.
type layout struct {
	native     bool        // one of our codecs, else GDAL's
	tileRows   int         // rows that the tile holds; fewer than TileHeight in a last strip
	samples    int         // interleaved in the tile
	bits       int         // of a stored sample
	size       int         // of a pixel in Dst
	rowBytes   int         // of a stored row
	codecRows  int         // rows that the codec is to decode: those wanted, or all
	codecBytes int         // of these rows as stored
	part       core.Window // of the tile, that goes into Dst
	stride     int         // from row to row of Dst, pixels
	planeBytes int         // of Dst[k]
	predictor  int         // 1 where the codec knows no predictor
}

// layout checks the job, its level and its planes, so that nothing after it needs to ask again.
func (job *Job) layout() (layout, error) {
	l, err := job.plainLayout()
	if err != nil {
		return l, err
	}
	if len(job.Dst) != len(job.Samples) {
		return l, job.misuse("%d samples are wanted in %d planes", len(job.Samples), len(job.Dst))
	}
	for k, plane := range job.Dst {
		if len(plane) < l.planeBytes {
			return l, job.misuse("Dst[%d] holds %d bytes of the %d that are needed", k, len(plane), l.planeBytes)
		}
	}
	return l, nil
}

// plainLayout is layout without a look at the planes.
func (job *Job) plainLayout() (layout, error) {
	var l layout
	level := job.Level
	if err := job.checkLevel(); err != nil {
		return l, err
	}
	l.bits = level.Bits[0]
	l.size = level.DType().Size()
	l.samples = level.Samples
	if level.Planar {
		l.samples = 1
	}
	l.native = isNative(level)
	l.predictor = 1
	if hasPredictor(level.Compression) && level.Predictor > 1 {
		l.predictor = level.Predictor
	}
	if err := job.checkDepth(&l); err != nil {
		return l, err
	}
	l.tileRows = level.TileRows(job.Index)
	if err := job.checkWanted(&l); err != nil {
		return l, err
	}
	// Widths, sample counts and depths have at most 31, 16 and 7 bits.
	l.rowBytes = (level.TileWidth*l.samples*l.bits + 7) / 8
	l.codecRows = codecRows(level.Compression, job.Rows, l.tileRows)
	if l.rowBytes > maxTileBytes/l.codecRows || level.TileWidth*l.size > maxTileBytes/job.Rows {
		return l, job.unsupported("its tile of %d x %d pixels is too large", level.TileWidth, level.TileHeight)
	}
	l.codecBytes = l.rowBytes * l.codecRows
	l.part, l.stride = core.Window{Height: job.Rows, Width: level.TileWidth}, level.TileWidth
	if !job.Part.Empty() {
		l.part, l.stride = job.Part, job.Stride
		if p := l.part; !job.TakesParts() || p.Row < 0 || p.Col < 0 || p.Row+p.Height != job.Rows || p.Col+p.Width > level.TileWidth || l.stride < p.Width {
			return l, job.misuse("it has no such part")
		}
	}
	l.planeBytes = ((l.part.Height-1)*l.stride + l.part.Width) * l.size
	return l, nil
}

func (job *Job) checkLevel() error {
	level := job.Level
	if job.Header == nil || level == nil {
		return job.misuse("it has no header or no level")
	}
	if level.Width < 1 || level.Height < 1 || level.TileWidth < 1 || level.TileHeight < 1 || level.TileWidth > 1<<31-1 ||
		level.Samples < 1 || level.Samples > 1<<16-1 || len(level.Bits) == 0 {
		return job.unsupported("its layout makes no sense")
	}
	if level.DType() == "" {
		return job.unsupported("its samples have no array type")
	}
	for _, bits := range level.Bits {
		if bits != level.Bits[0] {
			return job.unsupported("its samples differ in depth")
		}
		if bits < 1 || bits > 64 && !(bits == 128 && level.DType().IsComplex()) {
			return job.unsupported("its samples have %d bits", bits)
		}
	}
	return nil
}

func (job *Job) checkDepth(l *layout) error {
	float := job.Level.Format == cog.Float
	if job.Level.DType().IsComplex() && (l.predictor != 1 || !l.native) {
		return job.unsupported("complex samples go with no predictor here, nor with this codec")
	}
	whole := l.bits == 8 || l.bits == 16 || l.bits == 32 || l.bits == 64
	if float && l.bits != 16 && l.bits != 24 && l.bits != 32 && l.bits != 64 {
		return job.unsupported("it has floats of %d bits", l.bits)
	}
	switch {
	case l.predictor == 1, l.predictor == 2 && whole, l.predictor == 3 && float:
		return nil
	}
	return job.unsupported("predictor %d does not go with samples of %d bits", l.predictor, l.bits)
}

func (job *Job) checkWanted(l *layout) error {
	cols, rows := job.Level.Grid()
	planes := 1
	if job.Level.Planar {
		planes = job.Level.Samples
	}
	if job.Index < 0 || job.Index/planes >= cols*rows {
		return job.misuse("the level has no such tile")
	}
	if job.Rows < 1 || job.Rows > l.tileRows {
		return job.misuse("%d rows are wanted of %d", job.Rows, l.tileRows)
	}
	if len(job.Samples) == 0 {
		return job.misuse("no samples are wanted")
	}
	own := job.Index / (cols * rows)
	for _, s := range job.Samples {
		if s < 0 || s >= job.Level.Samples || job.Level.Planar && s != own {
			return job.misuse("it does not hold sample %d", s)
		}
	}
	return nil
}

// isNative tells whether a codec of this package gives the samples. YCbCr, L*a*b* and CMYK of 8 bits need a
// conversion to RGB, which GDAL does unasked.
func isNative(level *cog.Level) bool {
	switch p := level.Photometric; {
	case p == photometricYCbCr, p >= photometricLab && p <= photometricITU, p == photometricCMYK && level.Bits[0] == 8 && !level.Planar:
		return false
	}
	switch level.Compression {
	case cog.Uncompressed, cog.Deflate, cog.DeflateOld, cog.ZSTD, cog.LZW, cog.PackBits, cog.LZMA:
		return true
	}
	return false
}

// hasPredictor tells whether tag 317 means anything beside the codec; other codecs ignore it, as libtiff's do.
func hasPredictor(c cog.Compression) bool {
	switch c {
	case cog.Deflate, cog.DeflateOld, cog.ZSTD, cog.LZW, cog.LZMA:
		return true
	}
	return false
}

// codecRows is how many rows to decode of those that the tile holds. For deflate the faster library cannot stop,
// which pays from about two thirds on; the other codecs stop where they are told.
func codecRows(c cog.Compression, wanted, held int) int {
	if (c == cog.Deflate || c == cog.DeflateOld) && wanted > held-held/3 {
		return held
	}
	return wanted
}

func (job *Job) unsupported(format string, args ...any) error {
	return job.fail("TiffUnsupported", format, args...)
}

// misuse is an error of our own caller, not of the file.
func (job *Job) misuse(format string, args ...any) error {
	return core.Errorf(core.Internal, "BadJob", "tile %d: "+format, append([]any{job.Index}, args...)...)
}

// fail makes the DecodeError of this tile.
func (job *Job) fail(reason, format string, args ...any) error {
	level := job.Level
	all := append([]any{job.Index, gdal.CodecName(level.Compression)}, args...)
	return core.Errorf(core.DecodeError, reason, "tile %d (%s): "+format, all...).WithHref(job.Header.Href)
}
