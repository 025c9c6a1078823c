package mosaic

import (
	"errors"
	"slices"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/plan"
	"cogweave/mosaic/decode"
)

// tile is one tile of a round: fetched once, decoded once, kept while a block still needs it.
type tile struct {
	round  *round
	header *cog.Header
	image  *cog.Level
	index  int
	source *plan.Source // one that asked, and its band or the mask's asset, to name them in errors
	band   string
	mask   bool
	ref    core.TileRef
	sparse bool  // not in the file: nodata, or zero
	bytes  int64 // cost

	samples []int // wanted
	rows    int   // wanted, from the top
	users   []*block
	parts   []part       // of windows across tiles, to be copied on arrival
	uses    atomic.Int32 // needs inside the tile that have not been combined yet, and its own arrival

	pixels [][]byte // per sample
	stored bool     // the pixels are the tile's bytes themselves, in the memory that they were fetched into
	shared *decoded // whose pixels these are; nil if they are the tile's own
	err    error
}

// part is the tile's place in a layer that gathers its window from several.
type part struct {
	layer *layerNeed
	slot  int
}

// serve notes a layer that takes pixels from the tile.
func (t *tile) serve(l *layerNeed, slot int) {
	if l.gathers() {
		t.parts = append(t.parts, part{l, slot})
	} else {
		t.uses.Add(1)
	}
}

// wait notes that a block needs the tile, and tells whether it did not before.
func (t *tile) wait(b *block) bool {
	if n := len(t.users); n > 0 && t.users[n-1] == b {
		return false
	}
	t.users = append(t.users, b)
	return true
}

// want notes a sample and how many rows of the tile are needed.
func (t *tile) want(sample, rows int) {
	if !slices.Contains(t.samples, sample) {
		t.samples = append(t.samples, sample)
	}
	t.rows = max(t.rows, min(rows, t.image.TileHeight))
}

// dtype is the type of the tile's decoded pixels; a mask's are bytes.
func (t *tile) dtype() core.DType {
	if t.mask {
		return core.UInt8
	}
	return t.image.DType()
}

// cost is the memory that the tile takes, compressed and decoded.
func (t *tile) cost(layer plan.Layer) int64 {
	pixels := int64(t.image.TileHeight) * int64(t.image.TileWidth) * int64(max(1, t.dtype().Size()))
	stored := t.ref.Range.Len()
	if t.err != nil { // it is not fetched
		stored = 0
	}
	if layer.Image.Planar {
		return stored + pixels
	}
	return stored + pixels*int64(t.image.Samples)
}

// deliver takes the compressed bytes and has them decoded.
func (t *tile) deliver(data []byte, err error) {
	j := t.round.job
	if err != nil {
		t.err = err
	}
	j.run.group.Go(false, j.guard(func() { t.decode(data) }))
}

func (t *tile) decode(data []byte) {
	switch {
	case t.err != nil || t.sparse:
	case t.round.job.run.engine.shared.crowded():
		if !t.share(data) {
			return // another read decodes it
		}
	case t.inPlace(data):
	case t.straight(data):
	default:
		t.pixels = t.buffers(len(t.samples), t.rows)
		t.err = t.unpack(data, t.samples, t.rows, t.pixels)
	}
	t.ready(data)
}

// inPlace takes the tile's bytes for its pixels, where nothing is to be done to them.
func (t *tile) inPlace(data []byte) bool {
	if t.image.Compression != cog.Uncompressed || len(t.samples) != 1 {
		return false
	}
	job := t.job(data, t.samples, t.rows)
	plane := job.InPlace()
	if plane == nil {
		return false
	}
	t.pixels, t.stored = [][]byte{plane}, true
	t.round.job.run.engine.stats.decoded.Add(int64(t.rows * t.image.TileWidth))
	return true
}

// buffers gives memory for rows of so many samples.
func (t *tile) buffers(samples, rows int) [][]byte {
	pixels := make([][]byte, samples)
	for i := range pixels {
		pixels[i] = t.round.job.run.engine.spares.Take(rows * t.image.TileWidth * t.dtype().Size())
	}
	return pixels
}

// unpack decodes the first rows of some samples into dst.
func (t *tile) unpack(data []byte, samples []int, rows int, dst [][]byte) error {
	run := t.round.job.run
	run.engine.stats.decoded.Add(int64(rows * t.image.TileWidth * len(samples)))
	job := t.job(data, samples, rows)
	job.Dst = dst
	return decode.Tile(run.ctx, job)
}

func (t *tile) job(data []byte, samples []int, rows int) decode.Job {
	return decode.Job{Header: t.header, Level: t.image, Index: t.index, Data: data, Rows: rows, Samples: samples}
}

// ready tells the blocks that wait for the tile.
func (t *tile) ready(data []byte) {
	j := t.round.job
	if t.err != nil {
		t.err = core.InBand(t.located(t.err), j.run.plan.Items[t.source.Item].ID, t.band)
	} else if !t.sparse {
		j.run.count(int64(len(data)))
	}
	if t.err == nil {
		for _, p := range t.parts {
			p.layer.gather(p.slot, &j.run.engine.spares)
		}
	}
	for _, b := range t.users {
		t.round.arrivedHere(b)
	}
	t.release()
}

// located is a copy of err that names the tile's bytes.
func (t *tile) located(err error) error {
	var e *core.Error
	if !errors.As(err, &e) || e.Range != nil {
		return err
	}
	named := *e
	named.Range = &t.ref.Range
	return &named
}

// release gives the pixels back when they were copied and the last block inside the tile is done with them.
func (t *tile) release() {
	if t.uses.Add(-1) > 0 {
		return
	}
	switch {
	case t.shared != nil:
		t.round.job.run.engine.shared.drop(t.shared)
	case !t.stored:
		for _, p := range t.pixels {
			t.round.job.run.engine.spares.Give(p)
		}
	}
	t.pixels = nil
	t.round.discharge(t.bytes)
}

// sample gives the decoded pixels of a sample; nil for a sparse tile.
func (t *tile) sample(sample int) []byte {
	if t.sparse {
		return nil
	}
	return t.pixels[slices.Index(t.samples, sample)]
}

func (r *run) count(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Tiles++
	r.report.Bytes += bytes
}
