package mosaic

import (
	"slices"

	"cogweave/core"
	"cogweave/mosaic/combine"
)

// Block is what a callable combines: the items of a time step over a rectangle of cells.
type Block struct {
	Items, Bands, Rows, Cols int
	// Values are Items x Bands x Rows x Cols pixels of Type, native-endian, and Valid a byte for each: 0 is masked.
	Type          core.DType
	Values, Valid []byte
	// OutType is the dtype to give, of Bands x Rows x Cols pixels.
	OutType core.DType
}

// requires tells whether an item without that band of the job's gives a block nothing.
func (j *job) requires(k int) bool {
	p := j.run.plan
	return p.Joint() && (p.Consistent() || j.bands[k] == p.Best())
}

// position is where a band lies among those that the job reads.
func (j *job) position(band int) int { return slices.Index(j.bands, band) }

// newJoint makes the accumulator of a method that looks at several bands at once; nil for other methods.
func (j *job) newJoint(b *block) combine.Joint {
	p, n := j.run.plan, b.cells.Count()
	switch p.Method.Name {
	case "best":
		types := make([]core.DType, len(j.bands))
		for k, band := range j.bands {
			types[k] = p.Bands[band].DType // what each source is held as, whichever bands the window asks for
		}
		return combine.NewBest(j.position(p.Best()), n, types)
	case "medoid":
		return combine.NewMedoid(len(j.bands), n, p.BlockType())
	case "callable":
		return combine.NewFunction(len(j.bands), n, p.BlockType(), p.ResultType(), j.callable(b))
	}
	return nil
}

// callable asks the caller's function for a block.
func (j *job) callable(b *block) combine.Callable {
	return func(items int, values, valid []byte) (out, has []byte, err error) {
		ask := j.run.opts.Callable
		if ask == nil {
			return nil, nil, core.Errorf(core.InvalidArgument, "MosaicMethod", "mosaic_method is a callable, and nobody is there to call it")
		}
		rows, cols := 1, b.cells.Count()
		if b.cells.Rows == nil {
			rows, cols = b.cells.Window.Height, b.cells.Window.Width
		}
		return ask(j.run.ctx, &Block{Items: items, Bands: len(j.bands), Rows: rows, Cols: cols, Type: j.run.plan.BlockType(),
			Values: values, Valid: valid, OutType: j.run.plan.ResultType()})
	}
}

// combineJoint adds one item to a block, all its bands together.
func (rd *round) combineJoint(b *block, n *need, s *scratch) {
	j := rd.job
	if err := n.failed(); err != nil {
		rd.failedNeed(n, b.full(j), err)
		return
	}
	if b.full(j) {
		return
	}
	layers := s.layersOf(n, b)
	if j.run.plan.Consistent() {
		both := layers[0].Valid
		for k := 1; k < len(layers); k++ {
			combine.Both(layers[k].Valid, both)
		}
		for k := range layers {
			layers[k].Valid = both
		}
	}
	for k := range layers {
		j.saw(n.item, k, layers[k].Valid)
	}
	if b.joint != nil {
		b.joint.Add(layers)
		return
	}
	for k, band := range j.spec.Bands {
		l := &layers[j.position(band)]
		b.bands[k].Add(l.Values, l.Type, l.Valid)
	}
}

// failed is the first error among the item's bands.
func (n *need) failed() error {
	for _, sn := range n.sources {
		if sn == nil {
			continue
		}
		if err := sn.failed(); err != nil {
			return err
		}
	}
	return nil
}

// layersOf resamples every band of an item, each into memory of its own.
func (s *scratch) layersOf(n *need, b *block) []combine.Layer {
	for len(s.kept) < len(n.sources) {
		s.kept = append(s.kept, kept{})
	}
	layers := make([]combine.Layer, len(n.sources))
	for k, sn := range n.sources {
		if sn == nil {
			continue
		}
		values, dtype := s.pixels(sn, b)
		keep := &s.kept[k]
		keep.values = append(keep.values[:0], values...)
		keep.valid = append(keep.valid[:0], s.valid...)
		layers[k] = combine.Layer{Values: keep.values, Type: dtype, Valid: keep.valid}
	}
	return layers
}

// kept is the memory of one band of an item.
type kept struct{ values, valid []byte }

// pixels resamples a source, and makes physical values of its pixels where the plan wants them.
func (s *scratch) pixels(sn *sourceNeed, b *block) (values []byte, dtype core.DType) {
	s.resample(sn, b)
	to := sn.scaled
	if to == "" {
		return s.values, sn.dtype()
	}
	n := b.cells.Count()
	s.scaled = grow(&s.scaled, n*to.Size())
	combine.Scale(sn.dtype(), to, s.values, s.scaled, sn.source.Gain, sn.source.Bias, n)
	return s.scaled, to
}

// keeps is the memory that an item takes in a block's accumulators until the block is written.
func (j *job) keeps(b *block) int64 {
	const validity = 1
	bytes := int64(b.cells.Count()) * int64(len(j.bands)) * int64(j.run.plan.BlockType().Size()+validity)
	switch j.run.plan.Method.Name {
	case "median", "percentile", "medoid":
		return bytes
	case "callable": // here, on the way, and the caller's
		return 3 * bytes
	}
	return 0
}

// finishJoint writes a band of a joint block.
func (j *job) finishJoint(b *block, band int, dst []byte, stride, rows, cols int) {
	b.joint.Finish(j.position(band), dst, j.run.dtype, j.run.fill(band), stride, rows, cols)
}
