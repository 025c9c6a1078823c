package mosaic

import (
	"slices"

	"cogweave/core"
	"cogweave/core/plan"
	"cogweave/mosaic/mask"
	"cogweave/mosaic/warp"
)

// maskNeed is the part of a mask that one item needs for one block. Bands whose pixels lie alike share it.
type maskNeed struct {
	part   *plan.MaskPart
	source core.Window   // source level pixels that it is about
	parts  []core.Window // of them, those that cells need
	window core.Window   // mask level pixels, the dilation's halo included
	layer  layerNeed
	flags  []byte // over window: 1 where the mask drops; nil until the first band asks
}

// masks makes the tiles of the masks of a source known to the round, and gives what the source shares with
// earlier ones of the item.
func (rd *round) masks(n *need, s *sourceNeed, b *block, waiting *int32) []*maskNeed {
	var list []*maskNeed
	for _, part := range s.source.Masks {
		m := n.shared(part, s)
		if m == nil {
			m = &maskNeed{part: part, source: s.window, parts: s.parts}
			for _, w := range s.parts {
				m.window = m.window.Union(part.Window(w))
			}
			if !m.window.Empty() {
				rd.maskTiles(m, s, b, waiting)
			}
			n.masks = append(n.masks, m)
		}
		list = append(list, m)
	}
	return list
}

// shared is an earlier band's need of the same mask for the same source pixels, or nil.
func (n *need) shared(part *plan.MaskPart, s *sourceNeed) *maskNeed {
	for _, m := range n.masks {
		if p := m.part; m.source == s.window && slices.Equal(m.parts, s.parts) && p.Drop == part.Drop && p.Header == part.Header && p.Sample == part.Sample &&
			p.Level == part.Level && p.Map == part.Map {
			return m
		}
	}
	return nil
}

func (rd *round) maskTiles(m *maskNeed, s *sourceNeed, b *block, waiting *int32) {
	from := origin{header: m.part.Header, asset: m.part.Asset, source: s.source, band: m.part.Name}
	m.layer.lay(m.part.Layer(), m.part.Header.NoData, m.window)
	for _, w := range s.parts {
		rd.cover(&m.layer, from, m.part.Window(w), b, waiting)
	}
	rd.bytes += m.layer.kept()
}

// drop clears the validity of the source pixels that the masks hide.
func (s *scratch) drop(v *warp.View, masks []*maskNeed) {
	for _, m := range masks {
		if m.window.Empty() {
			continue
		}
		if m.flags == nil {
			s.flag(m)
		}
		s.columns = grow(&s.columns, v.Window.Width)
		mask.Drop(s.allValid(v), v.Window, m.part.Map, plan.MaskEpsilon, m.flags, m.window, s.columns)
	}
}

// flag finds the pixels of the mask that drop others.
func (s *scratch) flag(m *maskNeed) {
	dtype := m.layer.layer.Image.DType()
	n := m.window.Height * m.window.Width
	pixels := m.layer.whole(&s.mask)
	m.flags = make([]byte, n)
	d := m.part.Drop
	mask.Flag(&mask.Values{Table: d.Table, Ranges: d.Ranges, Bits: d.Bits}, dtype, pixels, m.flags)
	if m.part.Dilate > 0 {
		s.distance = grow(&s.distance, n)
		mask.Dilate(m.flags, m.window.Height, m.window.Width, m.part.Dilate, s.distance)
	}
}

// maskBytes bounds the bytes of the mask tiles under a block of cells that takes source pixels of that many.
func maskBytes(s *plan.Source, width, height float64) int64 {
	total := int64(0)
	for _, m := range s.Masks {
		layer := m.Layer()
		sx, sy := m.Map.Inverse().Resolution()
		total += tilesBytes(layer, tilesAcross(width/max(sx, 1e-9)+float64(2*m.Dilate), layer.Image.TileWidth),
			tilesAcross(height/max(sy, 1e-9)+float64(2*m.Dilate), layer.Image.TileHeight))
	}
	return total
}
