package mosaic

import (
	"cogweave/core"
	"cogweave/mosaic/combine"
)

// direct writes a block from decoded tiles straight into the output, and tells whether it did: where one item on the
// grid's own pixels has all that a block can get, there is nothing to resample and nothing to combine.
func (rd *round) direct(b *block) bool {
	j := rd.job
	if !b.copied {
		return false
	}
	for _, sn := range b.needs[0].sources {
		if sn.layers[0].tiles[0].err != nil {
			return false
		}
	}
	for k, sn := range b.needs[0].sources {
		if !sn.placed {
			j.copyBlock(b, k, sn)
		}
		j.tellValid(b.cells, k, everyCell)
	}
	b.written = true
	return true
}

// isCopy tells whether a block is a copy of what its tiles hold, if they can be decoded.
func (rd *round) isCopy(b *block) bool {
	j := rd.job
	if !rd.alone(b) {
		return false
	}
	last := b.next >= len(j.step.items) && j.run.opts.Valid == nil // of pixels copied unseen, nothing tells which are valid
	for k, sn := range b.needs[0].sources {
		if sn == nil || !sn.isOneTile() || sn.dtype() != j.run.dtype || !sn.copies(j.run.fill(j.bands[k]), last) {
			return false
		}
	}
	return true
}

// alone tells whether a block of adjoining cells has one item so far, of which a method takes the values as they are.
func (rd *round) alone(b *block) bool {
	j := rd.job
	plain := j.run.plan.Method.StopsWhenFull() && !j.run.plan.Joint() && j.states == nil
	return plain && b.bands == nil && len(b.needs) == 1 && b.cells.Rows == nil
}

// single writes a block that one item alone gives pixels to from what is resampled into the output, and tells whether it did.
func (rd *round) single(b *block, s *scratch) bool {
	j := rd.job
	if !rd.alone(b) || b.next < len(j.step.items) {
		return false
	}
	for _, sn := range b.needs[0].sources {
		if sn == nil || sn.failed() != nil {
			return false
		}
	}
	w := b.cells.Window
	for k, sn := range b.needs[0].sources {
		values, dtype := s.pixels(sn, b)
		j.prepare(j.spec.Planes[k]+b.cells.Offset, b.cells.Stride, w)
		out := j.run.out[(j.spec.Planes[k]+b.cells.Offset)*j.run.dtype.Size():]
		combine.Place(values, dtype, s.valid, j.run.fill(j.bands[k]), out, j.run.dtype, b.cells.Stride, w.Height, w.Width)
		j.tellValid(b.cells, k, s.valid)
	}
	b.written = true
	return true
}

// isOneTile tells whether the source is on the grid's own pixels, covers every cell of the block, and has them all in
// one tile, raw and with no mask beside them.
func (s *sourceNeed) isOneTile() bool {
	if !s.source.Aligned || !s.whole || s.scaled != "" || len(s.layers) != 1 || len(s.masks) != 0 || len(s.layers[0].tiles) != 1 {
		return false
	}
	t := s.layers[0].tiles[0]
	return t != nil && !t.sparse
}

// copies tells whether the block's cells are the source's pixels as they are: each is valid, or nothing comes after
// them and what is not valid has the fill's value already. Only of small integers is that known without a look
// at each: equality with nodata is exact, and there is one pattern of bits for a value.
func (s *sourceNeed) copies(fill float64, last bool) bool {
	n, dtype := s.source.NoData, s.dtype()
	if !n.Set {
		return true
	}
	if dtype.IsFloat() || dtype.IsComplex() || dtype.Size() > 4 {
		return false
	}
	return !dtype.Holds(n.Value) || last && n.Value == fill
}

func (j *job) copyBlock(b *block, k int, sn *sourceNeed) {
	c, size := b.cells, sn.dtype().Size()
	j.prepare(j.spec.Planes[k]+c.Offset, c.Stride, c.Window)
	at := core.Window{Row: c.Window.Row + sn.source.Shift[0], Col: c.Window.Col + sn.source.Shift[1]}
	layer := &sn.layers[0]
	t := layer.tiles[0]
	width := t.image.TileWidth
	first := (at.Row-layer.row*t.image.TileHeight)*width + at.Col - layer.col*width
	from, to := t.sample(layer.layer.Sample)[first*size:], j.run.out[(j.spec.Planes[k]+c.Offset)*size:]
	for row := range c.Window.Height {
		copy(to[row*c.Stride*size:][:c.Window.Width*size], from[row*width*size:])
	}
}
