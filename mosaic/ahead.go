package mosaic

import (
	"context"

	"cogweave/core"
	"cogweave/core/plan"
)

// Ahead has the tiles fetched that a read of the window asks for first, and leaves them to the TileSource, which is
// to keep them: a chunk that will be read soon does not wait for the network then. Nothing is decoded. It asks for
// no tile that the read would not ask for, for at most so many bytes, and keeps errors to itself: the read will
// meet them.
func (e *Engine) Ahead(ctx context.Context, p *plan.Plan, w plan.Window, headers plan.HeaderReader, tiles core.TileSource, most int64) {
	if _, cells, err := p.CheckWindow(w); err != nil || cells == 0 || p.MinValid() > 0 {
		return
	}
	r := &run{engine: e, ctx: ctx, plan: p}
	steps, err := r.resolve(w, headers)
	if err != nil {
		return
	}
	var refs []core.TileRef
	for _, spec := range w.Jobs() {
		j := newJob(r, spec, steps[spec.Time])
		j.lay()
		for _, t := range j.planRound().order {
			if t.sparse || t.err != nil {
				continue
			}
			if most -= t.ref.Range.Len(); most < 0 {
				return
			}
			refs = append(refs, t.ref)
		}
	}
	if len(refs) > 0 {
		tiles.Tiles(ctx, refs, func(int, []byte, error) {})
	}
}
