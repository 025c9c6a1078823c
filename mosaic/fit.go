package mosaic

import (
	"cogweave/core"
	"cogweave/core/lattice"
	"cogweave/core/plan"
)

// fits tells, before anything is fetched, whether every block of the job can be read within the memory
// budget. The exact answer plans each block's first items; it is only looked for where a bound is not
// enough.
func (j *job) fits() error {
	limit := j.run.engine.Budget.Limit()
	if j.atMost()*overlaps <= limit {
		return nil
	}
	for i := range j.spec.Cells {
		trial := &round{job: j, tiles: map[tileKey]*tile{}}
		trial.add(&block{cells: &j.spec.Cells[i]})
		if trial.bytes > limit {
			return core.Errorf(core.BudgetExceeded, "Memory", "the smallest piece of the read needs %d bytes, its share of memory_limit is %d", trial.bytes, limit)
		}
	}
	return nil
}

// overlaps is how many items a bound allows for over one block.
const overlaps = 4

// atMost bounds the bytes that one item takes for a block, from the size of its tiles.
func (j *job) atMost() int64 {
	if j.most > 0 {
		return j.most
	}
	total := int64(0)
	for _, band := range j.bands {
		worst := int64(0)
		for i := range j.step.items {
			sources := j.step.items[i].Sources
			if k := j.step.band(band); k < len(sources) && sources[k] != nil {
				worst = max(worst, blockBytes(sources[k]))
			}
		}
		total += worst
	}
	j.most = total + j.keeps(&block{cells: &plan.Cells{Window: core.Window{Height: side, Width: side}}})
	return j.most
}

// enough tells whether a block, of whose items the round has so many bytes already, leaves its next one to a round of its
// own: a deep stack is read a quarter of the budget at a time, and an item that does not fit beside others comes alone.
func (rd *round) enough(b *block, item *plan.StepItem, next *need, has int64) bool {
	limit := rd.job.run.engine.Budget.Limit()
	if has >= limit/4 {
		return true
	}
	if has+next.atMost() <= limit {
		return false
	}
	trial := &round{job: rd.job, tiles: map[tileKey]*tile{}}
	n, _ := trial.need(b, b.next, item)
	trial.register(b, n, new(int32))
	return has+trial.bytes > limit
}

// atMost bounds the bytes that the need takes.
func (n *need) atMost() (total int64) {
	for _, s := range n.sources {
		if s != nil {
			total += windowBytes(s.source, float64(s.window.Width), float64(s.window.Height))
		}
	}
	return total
}

// blockBytes bounds the bytes of a source's tiles under one block of cells that neither a pole nor the antimeridian is in.
func blockBytes(s *plan.Source) int64 {
	rx, ry := s.Kernel.Radius(s.Scale)
	// A block turned against the raster is wider by a half.
	width := lattice.Block*1.5/max(s.Scale[0], 1e-9) + float64(2*rx)
	height := lattice.Block*1.5/max(s.Scale[1], 1e-9) + float64(2*ry)
	return windowBytes(s, width, height)
}

// windowBytes bounds the bytes of a source's tiles under a window of so many pixels.
func windowBytes(s *plan.Source, width, height float64) int64 {
	total := maskBytes(s, width, height)
	for _, layer := range s.Layers() {
		total += tilesBytes(layer, tilesAcross(width, layer.Image.TileWidth), tilesAcross(height, layer.Image.TileHeight))
	}
	return total
}

// tilesAcross bounds the number of tiles of a side that so many pixels in a row touch.
func tilesAcross(pixels float64, side int) int64 { return int64(min(pixels/float64(side), 1<<20)) + 2 }

// tilesBytes bounds the memory of cols x rows tiles of a layer, and of a window gathered from them.
func tilesBytes(layer plan.Layer, cols, rows int64) int64 {
	t := tile{image: layer.Image, mask: layer.Role == plan.Mask}
	largest := uint64(0)
	for _, n := range layer.Image.ByteCounts {
		largest = max(largest, n)
	}
	gathered := int64(layer.Image.TileHeight) * int64(layer.Image.TileWidth) * int64(max(1, t.dtype().Size()))
	return cols * rows * (t.cost(layer) + int64(largest) + gathered)
}
