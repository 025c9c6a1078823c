package gdal

import (
	"slices"
	"strconv"

	"cogweave/core/cog"
)

// Compression schemes beyond those that package cog names.
const (
	ccittRLEW = 32771
	next      = 32766
)

// maxTileBytes bounds the decoded bytes of a tile that GDAL is asked to allocate, whatever limits a
// caller raised.
const maxTileBytes = 1 << 30

// check refuses what GDAL would refuse only after allocating, or would accept and fill up with inventions.
func (t *Tile) check() error {
	level := t.Level
	samples := level.Samples
	if level.Planar {
		samples = 1
	}
	bits := level.Bits[0]
	if t.Height < 1 || t.Rows < 1 || t.Rows > t.Height || len(t.Samples) != len(t.Dst) {
		return t.fail("DecodeError", "%d rows are wanted of %d", t.Rows, t.Height)
	}
	if perRow := (level.TileWidth*samples*bits + 7) / 8; perRow > maxTileBytes/t.Height {
		return t.fail("TiffUnsupported", "its tile of %d x %d pixels is too large", level.TileWidth, t.Height)
	}
	if len(t.Data) == 0 {
		return t.fail("ShortTile", "it is empty")
	}
	if level.Compression == cog.OldJPEG {
		return t.fail("TiffUnsupported", "there is no decoder for it: TIFF gave it up in 1995 for JPEG, compression 7")
	}
	depths, known := depthsOf(level.Compression)
	if !known {
		return t.fail("TiffUnsupported", "there is no decoder for compression %d", int(level.Compression))
	}
	if depths != nil && !slices.Contains(depths, bits) {
		return t.fail("TiffUnsupported", "it has samples of %d bits", bits)
	}
	return t.checkOwnSize(samples)
}

// depthsOf lists the bits per sample that a codec can have; nil means any that the layout allows.
func depthsOf(c cog.Compression) (bits []int, known bool) {
	switch c {
	case cog.CCITTRLE, cog.CCITTFax3, cog.CCITTFax4, ccittRLEW:
		return []int{1}, true
	case next:
		return []int{2}, true
	case cog.JPEG, cog.WebP:
		return []int{8}, true
	case cog.LERC:
		return []int{8, 16, 32, 64}, true
	case cog.JXL, cog.JPEG2000:
		return []int{8, 16, 32}, true
	case cog.Uncompressed, cog.LZW, cog.Deflate, cog.DeflateOld, cog.PackBits, cog.LZMA, cog.ZSTD:
		// Only for a colour space that needs converting, which GDAL does for 8 and 16 bits.
		return []int{8, 16}, true
	}
	return nil, false
}

// checkOwnSize compares the size that the compressed image states with the tile's.
func (t *Tile) checkOwnSize(samples int) error {
	level := t.Level
	var own imageSize
	var err error
	switch level.Compression {
	case cog.JPEG:
		own, err = jpegSize(t.Data)
	case cog.WebP:
		own, err = webpSize(t.Data)
		own.samples = samples
	default:
		return nil
	}
	if err != nil {
		return t.fail("DecodeError", "%w", err)
	}
	// A last strip may be coded with all its rows; libtiff passes over those below the image.
	full := !level.Tiled && level.Compression == cog.JPEG && own.height == level.TileHeight
	if own.width != level.TileWidth || own.height != t.Height && !full {
		return t.fail("DecodeError", "its image has %d x %d pixels, its tile %d x %d", own.width, own.height, level.TileWidth, t.Height)
	}
	if own.samples != samples {
		return t.fail("DecodeError", "its image has %d components, its tile %d samples", own.samples, samples)
	}
	return nil
}

// CodecName is the name of a compression scheme as GDAL writes it, or its number.
func CodecName(c cog.Compression) string {
	switch c {
	case cog.Uncompressed:
		return "uncompressed"
	case cog.CCITTRLE, ccittRLEW:
		return "CCITTRLE"
	case cog.CCITTFax3:
		return "CCITTFAX3"
	case cog.CCITTFax4:
		return "CCITTFAX4"
	case cog.LZW:
		return "LZW"
	case cog.OldJPEG:
		return "old-style JPEG"
	case cog.JPEG:
		return "JPEG"
	case cog.Deflate, cog.DeflateOld:
		return "DEFLATE"
	case cog.PackBits:
		return "PACKBITS"
	case cog.LERC:
		return "LERC"
	case cog.LZMA:
		return "LZMA"
	case cog.ZSTD:
		return "ZSTD"
	case cog.WebP:
		return "WEBP"
	case cog.JXL:
		return "JXL"
	case cog.JPEG2000:
		return "JPEG2000"
	}
	return "compression " + strconv.Itoa(int(c))
}
