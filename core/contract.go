package core

import (
	"context"
	"fmt"
)

// ByteRange is a half-open range of bytes of an object.
type ByteRange struct{ Start, End int64 }

// Len is the number of bytes in the range.
func (r ByteRange) Len() int64 { return r.End - r.Start }

// String writes the range as "[start, end)".
func (r ByteRange) String() string { return fmt.Sprintf("[%d, %d)", r.Start, r.End) }

// Asset names one file to read: the href as the catalog has it (relative ones already resolved,
// query string kept) and, once its header was read, the identity that every later read must match.
type Asset struct {
	Href string
	ETag string // strong entity tag, or "" where the store has none
	Size int64  // bytes, or 0 while unknown
}

// TileRef is one compressed tile (or strip) of an asset. Range is never empty.
type TileRef struct {
	Asset *Asset
	Range ByteRange
}

// TileSource delivers compressed tiles. fetch.Client is one; a table of tiles that a caller
// brought along is another.
type TileSource interface {
	// Tiles delivers refs[i] by calling done(i, data, err) exactly once for each i, in any order and
	// from any goroutine, and returns when all were delivered. data holds exactly refs[i].Range, must
	// not be modified, and is valid for as long as it is referenced. After ctx ends, what is missing
	// is delivered with a Cancelled error.
	Tiles(ctx context.Context, refs []TileRef, done func(i int, data []byte, err error))
}

// RangeReader reads byte ranges of named objects; search uses it for remote parquet.
type RangeReader interface {
	// Stat gives the object's size and entity tag.
	Stat(ctx context.Context, href string) (Asset, error)
	// ReadRanges gives the bytes of each range, in the order asked.
	ReadRanges(ctx context.Context, asset Asset, ranges []ByteRange) ([][]byte, error)
}

// Transformer maps coordinates from one CRS to another. It is safe for concurrent use.
type Transformer interface {
	// Transform overwrites x and y, of equal length, with the transformed coordinates. A point that
	// the projection cannot map becomes (NaN, NaN).
	Transform(x, y []float64)
}
