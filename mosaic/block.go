package mosaic

import (
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/lattice"
	"cogweave/core/plan"
	"cogweave/mosaic/combine"
	"cogweave/mosaic/warp"
)

const side = lattice.Block

// block is the cells of a job in one block of the lattice, and what is known of them so far.
type block struct {
	cells   *plan.Cells
	next    int                   // first item of the step not combined yet
	bands   []combine.Accumulator // one for each of the job's; none where there is joint
	joint   combine.Joint
	needs   []*need // of the present round, in item order
	written bool
	copied  bool         // a copy of what its tiles hold, if they can be decoded: round.isCopy of the present round
	waiting atomic.Int32 // tiles of the present round that are not decoded yet, and the round itself
}

// scratch is a worker's memory for one block.
type scratch struct {
	lying  lying
	nodes  lattice.Nodes // of lying
	xs, ys []float64     // level coordinates of the cells
	values []byte        // resampled
	valid  []byte
	window []byte // source pixels, where a mask goes with them
	mask   []byte

	known    []byte   // validity of the source pixels
	columns  []int32  // of a mask, for the source's
	distance []uint16 // of a mask's pixels from dropped ones
	scaled   []byte   // physical values
	kept     []kept   // of a joint item's bands
}

// lying is what the level coordinates of a block's cells depend on.
type lying struct {
	placement *plan.Placement
	area      bool // the kernel's
	block     [2]int
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// rest gives the memory back for another block, perhaps of another plan.
func (s *scratch) rest() {
	s.lying = lying{}
	scratches.Put(s)
}

func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}

// full tells whether no further item can change the block.
func (b *block) full(j *job) bool {
	if b.written {
		return true
	}
	for k := range j.spec.Bands {
		if !b.bandFull(j, k) {
			return false
		}
	}
	return true
}

func (b *block) bandFull(j *job, k int) bool {
	if b.bands == nil || !j.run.plan.Method.StopsWhenFull() {
		return false
	}
	if j.run.plan.Joint() {
		k = 0 // all bands of a pixel come together
	}
	return b.bands[k].Full()
}

// accumulators makes the block's, one for each band.
func (b *block) accumulators(j *job) {
	if b.bands != nil || b.joint != nil {
		return
	}
	if b.joint = j.newJoint(b); b.joint != nil {
		return
	}
	b.bands = make([]combine.Accumulator, len(j.spec.Bands))
	for k, band := range j.spec.Bands {
		b.bands[k] = combine.New(j.run.plan.Method, b.cells.Count(), j.run.dtype, j.run.fill(band))
	}
}

// combine adds the round's items to a block whose tiles have all arrived, in order.
func (rd *round) combine(b *block) {
	j := rd.job
	s := scratches.Get().(*scratch)
	defer s.rest()
	if !rd.direct(b) && !rd.single(b, s) {
		rd.combineNeeds(b, s)
	}
	for _, n := range b.needs {
		n.release(rd)
	}
	j.aside(func() { rd.combined(b) })
}

func (rd *round) combineNeeds(b *block, s *scratch) {
	j := rd.job
	b.accumulators(j)
	for _, n := range b.needs {
		if j.run.plan.Joint() {
			rd.combineJoint(b, n, s)
		} else {
			rd.combineBands(b, n, s)
		}
	}
}

// combineBands adds one item to a block, band by band.
func (rd *round) combineBands(b *block, n *need, s *scratch) {
	j := rd.job
	for k, sn := range n.sources {
		if sn == nil {
			continue
		}
		full := b.bandFull(j, k)
		if err := sn.failed(); err != nil {
			rd.failedNeed(n, full, err)
			continue
		}
		if !full && !sn.placed { // beside a band that failed: the item is left out, or the read ends
			values, dtype := s.pixels(sn, b)
			j.saw(n.item, k, s.valid)
			b.bands[k].Add(values, dtype, s.valid)
		}
	}
}

// failedNeed keeps the error of an item that a block was to combine, or only reports it where its pixels turned out
// not to be needed.
func (rd *round) failedNeed(n *need, full bool, err error) {
	j := rd.job
	if full {
		j.run.note(j.spec.Time, j.step.items[n.item].Item, err)
	} else {
		rd.fail(n.item, err)
	}
}

// combined writes a block that nothing more comes to, and ends the round with its last block.
func (rd *round) combined(b *block) {
	j := rd.job
	if !b.written && (b.full(j) || b.next >= len(j.step.items)) && !rd.hasFailed() {
		if err := j.writeBlock(b); err != nil {
			j.end(err)
			return
		}
	}
	if rd.pending.Add(-1) == 0 {
		rd.finished()
	}
}

// prepare waits until cells can be written to a part of the output that begins at a pixel of it.
func (j *job) prepare(pixel, stride int, cells core.Window) {
	size := j.run.dtype.Size()
	j.run.ground.prepare(pixel*size, (pixel+(cells.Height-1)*stride+cells.Width)*size)
}

// writeBlock puts the block's pixels into the output.
func (j *job) writeBlock(b *block) error {
	b.accumulators(j)
	if f, ok := b.joint.(combine.Function); ok {
		if err := f.Run(); err != nil {
			return err
		}
	}
	size, c := j.run.dtype.Size(), b.cells
	for k, plane := range j.spec.Planes {
		finish := func(dst []byte, stride, rows, cols int) {
			if b.joint != nil {
				j.finishJoint(b, j.spec.Bands[k], dst, stride, rows, cols)
			} else {
				b.bands[k].Finish(dst, stride, rows, cols)
			}
		}
		if c.Rows == nil {
			j.prepare(plane+c.Offset, c.Stride, c.Window)
			finish(j.run.out[(plane+c.Offset)*size:], c.Stride, c.Window.Height, c.Window.Width)
			continue
		}
		values := make([]byte, c.Count()*size)
		finish(values, c.Count(), 1, c.Count())
		for i, place := range c.Places {
			copy(j.run.out[(plane+place)*size:][:size], values[i*size:])
		}
	}
	j.tellCombined(b)
	b.release()
	return nil
}

// release gives the memory of a block's accumulators back: it is written.
func (b *block) release() {
	for _, acc := range b.bands {
		acc.Release()
	}
	if b.joint != nil {
		b.joint.Release()
	}
	b.bands, b.joint, b.written = nil, nil, true
}

// failed is the first error among the tiles.
func (s *sourceNeed) failed() error {
	for i := range s.layers {
		if err := s.layers[i].failed(); err != nil {
			return err
		}
	}
	for _, m := range s.masks {
		if err := m.layer.failed(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sourceNeed) dtype() core.DType { return s.layers[0].layer.Image.DType() }

// release lets go of what the need still holds of tiles.
func (n *need) release(rd *round) {
	for _, s := range n.sources {
		if s == nil {
			continue
		}
		for i := range s.layers {
			s.layers[i].release(rd)
		}
	}
	for _, m := range n.masks {
		m.layer.release(rd)
	}
}

// resample fills values and valid with the source's pixels at the block's cells.
func (s *scratch) resample(sn *sourceNeed, b *block) {
	n := b.cells.Count()
	s.values = grow(&s.values, n*sn.dtype().Size())
	s.valid = grow(&s.valid, n)
	view := s.view(sn)
	c := b.cells
	nodes := s.coordinates(sn.source, c)
	row0, col0 := c.Window.Row-c.Row*lattice.Block, c.Window.Col-c.Col*lattice.Block
	switch {
	case sn.source.Aligned:
		s.copy(sn, b, &view)
	case sn.source.Kernel.IsArea() && c.Rows == nil:
		rows, cols := c.Window.Height, c.Window.Width
		s.xs, s.ys = grow(&s.xs, (rows+1)*(cols+1)), grow(&s.ys, (rows+1)*(cols+1))
		warp.Interpolate(nodes.X, nodes.Y, nodes.PerRow, nodes.Step, row0, rows+1, col0, cols+1, s.xs, s.ys)
		warp.SampleArea(warp.Of(sn.source.Kernel), &view, cols, rows, s.xs, s.ys, s.values, s.valid)
		s.acrossAntimeridian(sn, cols, rows, &view, s.values, s.valid)
	case sn.source.Kernel.IsArea():
		s.areas(sn, b, nodes, &view)
	case c.Rows == nil && !view.Type.IsComplex():
		at := core.Window{Row: row0, Col: col0, Height: c.Window.Height, Width: c.Window.Width}
		warp.SampleBlock(warp.Of(sn.source.Kernel), &view, sn.source.Scale, *nodes, at, s.values, s.valid)
	default:
		s.xs, s.ys = grow(&s.xs, n), grow(&s.ys, n)
		warp.InterpolateAt(nodes.X, nodes.Y, nodes.PerRow, nodes.Step, c.Rows, c.Cols, s.xs, s.ys)
		warp.Sample(warp.Of(sn.source.Kernel), &view, sn.source.Scale, s.xs, s.ys, s.values, s.valid)
	}
}

// coordinates gives where the cells' points lie on a source's level. The bands of an item mostly lie alike.
func (s *scratch) coordinates(source *plan.Source, c *plan.Cells) *lattice.Nodes {
	want := lying{source.Placement, source.Kernel.IsArea(), [2]int{c.Row, c.Col}}
	if s.lying != want {
		s.lying = want
		source.Coordinates(c, source.Kernel, &s.nodes)
	}
	return &s.nodes
}

// areas samples scattered cells with an area kernel, each by its own four corners.
func (s *scratch) areas(sn *sourceNeed, b *block, nodes *lattice.Nodes, view *warp.View) {
	size := sn.dtype().Size()
	s.xs, s.ys = grow(&s.xs, 4), grow(&s.ys, 4)
	for i := range b.cells.Rows {
		warp.Interpolate(nodes.X, nodes.Y, nodes.PerRow, nodes.Step, int(b.cells.Rows[i]), 2, int(b.cells.Cols[i]), 2, s.xs, s.ys)
		value, valid := s.values[i*size:(i+1)*size], s.valid[i:i+1]
		warp.SampleArea(warp.Of(sn.source.Kernel), view, 1, 1, s.xs, s.ys, value, valid)
		s.acrossAntimeridian(sn, 1, 1, view, value, valid)
	}
}
