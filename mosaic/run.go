package mosaic

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/plan"
)

// Engine is what all reads of the process share.
type Engine struct {
	Pool       *Pool
	Budget     *Budget
	lookahead  atomic.Int32
	shared     shared
	spares     core.Spares // of decoded tiles and of parts of them
	background background
	stats      counters
}

// sparesShare is the part of the memory that may wait for its next use.
const sparesShare = 8

// NewEngine makes an engine with that many workers and that many bytes of memory.
func NewEngine(threads int, memory int64) *Engine {
	e := &Engine{Pool: NewPool(threads), Budget: NewBudget(memory)}
	e.shared.budget, e.Budget.reclaim = e.Budget, e.shared.reclaim
	e.shared.spares, e.spares.Most = &e.spares, func() int64 { return e.Budget.Limit() / sparesShare }
	e.SetLookahead(1)
	return e
}

// SetLookahead says how many layers of items the first round of a read reads before it is known that they
// are needed; each further round doubles them. 1 reads the least.
func (e *Engine) SetLookahead(layers int) { e.lookahead.Store(int32(max(1, layers))) }

// Options are the optional parts of a run.
type Options struct {
	// OnStep is called, from any goroutine, when the pixels of position i of the window's time axis are
	// written (pointwise windows: of one group of points).
	OnStep func(i int)
	// Outcomes has the report tell of every item, not only of those that failed.
	Outcomes bool
	// FailChanged makes a file that was replaced since its header was read an error even where the plan
	// ignores errors: the caller will read it again.
	FailChanged bool
	// Callable combines a block by a function of the caller's (mosaic_method): pixels of block.OutType and a byte of
	// validity for each. It may be called from any goroutine, several at a time.
	Callable func(ctx context.Context, block *Block) (out, has []byte, err error)
	// Ahead is fetched meanwhile, and goes on when the run has ended well.
	Ahead Ahead
	// Valid, if set, has a byte for each cell of the output, which becomes 0 where the cell holds the fill, since no item
	// gave it a value, and not 0 elsewhere.
	Valid []byte
}

// run is one read of a window.
type run struct {
	engine  *Engine
	ctx     context.Context
	cancel  context.CancelFunc
	plan    *plan.Plan
	headers plan.HeaderReader
	tiles   core.TileSource
	ahead   lookAhead
	group   *Group
	out     []byte
	ground  *ground // of out
	dtype   core.DType
	opts    Options

	mu     sync.Mutex
	slot   int // of err: the earliest job that failed
	err    error
	report Report
	jobs   sync.WaitGroup
	gate   sync.RWMutex // held by tasks for reading
}

// Run reads a window of a plan into out, which is C-contiguous in the window's shape and dtype. It returns
// when every pixel is written, or with an error, after which out is undefined and no longer touched.
func (e *Engine) Run(ctx context.Context, p *plan.Plan, w plan.Window, headers plan.HeaderReader, tiles core.TileSource, out []byte, opts Options) (*Report, error) {
	dtype, cells, err := p.CheckWindow(w)
	if err != nil {
		return nil, err
	}
	if want := cells * dtype.Size(); len(out) != want {
		return nil, core.Errorf(core.InvalidArgument, "Buffer", "out holds %d bytes, the window needs %d", len(out), want)
	}
	if opts.Valid != nil && len(opts.Valid) != cells {
		return nil, core.Errorf(core.InvalidArgument, "Buffer", "valid holds %d bytes, the window has %d cells", len(opts.Valid), cells)
	}
	if cells == 0 {
		return &Report{}, nil
	}
	r := &run{engine: e, plan: p, headers: headers, tiles: tiles, out: out, dtype: dtype, opts: opts}
	r.ground = newGround(out, e.Pool.Threads())
	reads, kin := 1, any(nil)
	if opts.Ahead.Of > 0 {
		reads, kin = 2, p
	}
	e.shared.enter(p, reads)
	defer e.shared.leave(p, reads)
	r.ctx, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	r.group = e.Pool.Group(kin, func(err error) { r.fail(-1, err) })
	steps, err := r.resolve(w)
	if err != nil {
		return nil, err
	}
	var jobs []*job
	for _, j := range w.Jobs() {
		job := newJob(r, j, steps[j.Time])
		if err := job.fits(); err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	for _, job := range jobs {
		r.jobs.Add(1)
		r.group.Go(false, job.guard(job.begin))
	}
	r.jobs.Wait()
	r.cancel()
	r.gate.Lock() // tasks of jobs that failed may still run; later ones see that the context has ended
	defer r.gate.Unlock()
	return r.finish(ctx)
}

// resolve finds the sources of the window's time steps, by their position in the plan.
func (r *run) resolve(w plan.Window) (map[int]*resolvedStep, error) {
	bands := r.plan.Needed(w.Bands())
	steps, err := r.plan.Resolve(r.ctx, w.Times(), bands, w.Bounds(), r.headers)
	if err != nil {
		return nil, err
	}
	if err := r.dropSparse(steps); err != nil {
		return nil, err
	}
	byTime := make(map[int]*resolvedStep, len(steps))
	for i := range steps {
		byTime[steps[i].Time] = &resolvedStep{items: steps[i].Items, bands: bands}
		r.report.Items += len(steps[i].Items)
	}
	return byTime, nil
}

// resolvedStep is a step's items, with sources in the order of bands.
type resolvedStep struct {
	items []plan.StepItem
	bands []int
}

// band is the position of a band's sources.
func (s *resolvedStep) band(b int) int { return slices.Index(s.bands, b) }

// fail keeps the error of the earliest job, and ends the run.
func (r *run) fail(slot int, err error) {
	r.mu.Lock()
	if r.err == nil || (slot < r.slot && !isCancelled(err)) || (isCancelled(r.err) && !isCancelled(err)) {
		r.slot, r.err = slot, err
	}
	r.mu.Unlock()
	r.cancel()
}

// fill is the value of a band's cells that nothing covers.
func (r *run) fill(band int) float64 { return r.plan.Bands[band].Fill() }

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || core.ClassOf(err) == core.Cancelled
}

func (r *run) finish(ctx context.Context) (*Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		r.stopAhead()
		if ctx.Err() != nil && isCancelled(r.err) {
			return nil, core.Errorf(core.Cancelled, "", "cancelled")
		}
		return nil, r.err
	}
	r.lookAhead() // a read that needed no tile
	slices.SortFunc(r.report.Failures, func(a, b Failure) int { return a.Time - b.Time })
	return &r.report, nil
}
