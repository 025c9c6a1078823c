package mosaic

import (
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/plan"
)

// round is the tiles that a job reads together, and the blocks that wait for them.
type round struct {
	job     *job
	blocks  []*block
	tiles   map[tileKey]*tile
	order   []*tile      // as first needed
	bytes   int64        // of the tiles, compressed and decoded
	held    atomic.Int64 // of them, what the budget still counts
	pending atomic.Int32

	mu       sync.Mutex
	failed   error // of the earliest item
	failItem int
}

type tileKey struct {
	image *cog.Level
	index int
}

// need is what one item must give to one block: a source for each band of the job, or nil.
type need struct {
	item    int // position in the step
	sources []*sourceNeed
	masks   []*maskNeed // each once
}

// sourceNeed is the part of a source that a block needs.
type sourceNeed struct {
	source *plan.Source
	parts  []core.Window // level pixels: for all cells, or for each of scattered ones; two where the antimeridian runs between
	window core.Window   // around them
	whole  bool          // every cell lies on the raster
	scaled core.DType    // of physical values; "" for raw pixels
	layers []layerNeed
	masks  []*maskNeed
	placed bool // its pixels were decoded into the output (straight.go)
}

// planRound chooses the next items of the blocks that are not full: as many as lie over each cell
// `layers` times, by their outlines. It goes on from the block at which the memory of the round before
// ended, and then starts over with twice the layers. Without blocks the job is complete.
func (j *job) planRound() *round {
	rd := &round{job: j, tiles: map[tileKey]*tile{}}
	share := max(1, j.run.engine.Budget.Limit()/2)
	for passes := 0; len(rd.blocks) == 0 && passes < 2; passes++ {
		for ; j.cursor < len(j.blocks) && rd.bytes < share; j.cursor++ {
			b := j.blocks[j.cursor]
			if rd.add(b); len(b.needs) > 0 && b.next < len(j.step.items) && j.keeps(b) > 0 {
				// The rest of its stack comes first: blocks that have begun keep their items, which no budget counts
				// from the end of the round on.
				return rd.sealed()
			}
		}
		if j.cursor == len(j.blocks) {
			j.cursor = 0
			j.layers = min(2*j.layers, len(j.step.items)+1)
		}
	}
	return rd.sealed()
}

// sealed is the round with all its blocks.
func (rd *round) sealed() *round {
	for _, b := range rd.blocks {
		b.copied = rd.isCopy(b)
	}
	rd.pending.Store(int32(len(rd.blocks)))
	return rd
}

// add takes a block into the round if another item may give it pixels.
func (rd *round) add(b *block) {
	j := rd.job
	if b.full(j) {
		return
	}
	b.needs = b.needs[:0]
	waiting, before := int32(1), rd.bytes // waits for the round, until that is complete
	for covered := 0; b.next < len(j.step.items) && covered < j.layers; b.next++ {
		item := &j.step.items[b.next]
		if j.absent[item.Item] || item.Err != nil {
			continue
		}
		n, whole := rd.need(b, b.next, item)
		if n == nil {
			continue
		}
		if len(b.needs) > 0 && rd.enough(b, item, n, rd.bytes-before) {
			break
		}
		b.needs = append(b.needs, n)
		rd.register(b, n, &waiting)
		if whole {
			covered++
		}
	}
	if len(b.needs) > 0 {
		b.waiting.Store(waiting)
		rd.blocks = append(rd.blocks, b)
	}
}

// need finds the tiles that a block needs of an item; nil if the item misses the block. whole tells
// whether every band of it lies over every cell.
func (rd *round) need(b *block, position int, item *plan.StepItem) (n *need, whole bool) {
	j := rd.job
	whole = true
	for k, band := range j.bands {
		source := item.Sources[j.step.band(band)]
		if source == nil || source.Outline.Intersect(b.cells.Window).Empty() {
			if j.requires(k) {
				return nil, false
			}
			whole = false
			continue
		}
		if b.bandFull(j, k) {
			continue
		}
		s := newSourceNeed(source, b.cells)
		if s.window.Empty() {
			if j.requires(k) {
				return nil, false
			}
			whole = false
			continue
		}
		s.scaled = j.run.plan.Scaled()
		if n == nil {
			n = &need{item: position, sources: make([]*sourceNeed, len(j.bands))}
		}
		whole = whole && s.whole
		n.sources[k] = s
	}
	return n, whole && n != nil
}

func newSourceNeed(source *plan.Source, cells *plan.Cells) *sourceNeed {
	s := &sourceNeed{source: source}
	s.parts, s.whole = source.Windows(cells)
	for _, part := range s.parts {
		s.window = s.window.Union(part)
	}
	return s
}

// register makes the tiles of a block's need known to the round.
func (rd *round) register(b *block, n *need, waiting *int32) {
	for _, s := range n.sources {
		if s == nil {
			continue
		}
		from := origin{header: s.source.Header, asset: s.source.Asset, source: s.source, band: rd.job.run.plan.Bands[s.source.Band].Name}
		layers := s.source.Layers()
		s.layers = make([]layerNeed, len(layers))
		for i, layer := range layers {
			ln, noData := &s.layers[i], core.NoData{}
			if i == 0 { // those after the pixels are masks
				noData = s.source.Absent
			}
			ln.lay(layer, noData, s.window)
			for _, part := range s.parts {
				rd.cover(ln, from, part, b, waiting)
			}
			rd.bytes += ln.kept()
		}
		s.masks = rd.masks(n, s, b, waiting)
	}
	rd.bytes += rd.job.keeps(b)
}

// origin is the file that a tile is of, and the source on whose behalf it is read: what errors name.
type origin struct {
	header *cog.Header
	asset  *core.Asset
	source *plan.Source
	band   string
}

// cover lists the tiles over part of the layer's window.
func (rd *round) cover(ln *layerNeed, from origin, part core.Window, b *block, waiting *int32) {
	layer := ln.layer
	layer.EachTile(part, func(row, col int) {
		slot := (row-ln.row)*ln.cols + col - ln.col
		t := ln.tiles[slot]
		if t == nil {
			t = rd.tile(from, layer, row, col)
			ln.tiles[slot] = t
			t.serve(ln, slot)
			if t.wait(b) {
				*waiting++
			}
		}
		t.want(layer.Sample, part.Row+part.Height-row*layer.Image.TileHeight)
	})
}

func (rd *round) tile(from origin, layer plan.Layer, row, col int) *tile {
	index, r, ok := layer.Tile(row, col)
	key := tileKey{layer.Image, index}
	t := rd.tiles[key]
	if t == nil {
		t = &tile{round: rd, header: from.header, image: layer.Image, index: index, source: from.source, band: from.band, mask: layer.Role == plan.Mask,
			ref: core.TileRef{Asset: from.asset, Range: r}, sparse: !ok}
		t.uses.Store(1)
		rd.tiles[key] = t
		rd.order = append(rd.order, t)
		if ok {
			t.err = from.header.CheckTile(layer.Image, index, cog.DefaultLimits)
		}
		t.bytes = t.cost(layer)
		rd.bytes += t.bytes
	}
	return t
}

// fetch asks for the tiles once the memory budget admits them, and returns when all were delivered.
// Blocks are combined in the meantime.
func (rd *round) fetch() {
	run := rd.job.run
	need := rd.bytes
	if len(rd.blocks) > 1 {
		need = min(need, run.engine.Budget.Limit()) // the last block added may reach a little beyond
	}
	if err := run.engine.Budget.Acquire(run.ctx, need); err != nil {
		rd.job.end(err)
		return
	}
	rd.held.Store(need)
	var refs []core.TileRef
	var wanted []*tile
	for _, t := range rd.order {
		if t.sparse || t.err != nil {
			t.deliver(nil, t.err)
			continue
		}
		refs, wanted = append(refs, t.ref), append(wanted, t)
	}
	for _, b := range rd.blocks {
		rd.arrived(b) // the round is complete: only tiles are waited for
	}
	if len(refs) > 0 {
		run.lookAhead()
		run.tiles.Tiles(run.ctx, refs, func(i int, data []byte, err error) { wanted[i].deliver(data, err) })
	}
}

// discharge gives memory back to the budget: bytes of it, or all that is left.
func (rd *round) discharge(bytes int64) {
	for {
		held := rd.held.Load()
		give := min(bytes, held)
		if give <= 0 {
			return
		}
		if rd.held.CompareAndSwap(held, held-give) {
			rd.job.run.engine.Budget.Release(give)
			return
		}
	}
}

// arrived counts down what a block waits for.
func (rd *round) arrived(b *block) {
	if b.waiting.Add(-1) == 0 {
		rd.queue(b)
	}
}

func (rd *round) queue(b *block) {
	rd.job.run.group.Go(true, rd.job.guard(func() { rd.combine(b) }))
}

// arrivedHere is arrived on a worker that has decoded the tile: it combines the block itself, from its own cache, unless
// somebody else has nothing to do.
func (rd *round) arrivedHere(b *block) {
	switch {
	case b.waiting.Add(-1) > 0:
	case rd.job.run.group.Unneeded():
		rd.job.attempt(func() { rd.combine(b) })
	default:
		rd.queue(b)
	}
}

// fail keeps the error of the earliest item.
func (rd *round) fail(item int, err error) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if rd.failed == nil || item < rd.failItem {
		rd.failed, rd.failItem = err, item
	}
}

// hasFailed tells whether an item of the round could not be read: what blocks hold may be incomplete.
func (rd *round) hasFailed() bool {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.failed != nil
}

// finished is called by the last block of the round.
func (rd *round) finished() {
	j := rd.job
	rd.discharge(rd.bytes)
	if rd.failed == nil {
		j.round()
		return
	}
	changed := j.run.opts.FailChanged && core.ClassOf(rd.failed) == core.AssetChanged
	if !j.run.plan.IgnoreErrors || changed || isCancelled(rd.failed) {
		j.end(rd.failed)
		return
	}
	// The item counts as absent, everywhere: what blocks took of it must go. The tiles of the others are
	// in fetch's cache.
	j.leaveOut(j.step.items[rd.failItem].Item, rd.failed)
	j.begin()
}
