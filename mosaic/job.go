package mosaic

import (
	"cmp"
	"slices"
	"sync"

	"cogweave/core"
	"cogweave/core/plan"
)

// job combines the items of one time step, in rounds: each round plans which tiles the blocks that are
// not full yet need of their next items, has them fetched, and combines them as they come. The rounds of
// a job, and so its requests, depend on pixels only, never on timing.
type job struct {
	run     *run
	spec    plan.Job
	step    *resolvedStep
	bands   []int        // read for the job's: the job's, or more where one depends on others
	absent  map[int]bool // items left out after an error (errors="ignore")
	blocks  []*block
	layers  int
	cursor  int   // block at which the next round begins
	most    int64 // atMost, once it is known
	present *round
	states  outcomes
	once    sync.Once // the job's end
}

func newJob(r *run, spec plan.Job, step *resolvedStep) *job {
	j := &job{run: r, spec: spec, step: step, bands: spec.Bands, absent: map[int]bool{}, layers: 1}
	if r.plan.Joint() {
		j.bands = r.plan.Needed(spec.Bands)
	}
	j.states = newOutcomes(j)
	return j
}

// guard makes a task of f that ends the job if f panics or the run is over. No task runs after the run
// has returned: the output is the caller's again.
func (j *job) guard(f func()) func() {
	return func() {
		j.run.gate.RLock()
		defer j.run.gate.RUnlock()
		j.attempt(f)
	}
}

// attempt does f in a task.
func (j *job) attempt(f func()) {
	defer func() {
		if p := recover(); p != nil {
			j.end(core.Panicked(p))
		}
	}()
	if j.run.ctx.Err() != nil {
		j.end(core.Errorf(core.Cancelled, "", "cancelled"))
		return
	}
	f()
}

// end finishes the job, once.
func (j *job) end(err error) {
	j.once.Do(func() {
		if err != nil {
			j.run.fail(j.spec.Slot, err)
		} else {
			j.run.told(j)
			if j.run.opts.OnStep != nil {
				j.run.opts.OnStep(j.spec.Slot)
			}
		}
		if rd := j.present; rd != nil {
			rd.discharge(rd.bytes)
		}
		j.run.jobs.Done()
	})
}

// lay lays the job's cells out in blocks, in the order in which they are read.
func (j *job) lay() {
	j.layers, j.cursor = int(j.run.engine.lookahead.Load()), 0
	if !j.run.plan.Method.StopsWhenFull() {
		j.layers = len(j.step.items) + 1 // every item counts
	}
	j.blocks = make([]*block, len(j.spec.Cells))
	for i := range j.blocks {
		j.blocks[i] = &block{cells: &j.spec.Cells[i]}
	}
	slices.SortStableFunc(j.blocks, byNeighbourhood)
}

// begin, or begin again without the items that failed.
func (j *job) begin() {
	j.lay()
	for _, item := range j.step.items {
		if item.Err == nil || j.absent[item.Item] {
			continue
		}
		if !j.run.plan.IgnoreErrors {
			j.end(item.Err)
			return
		}
		j.leaveOut(item.Item, item.Err)
	}
	j.round()
}

// neighbourhood is the side, in blocks, of the squares that are read one after the other: 1,024 cells, about
// a tile. Where memory cuts a job into rounds, few tiles lie across a cut and are decoded twice.
const neighbourhood = 16

func byNeighbourhood(a, b *block) int {
	return cmp.Or(cmp.Compare(a.cells.Row/neighbourhood, b.cells.Row/neighbourhood),
		cmp.Compare(a.cells.Col/neighbourhood, b.cells.Col/neighbourhood))
}

// leaveOut makes an item count as absent, and says so in the report.
func (j *job) leaveOut(item int, err error) {
	j.absent[item] = true
	j.run.note(j.spec.Time, item, err)
}

// round plans the next tiles, or ends the job when there are none.
func (j *job) round() {
	rd := j.planRound()
	j.present = rd
	if len(rd.blocks) == 0 {
		j.aside(j.write)
		return
	}
	core.Go(func() { rd.fetch() }, j.end)
}

// aside does something that may call a function of the caller's: never on a worker, which others wait for.
func (j *job) aside(f func()) {
	if j.run.plan.Method.Name != "callable" {
		f()
		return
	}
	core.Go(j.guard(f), j.end)
}

// write writes the pixels of every block that is not written yet, and ends the job.
func (j *job) write() {
	for _, b := range j.blocks {
		if b.written {
			continue
		}
		if err := j.writeBlock(b); err != nil {
			j.end(err)
			return
		}
	}
	j.end(nil)
}
