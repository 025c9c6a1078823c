package cog

import (
	"fmt"
	"math"
	"slices"

	"cogweave/core"
)

// Check tells whether a header that did not come from Read (a table of another process) keeps the
// promises that Read makes: every array has the length that its users rely on, every size is within
// the limits. Tiles are not checked: CheckTile does that when they are used.
func (h *Header) Check(limits Limits) error {
	limits = limits.orDefault()
	if len(h.Levels) == 0 || len(h.Levels) > limits.MaxIFDs || len(h.Masks) != len(h.Levels) {
		return h.broken("%d levels and %d masks", len(h.Levels), len(h.Masks))
	}
	if h.Size < 0 {
		return h.broken("a size of %d bytes", h.Size)
	}
	main := &h.Levels[0]
	for i := range h.Levels {
		l, m := &h.Levels[i], &h.Masks[i]
		if err := l.check(limits); err != nil {
			return h.broken("level %d: %v", i, err)
		}
		if l.Samples != main.Samples || l.DType() != main.DType() || l.Width > main.Width || l.Height > main.Height {
			return h.broken("level %d is no overview of level 0", i)
		}
		if m.Width == 0 {
			continue
		}
		if err := m.check(limits); err != nil {
			return h.broken("mask %d: %v", i, err)
		}
		if m.Width != l.Width || m.Height != l.Height || m.Format != Unsigned || (m.Bits[0] != 1 && m.Bits[0] != 8) ||
			(m.Samples != 1 && m.Samples != l.Samples) {
			return h.broken("mask %d is no mask of level %d", i, i)
		}
	}
	if n := main.Samples; len(h.Scales) != n || len(h.Offsets) != n || len(h.Descriptions) != n {
		return h.broken("%d scales, %d offsets and %d descriptions of %d samples", len(h.Scales), len(h.Offsets), len(h.Descriptions), n)
	}
	return h.checkGeoref()
}

func (h *Header) checkGeoref() error {
	g := &h.Georef
	if k := g.Keys; len(k) != 0 && (len(k) < 4 || len(k) != 4+4*int(k[3])) {
		return h.broken("%d GeoKey values", len(k))
	}
	if g.EPSG < 0 || g.EPSG > math.MaxUint16 {
		return h.broken("EPSG code %d", g.EPSG)
	}
	if g.HasTransform {
		return checkTransform(g.Transform, h.Levels[0].Width, h.Levels[0].Height)
	}
	return nil
}

func (h *Header) broken(format string, args ...any) *core.Error {
	return fail(unsupported, "the header is not consistent: %s", fmt.Sprintf(format, args...)).WithHref(h.Href)
}

// check tells whether the level can be used by code that trusts it.
func (l *Level) check(limits Limits) error {
	within := func(v, least, most int) bool { return v >= least && v <= most }
	switch {
	case !within(l.Width, 1, maxDimension) || !within(l.Height, 1, maxDimension):
		return fmt.Errorf("%d x %d pixels", l.Width, l.Height)
	case !within(l.TileWidth, 1, maxDimension) || !within(l.TileHeight, 1, maxDimension):
		return fmt.Errorf("tiles of %d x %d pixels", l.TileWidth, l.TileHeight)
	case !l.Tiled && (l.TileWidth != l.Width || l.TileHeight > l.Height):
		return fmt.Errorf("strips of %d x %d pixels", l.TileWidth, l.TileHeight)
	case !within(l.Samples, 1, math.MaxUint16) || len(l.Bits) != l.Samples || len(l.ExtraSamples) > l.Samples:
		return fmt.Errorf("%d samples, %d depths, %d extra samples", l.Samples, len(l.Bits), len(l.ExtraSamples))
	case !within(l.Bits[0], 1, 128) || slices.ContainsFunc(l.Bits, func(b int) bool { return b != l.Bits[0] }):
		return fmt.Errorf("depths %.100s", fmt.Sprint(l.Bits))
	case !within(int(l.Format), int(Unsigned), int(ComplexFloat)) || !within(l.Predictor, 1, 3):
		return fmt.Errorf("sample format %d, predictor %d", l.Format, l.Predictor)
	case slices.ContainsFunc(l.YCbCrSubsampling[:], func(n int) bool { return n != 1 && n != 2 && n != 4 }):
		return fmt.Errorf("chroma subsampling %v", l.YCbCrSubsampling)
	case l.decodedBytes(l.TileHeight) > limits.MaxTileBytes:
		return fmt.Errorf("tiles of %d bytes", l.decodedBytes(l.TileHeight))
	}
	cols, rows := l.Grid()
	tiles := saturatingMul(int64(cols), int64(rows))
	if l.Planar {
		tiles = saturatingMul(tiles, int64(l.Samples))
	}
	n := int64(len(l.Offsets))
	if tiles > limits.MaxTiles || int64(len(l.ByteCounts)) != n || (n != 0 && n != tiles) {
		return fmt.Errorf("%d offsets and %d byte counts of %d tiles", n, len(l.ByteCounts), tiles)
	}
	return nil
}
