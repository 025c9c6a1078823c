package plan

import (
	"context"
	"fmt"
	"strings"

	"cogweave/core"
	"cogweave/core/cog"
)

// PixelCRS is the system of a raster that does not say what it is in: a plane of its own, which no
// transform leads out of.
const PixelCRS = `ENGCRS["pixels",EDATUM["a raster of its own"],CS[Cartesian,2],AXIS["x",east],AXIS["y",south],LENGTHUNIT["metre",1]]`

// georeference says where a file's pixels lie: the header's word, else the catalog's. In a native request a
// file that neither tells of lies on its own pixels: columns are x and rows are y.
func (p *Plan) georeference(h *cog.Header, proj *core.Proj) (crs string, transform core.Affine, err error) {
	if crs, err = p.projection.FromGeoref(&h.Georef); err != nil {
		return "", transform, err
	}
	if crs == "" {
		crs = proj.CRS
	}
	transform = h.Georef.Transform
	placed := h.Georef.HasTransform || proj.HasTransform
	if !h.Georef.HasTransform && proj.HasTransform {
		transform = proj.Transform
	}
	fail := func(format string, args ...any) (string, core.Affine, error) {
		return "", transform, core.Errorf(core.DecodeError, "GeoReferenceError", format, args...).WithHref(h.Href)
	}
	switch {
	case p.request.Native && !placed:
		return PixelCRS, core.Affine{A: 1, E: 1}, nil
	case !placed && h.Georef.HasGCPs:
		return fail("georeferenced by ground control points or rational polynomials (GCPs, RPCs) only, which cogweave does not use")
	case crs == "" && !p.request.Native:
		return fail("neither the file nor the catalog says what CRS it is in")
	case !placed:
		return fail("neither the file nor the catalog says where it lies")
	case !transform.Valid():
		return fail("the geotransform cannot be inverted")
	case crs == "":
		crs = PixelCRS
	}
	return crs, transform, nil
}

// levelOf gives the level that the request names, or the one that suits the grid.
func (p *Plan) levelOf(g *geometry, h *cog.Header) (int, error) {
	if p.request.OverviewLevel == nil {
		return g.chooseLevel(h.Levels, p.overviews), nil
	}
	level := *p.request.OverviewLevel + 1
	if level >= len(h.Levels) {
		return 0, core.Errorf(core.InvalidArgument, "OverviewLevel", "overview_level %d: the file has %d overviews, counted from 0",
			level-1, len(h.Levels)-1).WithHref(h.Href)
	}
	return level, nil
}

// nativeGrid gives the grid of each band's first file, at the level asked for; with errors="ignore", of the first that can
// be read.
func (p *Plan) nativeGrid(ctx context.Context, headers HeaderReader) (core.Grid, error) {
	grids := make([]core.Grid, len(p.Bands))
	own := func(b int, f *file) (err error) {
		grids[b], err = p.ownGrid(f.header, &p.asset(f).Proj)
		return err
	}
	for b, s := range p.specimens(ctx, p.ofBands(nil, own), headers) {
		if s.err == nil {
			s.err = own(b, &s.files[0]) // grids has that of the file looked at last
		}
		if s.err != nil {
			return core.Grid{}, s.err
		}
	}
	for b := range grids {
		if grids[b] != grids[0] {
			return core.Grid{}, core.Errorf(core.InvalidArgument, "Grid",
				"grid=\"native\": the bands have grids of their own (%s); name bands that share one, or another grid", p.gridTexts(grids))
		}
	}
	return p.sharedGrid(ctx, grids[0], headers)
}

// ownGrid is the grid of a file's level.
func (p *Plan) ownGrid(h *cog.Header, proj *core.Proj) (core.Grid, error) {
	crs, transform, err := p.georeference(h, proj)
	if err != nil {
		return core.Grid{}, err
	}
	n := 0
	if p.request.OverviewLevel != nil {
		if n, err = p.levelOf(nil, h); err != nil {
			return core.Grid{}, err
		}
	}
	base, level := &h.Levels[0], &h.Levels[n]
	fx, fy := float64(base.Width)/float64(level.Width), float64(base.Height)/float64(level.Height)
	return core.Grid{CRS: crs, Transform: transform.Scale(fx, fy), Rows: level.Height, Cols: level.Width}, nil
}

// gridTexts tells the bands' grids in words, those alike together.
func (p *Plan) gridTexts(grids []core.Grid) string {
	var texts []string
	for b, g := range grids {
		var names []string
		for k := range grids {
			if grids[k] == g {
				if k < b {
					break // told before
				}
				names = append(names, p.Bands[k].Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		crs, _, _ := strings.Cut(g.CRS, ",")
		x, y := g.Transform.Resolution()
		texts = append(texts, fmt.Sprintf("%s: %s, %g x %g, shape (%d, %d)", strings.Join(names, ", "), crs, x, y, g.Rows, g.Cols))
	}
	return strings.Join(texts, "; ")
}
