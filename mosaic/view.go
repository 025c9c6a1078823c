package mosaic

import (
	"cogweave/core"
	"cogweave/mosaic/warp"
)

// view is the source pixels that a block needs: inside one tile, the tile's own memory; across tiles, what was gathered
// of each; where a mask goes with one tile, a copy of just that window.
func (s *scratch) view(sn *sourceNeed) warp.View {
	v := warp.View{Type: sn.dtype(), NoData: sn.source.NoData, LevelWidth: sn.source.Width, LevelHeight: sn.source.Height}
	pixels := &sn.layers[0]
	if len(sn.layers) == 1 && len(sn.masks) == 0 && len(pixels.tiles) == 1 && pixels.tiles[0] != nil && !pixels.tiles[0].sparse {
		t := pixels.tiles[0]
		first := (sn.window.Row-pixels.row*t.image.TileHeight)*t.image.TileWidth + sn.window.Col - pixels.col*t.image.TileWidth
		v.Pix, v.Stride, v.Window = t.sample(pixels.layer.Sample)[first*v.Type.Size():], t.image.TileWidth, sn.window
		return v
	}
	v.Window, v.Stride, v.Pix = sn.window, sn.window.Width, pixels.whole(&s.window)
	for i := 1; i < len(sn.layers); i++ {
		s.addMask(&v, &sn.layers[i])
	}
	s.drop(&v, sn.masks)
	return v
}

// allValid gives the validity of the view's pixels; at first all of them are.
func (s *scratch) allValid(v *warp.View) []byte {
	if v.Valid == nil {
		s.known = grow(&s.known, v.Window.Height*v.Window.Width)
		for i := range s.known {
			s.known[i] = 1
		}
		v.Valid = s.known
	}
	return v.Valid
}

// addMask makes pixels invalid where a mask or alpha layer is 0.
func (s *scratch) addMask(v *warp.View, l *layerNeed) {
	warp.Mask(s.allValid(v), l.whole(&s.mask), l.dtype().Size())
}

// copy takes the pixels of an aligned source as they are.
func (s *scratch) copy(sn *sourceNeed, b *block, v *warp.View) {
	c := b.cells
	if c.Rows == nil {
		at := core.Window{Row: c.Window.Row + sn.source.Shift[0], Col: c.Window.Col + sn.source.Shift[1], Height: c.Window.Height, Width: c.Window.Width}
		warp.Copy(v, at, s.values, s.valid)
		return
	}
	size := v.Type.Size()
	for i := range c.Rows {
		at := core.Window{Row: c.Row*side + int(c.Rows[i]) + sn.source.Shift[0], Col: c.Col*side + int(c.Cols[i]) + sn.source.Shift[1], Height: 1, Width: 1}
		warp.Copy(v, at, s.values[i*size:(i+1)*size], s.valid[i:i+1])
	}
}
