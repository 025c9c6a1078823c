// Package cog turns the first bytes of a TIFF or BigTIFF into a Header: its image file directories,
// georeferencing and GDAL metadata. It knows the format and nothing of networks, grids or items.
package cog

import (
	"math"

	"cogweave/core"
)

// Header is what a COG says of itself, parsed and checked against Limits.
type Header struct {
	Href      string // the asset's href, without secrets
	ETag      string
	Size      int64 // bytes of the whole file, 0 if the store did not say
	BigEndian bool
	BigTIFF   bool

	Levels []Level // full resolution first, then overviews by falling size
	// Masks holds the internal mask of Levels[i], aligned with Levels; Width 0 where there is none. A
	// mask has one sample for all, rarely one for each sample of the level.
	Masks []Level

	Georef       Georef
	Scales       []float64 // per sample, 1 where absent (GDAL_METADATA SCALE)
	Offsets      []float64 // per sample, 0 where absent (GDAL_METADATA OFFSET)
	Descriptions []string  // per sample, "" where absent
	NoData       core.NoData
	// OverviewResampling is GDAL's OVERVIEW_RESAMPLING metadata ("NEAREST", "AVERAGE", ...), or "".
	OverviewResampling string
	// Leader is true when the COG ghost area promises that each tile's size stands in the four bytes
	// before it (BLOCK_LEADER=SIZE_AS_UINT4).
	Leader bool
	// Warnings are oddities that were survived, for one log line each.
	Warnings []string
}

// Level is one image of the pyramid: an image file directory.
type Level struct {
	Width, Height         int // pixels
	TileWidth, TileHeight int // pixels; for strips the image width and the rows per strip
	Tiled                 bool
	Samples               int // samples per pixel, alpha included
	Bits                  []int
	Format                SampleFormat
	Compression           Compression
	Predictor             int  // 1 none, 2 horizontal differencing, 3 floating point
	Planar                bool // each sample in its own tiles (PlanarConfiguration 2)
	Photometric           int
	ExtraSamples          []int // TIFF tag 338; 1 or 2 is an alpha sample
	FillOrderLSB          bool  // FillOrder 2
	YCbCrSubsampling      [2]int
	JPEGTables            []byte
	LERCParameters        []uint32
	ColorMap              []uint16
	// Offsets and ByteCounts list the tiles row by row (all tiles of sample 0 first when Planar). A
	// tile with ByteCounts 0 is sparse: it holds nodata, or zero. Both are empty when no tile of the
	// level is stored; else they have one value for each tile.
	Offsets, ByteCounts []uint64
	// Raw holds the directory's entries that a decoder other than ours needs to build a TIFF of one
	// tile: not the sizes and tile arrays, and nothing that points into the file.
	Raw map[uint16]RawTag
}

// RawTag is one directory entry as found, its values in the file's byte order.
type RawTag struct {
	Type  uint16
	Count uint64
	Data  []byte
}

// SampleFormat is TIFF tag 339.
type SampleFormat int

// The sample formats of TIFF 6.0 section 19 and their complex extensions.
const (
	Unsigned     SampleFormat = 1
	Signed       SampleFormat = 2
	Float        SampleFormat = 3
	Void         SampleFormat = 4
	ComplexInt   SampleFormat = 5
	ComplexFloat SampleFormat = 6
)

// Compression is TIFF tag 259.
type Compression int

// The compression schemes that are told apart; any other number is an error of the decoder.
const (
	Uncompressed Compression = 1
	CCITTRLE     Compression = 2
	CCITTFax3    Compression = 3
	CCITTFax4    Compression = 4
	LZW          Compression = 5
	OldJPEG      Compression = 6
	JPEG         Compression = 7
	Deflate      Compression = 8
	PackBits     Compression = 32773
	DeflateOld   Compression = 32946
	LERC         Compression = 34887
	LZMA         Compression = 34925
	ZSTD         Compression = 50000
	WebP         Compression = 50001
	JXL          Compression = 50002
	JPEG2000     Compression = 34712
)

// Georef is where the raster lies.
type Georef struct {
	// Transform maps pixels of level 0 to CRS coordinates, PixelIsPoint already shifted by half a
	// pixel. Valid only if HasTransform.
	Transform    core.Affine
	HasTransform bool
	HasGCPs      bool // georeferenced by ground control points or RPCs only, which cogweave does not use
	// EPSG is the code of the projected or geographic CRS, or 0 when the GeoKeys define their own CRS.
	EPSG int
	// Keys, Doubles and ASCII are the three GeoKey tags (34735, 34736, 34737), for a CRS without code.
	Keys         []uint16
	Doubles      []float64
	ASCII        string
	PixelIsPoint bool
}

// Grid gives the number of tile columns and tile rows of the level.
func (l *Level) Grid() (cols, rows int) {
	return (l.Width + l.TileWidth - 1) / l.TileWidth, (l.Height + l.TileHeight - 1) / l.TileHeight
}

// TileIndex is the position in Offsets of the tile at (row, col) that holds a sample.
func (l *Level) TileIndex(row, col, sample int) int {
	cols, rows := l.Grid()
	i := row*cols + col
	if l.Planar {
		i += sample * cols * rows
	}
	return i
}

// TileRows is the number of image rows that tile i holds: strips end with the image, tiles do not.
func (l *Level) TileRows(i int) int {
	if l.Tiled {
		return l.TileHeight
	}
	cols, rows := l.Grid()
	return min(l.TileHeight, l.Height-i%(cols*rows)/cols*l.TileHeight)
}

// TileRange gives the bytes of tile i; ok is false for a sparse tile. Whether the file has those bytes
// is CheckTile's to tell; a range that is no range at all is cut so that its length stays positive.
func (l *Level) TileRange(i int) (r core.ByteRange, ok bool) {
	if i >= len(l.ByteCounts) || i >= len(l.Offsets) || l.ByteCounts[i] == 0 {
		return core.ByteRange{}, false
	}
	start := min(l.Offsets[i], math.MaxInt64-1)
	return core.ByteRange{Start: int64(start), End: int64(start + min(l.ByteCounts[i], math.MaxInt64-start))}, true
}

// DType is the array type that holds a sample of the level without loss, or "" for a sample that no array type holds.
// Complex integers become complex64, as GDAL's readers have it.
func (l *Level) DType() core.DType {
	bits := 0
	for _, b := range l.Bits {
		bits = max(bits, b)
	}
	switch l.Format {
	case Float:
		if bits <= 32 {
			return core.Float32
		}
		return core.Float64
	case Signed:
		switch {
		case bits <= 8:
			return core.Int8
		case bits <= 16:
			return core.Int16
		case bits <= 32:
			return core.Int32
		}
		return core.Int64
	case Unsigned, Void:
		switch {
		case bits <= 8:
			return core.UInt8
		case bits <= 16:
			return core.UInt16
		case bits <= 32:
			return core.UInt32
		}
		return core.UInt64
	case ComplexInt:
		if bits == 32 || bits == 64 {
			return core.Complex64
		}
	case ComplexFloat:
		switch bits {
		case 64:
			return core.Complex64
		case 128:
			return core.Complex128
		}
	}
	return ""
}

// AlphaSample is the index of the alpha sample, or -1.
func (l *Level) AlphaSample() int {
	first := l.Samples - len(l.ExtraSamples)
	for i, kind := range l.ExtraSamples {
		if kind == 1 || kind == 2 {
			return first + i
		}
	}
	return -1
}

// Limits bounds what a file may ask for (FAULTS: hostile files). The zero value means DefaultLimits.
type Limits struct {
	MaxIFDs           int
	MaxTagBytes       int64 // bytes of one tag's values, tile arrays excepted
	MaxTiles          int64 // tiles of one level
	MaxTileBytes      int64 // decoded bytes of one tile
	MaxCompressedTile int64 // compressed bytes of one tile
}

// DefaultLimits are the limits in force unless configured otherwise.
var DefaultLimits = Limits{
	MaxIFDs:           64,
	MaxTagBytes:       1 << 20,
	MaxTiles:          1 << 24,
	MaxTileBytes:      128 << 20,
	MaxCompressedTile: 64 << 20,
}
