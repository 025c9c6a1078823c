package mosaic

import (
	"context"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/plan"
)

// Ahead is windows of the same plan that will be read soon. Once a read has asked for its own first tiles, theirs are
// fetched in the background, for the time after the read as well, so that those who read them need not wait for
// the network. Of each window it is what its first round asks for: no tile that the read would not ask for. Nothing is
// decoded, and errors are left for the read to meet. A read with an Of is one of an array's chunks, whether it names the
// next ones or not: the tiles that it decodes are kept for them a moment.
type Ahead struct {
	Windows []plan.Window
	Of      int             // so many windows may be looked ahead at before the first of them is read; 0: none ever
	Tiles   core.TileSource // keeps what it is asked for
	Room    int64           // compressed bytes that Tiles keeps; nothing is fetched where it is 0
}

// most is how much of each window is fetched: all that may wait for one computation fills half of what is kept.
func (a *Ahead) most() int64 { return a.Room / 2 / int64(a.Of) }

// background is what goes on for no read in particular, until all of it is stopped.
type background struct {
	mu  sync.Mutex
	ctx context.Context // nil until it is asked for
	end context.CancelFunc
}

// context ends with the next call of stop.
func (b *background) context() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil {
		b.ctx, b.end = context.WithCancel(context.Background())
	}
	return b.ctx
}

func (b *background) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx != nil {
		b.end()
		b.ctx = nil
	}
}

// StopAhead ends what is fetched for windows that no read has asked for yet.
func (e *Engine) StopAhead() { e.background.stop() }

// lookAhead is the Ahead of one run, once it has begun.
type lookAhead struct {
	once sync.Once
	stop context.CancelFunc
}

// lookAhead begins to fetch what other windows will ask for, once.
func (r *run) lookAhead() {
	asked := &r.opts.Ahead
	if asked.Room == 0 || asked.Of <= 0 || len(asked.Windows) == 0 {
		return
	}
	r.ahead.once.Do(func() {
		ctx, stop := context.WithCancel(context.WithoutCancel(r.ctx))
		ended := context.AfterFunc(r.engine.background.context(), stop)
		r.ahead.stop = stop
		var left atomic.Int32
		left.Store(int32(len(asked.Windows)))
		for _, w := range asked.Windows {
			core.Go(func() {
				defer func() {
					if left.Add(-1) == 0 {
						ended()
						stop()
					}
				}()
				later := &run{engine: r.engine, ctx: ctx, plan: r.plan, headers: r.headers}
				if refs := later.firstTiles(w, asked.most()); len(refs) > 0 {
					asked.Tiles.Tiles(ctx, refs, func(int, []byte, error) {})
				}
			}, nil)
		}
	})
}

// stopAhead ends what the run's lookAhead has begun.
func (r *run) stopAhead() {
	r.ahead.once.Do(func() {})
	if r.ahead.stop != nil {
		r.ahead.stop()
	}
}

// firstTiles is what the first round of a read of the window will ask for, up to so many bytes.
func (r *run) firstTiles(w plan.Window, most int64) (refs []core.TileRef) {
	if _, cells, err := r.plan.CheckWindow(w); err != nil || cells == 0 || r.plan.MinValid() > 0 {
		return nil
	}
	steps, err := r.resolve(w)
	if err != nil {
		return nil
	}
	for _, spec := range w.Jobs() {
		j := newJob(r, spec, steps[spec.Time])
		j.lay()
		for _, t := range j.planRound().order {
			if t.sparse || t.err != nil {
				continue
			}
			if most -= t.ref.Range.Len(); most < 0 {
				return refs
			}
			refs = append(refs, t.ref)
		}
	}
	return refs
}
