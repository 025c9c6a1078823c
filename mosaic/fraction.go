package mosaic

import (
	"slices"
	"sync"

	"cogweave/core"
	"cogweave/core/lattice"
	"cogweave/core/plan"
	"cogweave/mosaic/mask"
	"cogweave/mosaic/warp"
)

// fractionsAtOnce is the number of items whose valid fraction is counted at a time.
const fractionsAtOnce = 64

// dropSparse leaves out the items of which too little is valid, and says so in the report. An item whose valid fraction
// cannot be counted keeps the error.
func (r *run) dropSparse(steps []plan.Step) error {
	least := r.plan.MinValid()
	if least == 0 {
		return nil
	}
	fractions := r.fractions(steps)
	if r.ctx.Err() != nil {
		return core.Errorf(core.Cancelled, "", "cancelled")
	}
	for i := range steps {
		steps[i].Items = slices.DeleteFunc(steps[i].Items, func(item plan.StepItem) bool {
			f, counted := fractions[item.Item]
			if !counted || f >= least {
				return false
			}
			r.report.Dropped = append(r.report.Dropped, Dropped{Time: steps[i].Time, Item: r.plan.Items[item.Item].ID, Valid: f})
			return true
		})
	}
	return nil
}

// fractions counts the valid fraction of every item of the steps that is not known yet.
func (r *run) fractions(steps []plan.Step) map[int]float64 {
	known := map[int]float64{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, fractionsAtOnce)
	for i := range steps {
		for k := range steps[i].Items {
			item := &steps[i].Items[k]
			if item.Err != nil {
				continue
			}
			if f, ok := r.plan.KnownFraction(item.Item); ok {
				mu.Lock()
				known[item.Item] = f
				mu.Unlock()
				continue
			}
			slots <- struct{}{}
			wait.Add(1)
			core.Go(func() {
				defer func() { <-slots; wait.Done() }()
				f, err := r.fraction(item.Item)
				mu.Lock()
				defer mu.Unlock()
				if item.Err = err; err == nil {
					known[item.Item] = f
				}
			}, func(err error) { r.fail(-1, err) })
		}
	}
	wait.Wait()
	return known
}

// fraction counts the valid fraction of an item by a read of its own, on a coarse grid.
func (r *run) fraction(item int) (float64, error) {
	f, err := r.plan.Fraction(r.ctx, item, r.headers)
	if err != nil {
		return 0, err
	}
	if f == nil {
		r.plan.KeepFraction(item, 1)
		return 1, nil
	}
	out := make([]byte, f.Window.Cells()*core.UInt16.Size())
	report, err := r.engine.Run(r.ctx, f.Plan, f.Window, r.headers, r.tiles, out, Options{})
	if err != nil {
		return 0, err
	}
	valid, all := mask.Count(out), cellsOn(f.Source, f.Window)
	fraction := 1.0
	if all > 0 {
		fraction = float64(valid) / float64(all)
	}
	r.plan.KeepFraction(item, fraction)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Tiles += report.Tiles
	r.report.Bytes += report.Bytes
	return fraction, nil
}

// cellsOn counts the cells of a window whose centre lies on the raster.
func cellsOn(s *plan.Source, w plan.Window) int {
	level := core.Window{Height: s.Height, Width: s.Width}
	count := 0
	xs, ys := make([]float64, side*side), make([]float64, side*side)
	var n lattice.Nodes
	for _, job := range w.Jobs() {
		for i := range job.Cells {
			c := &job.Cells[i]
			if s.Aligned {
				at := c.Window
				at.Row += s.Shift[0]
				at.Col += s.Shift[1]
				on := at.Intersect(level)
				count += on.Height * on.Width
				continue
			}
			s.Centres(c.Row, c.Col, &n)
			warp.Interpolate(n.X, n.Y, n.PerRow, n.Step, c.Window.Row-c.Row*side, c.Window.Height, c.Window.Col-c.Col*side, c.Window.Width, xs, ys)
			for k := range c.Window.Height * c.Window.Width {
				if xs[k] >= 0 && ys[k] >= 0 && xs[k] < float64(level.Width) && ys[k] < float64(level.Height) {
					count++
				}
			}
		}
	}
	return count
}
