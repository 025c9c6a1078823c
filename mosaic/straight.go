package mosaic

import (
	"cogweave/core"
	"cogweave/mosaic/decode"
)

// straight decodes a tile into the output, and tells whether it did: where every block that waits for it is a copy of
// pixels, the predictor is undone on the way there.
func (t *tile) straight(data []byte) bool {
	rd := t.round
	job := t.job(data, nil, t.rows)
	to, ok := rd.destination(t)
	if !ok || !job.TakesParts() {
		return false
	}
	j, size, n := rd.job, t.dtype().Size(), t.users[0].needs[0]
	shift := [2]int{}
	var bands []int
	for k, sn := range n.sources {
		if !sn.isOf(t) {
			continue
		}
		if len(job.Dst) > 0 && sn.source.Shift != shift {
			return false
		}
		shift, bands = sn.source.Shift, append(bands, k)
		job.Samples = append(job.Samples, sn.layers[0].layer.Sample)
		j.prepare(j.spec.Planes[k]+to.first(), to.stride, to.cells)
		job.Dst = append(job.Dst, j.run.out[(j.spec.Planes[k]+to.first())*size:])
		job.Part, job.Stride = to.cells, to.stride
		job.Part.Row += shift[0] - sn.layers[0].row*t.image.TileHeight
		job.Part.Col += shift[1] - sn.layers[0].col*t.image.TileWidth
		job.Rows = job.Part.Row + job.Part.Height
	}
	j.run.engine.stats.decoded.Add(int64(job.Rows * t.image.TileWidth * len(job.Dst)))
	t.err = decode.Tile(j.run.ctx, job)
	for _, b := range t.users {
		for _, k := range bands { // tiles of the others may be under way
			b.needs[0].sources[k].placed = true
		}
	}
	return true
}

// isOf tells whether the tile is the one that has the source's pixels.
func (s *sourceNeed) isOf(t *tile) bool { return s.layers[0].tiles[0] == t }

// destination is a rectangle of cells in a plane of the output: cell (row, col) is at origin + row * stride + col.
type destination struct {
	cells          core.Window
	origin, stride int
}

func (d *destination) first() int { return d.origin + d.cells.Row*d.stride + d.cells.Col }

// destination is where a tile's pixels go, if all blocks that wait for it are copies and make up a rectangle.
func (rd *round) destination(t *tile) (destination, bool) {
	var to destination
	area := 0
	for i, b := range t.users {
		if !b.copied || b.needs[0].item != t.users[0].needs[0].item {
			return to, false
		}
		c := b.cells
		origin := c.Offset - c.Window.Row*c.Stride - c.Window.Col
		if i == 0 {
			to.origin, to.stride = origin, c.Stride
		} else if origin != to.origin || c.Stride != to.stride {
			return to, false
		}
		to.cells = to.cells.Union(c.Window)
		area += c.Window.Height * c.Window.Width
	}
	return to, area > 0 && area == to.cells.Height*to.cells.Width
}
