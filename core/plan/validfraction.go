package plan

import (
	"context"
	"maps"
	"slices"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
)

// coarseCells bounds the cells along an axis on which the valid fraction of an item is counted.
const coarseCells = 128

// Fraction says how to count what part of an item is valid over raster and whole grid: read
// Window of Plan, whose pixels are 1 where the item is valid and 0 elsewhere. It depends on the item, the grid, the
// bands and the mask of the plan that was asked, and not on any window of that.
type Fraction struct {
	Plan   *Plan
	Window Window
	Source *Source // on Plan's grid
}

// fractions are what a plan found out of its items' valid fractions.
type fractions struct {
	mu     sync.Mutex
	coarse map[int]*Plan
	known  map[int]float64
}

// MinValid is the least valid fraction of an item that takes part; 0 where all do.
func (p *Plan) MinValid() float64 { return p.request.MinValid }

// KnownFraction gives the valid fraction of an item, if it was counted.
func (p *Plan) KnownFraction(item int) (float64, bool) {
	p.fractions.mu.Lock()
	defer p.fractions.mu.Unlock()
	f, ok := p.fractions.known[item]
	return f, ok
}

// KeepFraction keeps what was counted.
func (p *Plan) KeepFraction(item int, fraction float64) {
	p.fractions.mu.Lock()
	defer p.fractions.mu.Unlock()
	if p.fractions.known == nil {
		p.fractions.known = map[int]float64{}
	}
	p.fractions.known[item] = fraction
}

// Fraction tells how to count the valid fraction of an item: by its first band, on the grid coarsened by the power of
// two at which the raster's outline has at most coarseCells cells along each axis, sampled with nearest, the mask
// applied. It is nil for an item that does not touch the grid.
func (p *Plan) Fraction(ctx context.Context, item int, headers HeaderReader) (*Fraction, error) {
	b := slices.IndexFunc(p.layoutOf(item).places, func(at place) bool { return at.asset >= 0 })
	if b < 0 {
		return nil, nil
	}
	f := file{item: item, asset: p.place(item, b).asset}
	href := p.Items[item].Assets[f.asset].Href
	headers.Headers(ctx, []string{href}, func(_ int, h *cog.Header, err error) { f.header, f.err = h, err })
	source, err := p.source(&f, b)
	if err != nil {
		return nil, core.InBand(err, p.Items[item].ID, p.Bands[b].Name)
	}
	factor := 1
	for max(source.Outline.Height, source.Outline.Width) > coarseCells*factor {
		factor *= 2
	}
	c := p.coarse(factor)
	steps, err := c.Resolve(ctx, []int{item}, []int{b}, c.Grid.Window(), headers)
	if err != nil || len(steps[0].Items) == 0 {
		return nil, err
	}
	found := &steps[0].Items[0]
	if found.Err != nil {
		return nil, found.Err
	}
	o := found.Sources[0].Outline
	return &Fraction{Plan: c, Source: found.Sources[0], Window: Window{Band: Axis{Start: b, Step: 1, Count: 1}, Time: Axis{Start: item, Step: 1, Count: 1},
		Row: Axis{Start: o.Row, Step: 1, Count: o.Height}, Col: Axis{Start: o.Col, Step: 1, Count: o.Width}}}, nil
}

// coarse gives the plan that counts valid pixels on the grid coarsened by a factor: a step for each item.
func (p *Plan) coarse(factor int) *Plan {
	p.fractions.mu.Lock()
	defer p.fractions.mu.Unlock()
	if c := p.fractions.coarse[factor]; c != nil {
		return c
	}
	c := p.makeCoarse(float64(factor))
	if p.fractions.coarse == nil {
		p.fractions.coarse = map[int]*Plan{}
	}
	p.fractions.coarse[factor] = c
	return c
}

func (p *Plan) makeCoarse(factor float64) *Plan {
	p.outlines.mu.Lock() // of sets
	defer p.outlines.mu.Unlock()
	cells := func(n int) int { return max(1, int(float64(n)/factor+0.5)) } // those whose centre lies inside the grid
	c := &Plan{
		Grid:  core.Grid{CRS: p.Grid.CRS, Transform: p.Grid.Transform.Scale(factor, factor), Rows: cells(p.Grid.Rows), Cols: cells(p.Grid.Cols)},
		Items: p.Items, DType: core.UInt16, Method: core.Method{Name: "count"}, request: Request{Native: p.request.Native},
		projection: p.projection, overviews: true, layouts: p.layouts, layoutIDs: p.layoutIDs, masks: p.masks, maskPlaces: p.maskPlaces,
		maskDilate: p.maskDilate, best: -1, geometries: map[rasterKey]*geometry{}, placements: map[levelKey]*Placement{},
		sets: bandSets{list: slices.Clone(p.sets.list), known: maps.Clone(p.sets.known)},
	}
	for _, band := range p.Bands {
		band.DType, band.NoData = core.UInt16, core.NoData{}
		c.Bands, c.kernels = append(c.Bands, band), append(c.kernels, core.Nearest)
	}
	c.Steps = make([]core.TimeStep, len(p.Items))
	each := make([]int32, len(p.Items))
	for i := range each {
		each[i] = int32(i)
		c.Steps[i].Items = each[i : i+1]
	}
	c.outlines = newOutlines(c)
	return c
}

// fractionReads lists the tiles that tell the valid fractions of the steps' items, in their order.
func (p *Plan) fractionReads(ctx context.Context, steps []Step, headers HeaderReader, yield func(Read)) error {
	if p.MinValid() == 0 {
		return nil
	}
	for i := range steps {
		for _, item := range steps[i].Items {
			if item.Err != nil {
				continue
			}
			f, err := p.Fraction(ctx, item.Item, headers)
			if err == nil && f != nil {
				var reads []Read
				if reads, err = f.Plan.Reads(ctx, f.Window, headers); err == nil {
					for _, r := range reads {
						r.TimeIndex = int32(steps[i].Time)
						yield(r)
					}
				}
			}
			if err != nil && !p.IgnoreErrors {
				return err
			}
		}
	}
	return nil
}
