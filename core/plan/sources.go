package plan

import (
	"context"
	"fmt"
	"math"
	"slices"

	"cogweave/core"
	"cogweave/core/cog"
)

// Source is a band of an item, ready to be read: one sample of one file, placed on the grid.
type Source struct {
	*Placement
	Item   int // position in Plan.Items
	Band   int // position in Plan.Bands
	Asset  *core.Asset
	Header *cog.Header
	Sample int // from 0
	NoData core.NoData
	Kernel core.Kernel
}

// Step is what feeds one time step of a window.
type Step struct {
	Time  int // position in Plan.Steps
	Items []StepItem
}

// StepItem is one item of a step: a source for each band of the window, nil where the item has none.
// Err is set instead where the item cannot be read.
type StepItem struct {
	Item    int
	Sources []*Source
	Err     error
}

func fill(n core.NoData, d core.DType) float64 {
	switch {
	case n.Set:
		return n.Value
	case d.IsFloat():
		return math.NaN()
	}
	return 0
}

// file is one file to know before a window can be read.
type file struct {
	item, asset int
	header      *cog.Header
	asAsset     *core.Asset
	err         error
}

// Resolve finds the sources of a window: for every time step asked for, in the order asked, the items
// whose raster touches the cells within bounds, in the order in which they combine. It reads the headers
// that are not known yet, all at once.
func (p *Plan) Resolve(ctx context.Context, times, bands []int, bounds core.Window, headers HeaderReader) ([]Step, error) {
	files, err := p.touching(ctx, times, bands, bounds, headers)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, 0, len(times))
	for _, t := range times {
		step := Step{Time: t}
		for _, i := range p.Steps[t].Items {
			if item, ok := p.resolveItem(int(i), bands, bounds, files); ok {
				step.Items = append(step.Items, item)
			}
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// touching reads the headers of the files that may touch the window: all but those whose outline the
// catalog gives and that lies elsewhere.
func (p *Plan) touching(ctx context.Context, times, bands []int, bounds core.Window, headers HeaderReader) (map[[2]int]*file, error) {
	files := map[[2]int]*file{}
	var list []*file
	var hrefs []string
	for _, t := range times {
		for _, i := range p.Steps[t].Items {
			for _, b := range bands {
				at := p.places[i][b]
				key := [2]int{int(i), at.asset}
				if at.asset < 0 || files[key] != nil {
					continue
				}
				asset := &p.Items[i].Assets[at.asset]
				if outline, ok := p.catalogOutline(asset); ok && outline.Intersect(bounds).Empty() {
					continue
				}
				f := &file{item: int(i), asset: at.asset}
				files[key], list, hrefs = f, append(list, f), append(hrefs, asset.Href)
			}
		}
	}
	if len(list) == 0 {
		return files, nil
	}
	headers.Headers(ctx, hrefs, func(i int, h *cog.Header, err error) { list[i].header, list[i].err = h, err })
	if err := ctx.Err(); err != nil {
		return nil, core.Errorf(core.Cancelled, "", "cancelled")
	}
	for k, f := range list {
		if f.header != nil {
			f.asAsset = &core.Asset{Href: hrefs[k], ETag: f.header.ETag, Size: f.header.Size}
		}
	}
	return files, nil
}

// catalogOutline is the outline by the projection extension; ok is false where the catalog does not say.
func (p *Plan) catalogOutline(a *core.ItemAsset) (core.Window, bool) {
	if !a.Proj.Known() {
		return core.Window{}, false
	}
	g, err := p.geometry(a.Proj.CRS, a.Proj.Transform, a.Proj.Shape[1], a.Proj.Shape[0])
	if err != nil {
		return core.Window{}, false
	}
	return g.outline, true
}

func (p *Plan) geometry(crs string, t core.Affine, width, height int) (*geometry, error) {
	key := fmt.Sprint(crs, t, width, height)
	p.mu.Lock()
	g := p.geometries[key]
	p.mu.Unlock()
	if g != nil {
		return g, nil
	}
	g, err := newGeometry(p.Grid, crs, t, width, height, p.projection)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.geometries[key]; other != nil {
		return other, nil
	}
	p.geometries[key] = g
	return g, nil
}

// resolveItem makes the sources of an item; ok is false when it does not touch the window.
func (p *Plan) resolveItem(i int, bands []int, bounds core.Window, files map[[2]int]*file) (StepItem, bool) {
	item := StepItem{Item: i, Sources: make([]*Source, len(bands))}
	any := false
	for k, b := range bands {
		at := p.places[i][b]
		if at.asset < 0 {
			continue
		}
		f := files[[2]int{i, at.asset}]
		if f == nil {
			continue // elsewhere
		}
		source, err := p.source(f, b)
		if err != nil {
			item.Err = core.InBand(err, p.Items[i].ID, p.Bands[b].Name)
			return item, true
		}
		if source.Outline.Intersect(bounds).Empty() {
			continue
		}
		item.Sources[k], any = source, true
	}
	return item, any
}

func (p *Plan) source(f *file, b int) (*Source, error) {
	if f.err != nil {
		return nil, f.err
	}
	at := p.places[f.item][b]
	if err := checkSample(f.header, at.sample, p.Bands[b].Name, p.Items[f.item].Assets[at.asset].Key); err != nil {
		return nil, err
	}
	if in, out := f.header.Levels[0].DType(), p.Bands[b].DType; p.Method.OutputType(in) == in && !out.CanHold(in) {
		return nil, core.Errorf(core.InvalidArgument, "DType", "the file holds %s, which the array's %s cannot; name a dtype", in, out).WithHref(f.header.Href)
	}
	placement, err := p.placement(f, at.asset)
	if err != nil {
		return nil, err
	}
	s := &Source{Placement: placement, Item: f.item, Band: b, Asset: f.asAsset, Header: f.header, Sample: at.sample,
		NoData: f.header.NoData, Kernel: p.kernels[b]}
	asset := &p.Items[f.item].Assets[at.asset]
	if !s.NoData.Set && at.sample < len(asset.Bands) {
		s.NoData = asset.Bands[at.sample].NoData
	}
	if !s.NoData.Set && f.header.Levels[0].Format == cog.Float {
		s.NoData = core.NoData{Set: true, Value: math.NaN()}
	}
	return s, nil
}

// placement puts a file's chosen level on the grid; rasters alike share it.
func (p *Plan) placement(f *file, asset int) (*Placement, error) {
	h := f.header
	crs, err := p.projection.FromGeoref(&h.Georef)
	if err != nil {
		return nil, err
	}
	proj := &p.Items[f.item].Assets[asset].Proj
	if crs == "" {
		crs = proj.CRS
	}
	transform := h.Georef.Transform
	if !h.Georef.HasTransform && proj.HasTransform {
		transform = proj.Transform
	}
	switch {
	case crs == "":
		return nil, core.Errorf(core.DecodeError, "GeoReferenceError", "neither the file nor the catalog says what CRS it is in").WithHref(h.Href)
	case !h.Georef.HasTransform && !proj.HasTransform && h.Georef.HasGCPs:
		return nil, core.Errorf(core.DecodeError, "GeoReferenceError", "georeferenced by ground control points only, which cogweave does not use").WithHref(h.Href)
	case !h.Georef.HasTransform && !proj.HasTransform:
		return nil, core.Errorf(core.DecodeError, "GeoReferenceError", "neither the file nor the catalog says where it lies").WithHref(h.Href)
	case !transform.Valid():
		return nil, core.Errorf(core.DecodeError, "GeoReferenceError", "the geotransform cannot be inverted").WithHref(h.Href)
	}
	g, err := p.geometry(crs, transform, h.Levels[0].Width, h.Levels[0].Height)
	if err != nil {
		return nil, err
	}
	level := g.chooseLevel(h.Levels, p.overviews)
	key := fmt.Sprint(crs, transform, h.Levels[0].Width, h.Levels[0].Height, level, h.Levels[level].Width, h.Levels[level].Height)
	p.mu.Lock()
	defer p.mu.Unlock()
	if placement := p.placements[key]; placement != nil {
		return placement, nil
	}
	placement := g.place(p.Grid, h, level)
	p.placements[key] = placement
	return placement, nil
}

// positions lists the distinct positions of an axis, ascending.
func positions(a Axis) []int {
	list := make([]int, a.Len())
	for i := range list {
		list[i] = a.At(i)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Bounds is the smallest rectangle of cells that holds the window's rows and columns.
func (w Window) Bounds() core.Window {
	if w.Row.Len() == 0 || w.Col.Len() == 0 {
		return core.Window{}
	}
	row0, row1 := w.Row.Bounds()
	col0, col1 := w.Col.Bounds()
	return core.Window{Row: row0, Col: col0, Height: row1 - row0 + 1, Width: col1 - col0 + 1}
}
