package plan

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"cogweave/core"
)

// latticeTolerance is how far pixels may lie off the lattice of others, in pixels, and still share it.
const latticeTolerance = 1e-3

// sharedGrid widens the grid of the first item's files to that of all items: the lattice of pixels that they have
// in common, as large as all of them. Where some lie otherwise, the error tells the candidates.
func (p *Plan) sharedGrid(ctx context.Context, first core.Grid, headers HeaderReader) (core.Grid, error) {
	if len(p.Items) < 2 || p.request.OverviewLevel != nil {
		return first, nil
	}
	s := sharing{plan: p, first: first, end: [2]int{first.Rows, first.Cols}, same: map[string]bool{}}
	seen := map[core.Proj]bool{}
	var silent []bandFile
	for i := range p.Items {
		for b := range p.Bands {
			at := p.place(i, b)
			if at.asset < 0 || p.absent(i) {
				continue
			}
			asset := &p.Items[i].Assets[at.asset]
			switch proj := asset.Proj; {
			case !proj.Known():
				silent = append(silent, bandFile{file{item: i, asset: at.asset}, b})
			case !seen[proj]:
				seen[proj] = true
				s.add(core.Grid{CRS: proj.CRS, Transform: proj.Transform, Rows: proj.Shape[0], Cols: proj.Shape[1]})
			}
		}
	}
	if err := s.addFiles(ctx, silent, headers); err != nil {
		return core.Grid{}, err
	}
	if len(s.others) > 0 {
		candidates := append([]string{gridText(first)}, s.others...)
		return core.Grid{}, core.Errorf(core.InvalidArgument, "Grid", "grid=\"native\": the items have grids of their own (%s); name one, or select items that share one",
			strings.Join(candidates, "; "))
	}
	return s.grid(), nil
}

// sharing is the lattice of a first grid, and what lies on it.
type sharing struct {
	plan   *Plan
	first  core.Grid
	start  [2]int // row and column of the common grid's first cell, counted in the first grid
	end    [2]int
	same   map[string]bool // systems that are the first grid's, or not
	others []string        // grids that lie otherwise, in words, the first few
}

func (s *sharing) add(g core.Grid) {
	same, known := s.same[g.CRS]
	if !known {
		same = s.plan.projection.Same(g.CRS, s.first.CRS)
		s.same[g.CRS] = same
	}
	m := s.first.Transform.Inverse().Mul(g.Transform)
	row, col := math.Round(m.F), math.Round(m.C)
	off := max(math.Abs(m.A-1)*float64(g.Cols), math.Abs(m.E-1)*float64(g.Rows), math.Abs(m.B)*float64(g.Rows), math.Abs(m.D)*float64(g.Cols),
		math.Abs(m.F-row), math.Abs(m.C-col))
	if !same || !(off < latticeTolerance) {
		if text := gridText(g); len(s.others) < 5 && !slices.Contains(s.others, text) {
			s.others = append(s.others, text)
		}
		return
	}
	s.start = [2]int{min(s.start[0], int(row)), min(s.start[1], int(col))}
	s.end = [2]int{max(s.end[0], int(row)+g.Rows), max(s.end[1], int(col)+g.Cols)}
}

// bandFile is a file, and a band that it holds.
type bandFile struct {
	file
	band int
}

// addFiles adds files of which the catalog says nothing, by their headers.
func (s *sharing) addFiles(ctx context.Context, files []bandFile, headers HeaderReader) error {
	list := make([]*file, len(files))
	for i := range files {
		list[i] = &files[i].file
	}
	s.plan.readFiles(ctx, list, headers)
	for i, f := range list {
		err := f.err
		if err == nil {
			var g core.Grid
			if g, err = s.plan.ownGrid(f.header, &s.plan.asset(f).Proj); err == nil {
				s.add(g)
			}
		}
		if err != nil && !s.plan.ignores(err) {
			return core.InBand(err, s.plan.Items[f.item].ID, s.plan.Bands[files[i].band].Name)
		}
	}
	return nil
}

func (s *sharing) grid() core.Grid {
	t := s.first.Transform
	t.C, t.F = t.Apply(float64(s.start[1]), float64(s.start[0]))
	return core.Grid{CRS: s.first.CRS, Transform: t, Rows: s.end[0] - s.start[0], Cols: s.end[1] - s.start[1]}
}

func gridText(g core.Grid) string {
	crs, _, _ := strings.Cut(g.CRS, ",")
	x, y := g.Transform.Resolution()
	return fmt.Sprintf("%.80s, %g x %g from (%g, %g), shape (%d, %d)", crs, x, y, g.Transform.C, g.Transform.F, g.Rows, g.Cols)
}
