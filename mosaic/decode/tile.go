// Package decode turns the compressed bytes of one TIFF tile or strip into planes of pixels.
//
// The common codecs (none, deflate, zstd, LZW, PackBits, LZMA) run here, in C over ISA-L, libzstd and
// liblzma, and stop after the last row that is wanted; every other one goes to package gdal. A tile is
// hostile until proven sound: output never grows beyond what the layout says, and whatever is wrong with
// a stream is a DecodeError that names the tile.
package decode

import (
	"context"

	"cogweave/core"
	"cogweave/core/cog"
)

// Job is one compressed tile and what is wanted of it.
type Job struct {
	Header *cog.Header // byte order, and which levels are masks
	Level  *cog.Level  // layout; one of Header.Masks for the tile of a mask
	Index  int         // position of the tile in Level.Offsets
	Data   []byte      // the compressed bytes, which are not modified
	// Rows is how many rows are wanted, from the top of the tile: 1 to TileHeight, and no more than the
	// last strip has.
	Rows int
	// Samples are the wanted ones, from 0; when Level.Planar exactly the tile's own.
	Samples []int
	// Dst[k] receives Samples[k]: Rows*Level.TileWidth pixels, row-major, of Level.DType() in the machine's byte
	// order. A mask becomes 0 and 255. After an error its content is undefined.
	Dst [][]byte
	// Part, unless it is empty, is the rectangle of the tile that Dst receives, the last of Rows its last row, Stride
	// pixels from row to row. Only where TakesParts tells so.
	Part   core.Window
	Stride int
}

// Tile decodes one tile into job.Dst. It is safe for concurrent use, runs on the calling goroutine and
// allocates nothing in the common case.
//
// Samples of 1 to 7, 9 to 15, ... bits become the next larger type of Level.DType, signed ones with
// their sign; 16- and 24-bit floats become float32. A stream that does not fill the wanted rows fails
// with reason ShortTile, one that goes on after the last row of a whole tile with DecompressionBomb, an
// unsound one with DecodeError, and what no decoder here reads with TiffUnsupported.
func Tile(ctx context.Context, job Job) error {
	if err := ctx.Err(); err != nil {
		return core.Errorf(core.Cancelled, "", "decoding of tile %d was cancelled: %w", job.Index, err)
	}
	l, err := job.layout()
	if err != nil {
		return err
	}
	if l.native {
		err = job.decodeNative(&l)
	} else {
		err = job.decodeByGDAL(ctx, &l)
	}
	if err != nil {
		return err
	}
	if job.isMask() {
		for _, plane := range job.Dst {
			binarize(plane[:l.planeBytes])
		}
	}
	return nil
}

// TakesParts tells whether a part of the tile can be decoded into rows that lie anywhere.
func (job *Job) TakesParts() bool {
	return isNative(job.Level) && !job.Level.DType().IsComplex() && !job.isMask()
}

// isMask tells whether the tile belongs to a transparency mask, whose values GDAL gives as 0 and 255.
func (job *Job) isMask() bool {
	if job.Level.DType() != core.UInt8 {
		return false
	}
	if job.Level.Photometric == photometricMask {
		return true
	}
	for i := range job.Header.Masks {
		if &job.Header.Masks[i] == job.Level {
			return true
		}
	}
	return false
}
