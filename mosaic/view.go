package mosaic

import (
	"cogweave/core"
	"cogweave/core/plan"
	"cogweave/mosaic/warp"
)

// view is the source pixels that a block needs: inside one tile, the tile's own memory; across tiles, or
// where a mask goes with them, a copy of just that window.
func (s *scratch) view(sn *sourceNeed) warp.View {
	v := warp.View{Type: sn.dtype(), NoData: sn.source.NoData, LevelWidth: sn.source.Width, LevelHeight: sn.source.Height}
	pixels := &sn.layers[0]
	if len(sn.layers) == 1 && len(sn.masks) == 0 && len(pixels.tiles) == 1 && pixels.tiles[0] != nil && !pixels.tiles[0].sparse {
		t := pixels.tiles[0]
		first := (sn.window.Row-pixels.row*t.image.TileHeight)*t.image.TileWidth + sn.window.Col - pixels.col*t.image.TileWidth
		v.Pix, v.Stride, v.Window = t.sample(pixels.layer.Sample)[first*v.Type.Size():], t.image.TileWidth, sn.window
		return v
	}
	v.Window, v.Stride = sn.window, sn.window.Width
	size := v.Type.Size()
	v.Pix = grow(&s.window, sn.window.Height*sn.window.Width*size)
	s.window = v.Pix
	pixels.assemble(v.Pix, sn.window, size, sparsePixel(sn.source.NoData, v.Type))
	for i := 1; i < len(sn.layers); i++ {
		s.addMask(&v, &sn.layers[i], sn.window)
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

// assemble copies the window's part of every tile into dst, row-major. Sparse tiles give pixel.
func (l *layerNeed) assemble(dst []byte, w core.Window, size int, pixel []byte) {
	th, tw := l.layer.Image.TileHeight, l.layer.Image.TileWidth
	for i, t := range l.tiles {
		if t == nil {
			continue // no cell needs it
		}
		at := core.Window{Row: (l.row + i/l.cols) * th, Col: (l.col + i%l.cols) * tw, Height: t.rows, Width: tw}
		part := at.Intersect(w)
		src := t.sample(l.layer.Sample)
		for row := part.Row; row < part.Row+part.Height; row++ {
			to := dst[((row-w.Row)*w.Width+part.Col-w.Col)*size:][:part.Width*size]
			if src == nil {
				fillRow(to, pixel)
				continue
			}
			copy(to, src[((row-at.Row)*tw+part.Col-at.Col)*size:])
		}
	}
}

// fillRow repeats pixel over row.
func fillRow(row, pixel []byte) {
	n := copy(row, pixel)
	for n > 0 && n < len(row) {
		n += copy(row[n:], row[:n])
	}
}

// sparsePixel is the pixel of a tile that is not in the file: nodata where the type holds it, else zero.
func sparsePixel(n core.NoData, d core.DType) []byte {
	if !n.Set || !d.Holds(n.Value) {
		return make([]byte, d.Size())
	}
	return d.Bytes(n.Value)
}

// addMask makes pixels invalid where a mask or alpha layer is 0.
func (s *scratch) addMask(v *warp.View, l *layerNeed, w core.Window) {
	dtype := core.UInt8
	if l.layer.Role == plan.Alpha {
		dtype = l.layer.Image.DType()
	}
	size := dtype.Size()
	layer := grow(&s.mask, w.Height*w.Width*size)
	s.mask = layer
	l.assemble(layer, w, size, make([]byte, size))
	warp.Mask(s.allValid(v), layer, size)
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
