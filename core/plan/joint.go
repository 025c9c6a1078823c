package plan

import (
	"slices"
	"strings"

	"cogweave/core"
)

// Joint tells whether a cell's value in one band depends on other bands: bands are then read together, however
// few of them a window asks for.
func (p *Plan) Joint() bool { return p.consistent || p.Method.Joint() }

// Consistent tells whether an item's pixel counts only where all bands of it are valid.
func (p *Plan) Consistent() bool { return p.consistent || p.Method.Name == "medoid" }

// Best is the band whose highest value chooses the item, or -1.
func (p *Plan) Best() int { return p.best }

// Needed lists the bands to read for some of them, ascending.
func (p *Plan) Needed(bands []int) []int {
	switch {
	case !p.Joint():
		return bands
	case p.Consistent() || p.Method.Name == "callable":
		all := make([]int, len(p.Bands))
		for i := range all {
			all[i] = i
		}
		return all
	}
	return ascending(append(slices.Clone(bands), p.best))
}

// findBest finds the band of best(band), and refuses what cannot go together.
func (p *Plan) findBest() error {
	p.best = -1
	if p.consistent && p.Method.PerBand() {
		return core.Errorf(core.InvalidArgument, "Consistent",
			"mosaic_method %q takes each band's value by itself, consistent=True one item for all of them: best(band) chooses an item", p.Method.Name)
	}
	if p.Method.Name != "best" {
		return nil
	}
	var names []string
	for b := range p.Bands {
		names = append(names, p.Bands[b].Name)
	}
	for _, of := range []func(*Band) string{func(b *Band) string { return b.Name }, func(b *Band) string { return b.Asset },
		func(b *Band) string { return b.CommonName }} {
		for b := range p.Bands {
			if of(&p.Bands[b]) == p.Method.Text {
				p.best = b
				return nil
			}
		}
	}
	hint := "there are: " + strings.Join(names, ", ")
	if near := core.NearestNames(p.Method.Text, names); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return core.Errorf(core.InvalidArgument, "MosaicMethod", "mosaic_method best(%s) wants one of the bands asked for; %s", p.Method.Text, hint)
}
