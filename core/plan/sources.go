package plan

import (
	"cmp"
	"context"
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
	// Absent is what the pixels of a tile that is not in the file are: the nodata value that file or catalog name; where
	// neither does, zero, as in GDAL, though NaN is no data among floats.
	Absent core.NoData
	Kernel core.Kernel
	// Gain and Bias make physical values of pixels: Gain*pixel + Bias.
	Gain, Bias float64
	// Masks hide pixels of the source before it is resampled.
	Masks []*MaskPart
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
	bands       int32 // in bandSets, if unknown
	rank        int32
	unknown     bool // the catalog does not say where it lies
	header      *cog.Header
	asAsset     *core.Asset
	err         error
}

// candidate is an item that may touch a window, with its files.
type candidate struct {
	time, item int
	files      []file
}

// Resolve finds the sources of a window: for every time step asked for, in the order asked, the items
// whose raster touches the cells within bounds, in the order in which they combine. It reads the headers
// that are not known yet, all at once.
func (p *Plan) Resolve(ctx context.Context, times, bands []int, bounds core.Window, headers HeaderReader) ([]Step, error) {
	candidates, err := p.touching(ctx, ascending(times), bands, bounds)
	if err != nil {
		return nil, err
	}
	if err := p.readHeaders(ctx, candidates, headers); err != nil {
		return nil, err
	}
	steps := make([]Step, len(times))
	for i, t := range times {
		steps[i].Time = t
		first, _ := slices.BinarySearchFunc(candidates, t, func(c candidate, t int) int { return cmp.Compare(c.time, t) })
		for k := first; k < len(candidates) && candidates[k].time == t; k++ {
			if item, ok := p.resolveItem(&candidates[k], bands, bounds); ok {
				steps[i].Items = append(steps[i].Items, item)
			}
		}
	}
	return steps, nil
}

// touching lists the items of the time steps, ascending, that may touch the window, with the files that hold
// the bands: all but those whose outline is known and lies elsewhere.
func (p *Plan) touching(ctx context.Context, times, bands []int, bounds core.Window) ([]candidate, error) {
	const atOnce = 200 // outlines between looks at ctx
	spans := p.outlines.spans(times)
	for !p.outlines.consult(p, spans, atOnce) {
		if ctx.Err() != nil {
			return nil, core.Errorf(core.Cancelled, "", "cancelled")
		}
	}
	hits, sets := p.outlines.find(bounds, spans, bands)
	files := make([]file, 0, len(hits))
	list := make([]candidate, 0, len(hits))
	t := 0
	for len(hits) > 0 {
		n := 1
		for n < len(hits) && hits[n].rank == hits[0].rank {
			n++
		}
		t += p.outlines.stepFrom(t, hits[0].rank)
		c := candidate{time: t, item: int(p.Steps[t].Items[hits[0].rank-p.outlines.starts[t]])}
		start := len(files)
		files = p.filesOf(c.item, hits[:n], sets, bands, files)
		files = p.maskFiles(c.item, start, files)
		c.files = files[start:len(files):len(files)]
		list, hits = append(list, c), hits[n:]
	}
	return list, nil
}

// filesOf appends the files of an item that hold the bands, each once, in the order of bands. hits are the
// item's.
func (p *Plan) filesOf(item int, hits []hit, sets [][]bool, bands []int, files []file) []file {
	start := len(files)
	for _, b := range bands {
		asset := p.place(item, b).asset
		if asset < 0 || slices.ContainsFunc(files[start:], func(f file) bool { return f.asset == asset }) {
			continue
		}
		for _, h := range hits {
			if sets[h.bands][b] {
				files = append(files, file{item: item, asset: asset, bands: h.bands, rank: h.rank, unknown: h.unknown})
				break
			}
		}
	}
	return files
}

// readHeaders reads the headers of all files, and remembers where the unknown ones lie.
func (p *Plan) readHeaders(ctx context.Context, candidates []candidate, headers HeaderReader) error {
	var list []*file
	var hrefs []string
	for i := range candidates {
		for k := range candidates[i].files {
			f := &candidates[i].files[k]
			list, hrefs = append(list, f), append(hrefs, p.Items[f.item].Assets[f.asset].Href)
		}
	}
	if len(list) == 0 {
		return nil
	}
	headers.Headers(ctx, hrefs, func(i int, h *cog.Header, err error) { list[i].header, list[i].err = h, err })
	if err := ctx.Err(); err != nil {
		return core.Errorf(core.Cancelled, "", "cancelled")
	}
	var told []entry
	for k, f := range list {
		if f.header == nil {
			continue
		}
		p.compare(f.item, f.asset, f.header, p.Notice)
		f.asAsset = &core.Asset{Href: hrefs[k], ETag: f.header.ETag, Size: f.header.Size}
		if f.unknown {
			if e, ok := p.learnt(f); ok {
				told = append(told, e)
			}
		}
	}
	p.outlines.tell(told)
	return nil
}

// learnt is what the header says of a file's outline. A file that some band of the plan cannot be read from
// stays unknown: its error is a window's result wherever the window lies.
func (p *Plan) learnt(f *file) (entry, bool) {
	var lies core.Window
	for b, at := range p.layoutOf(f.item).places {
		if at.asset != f.asset {
			continue
		}
		source, err := p.source(f, b)
		if err != nil {
			return entry{}, false
		}
		lies = source.Outline
	}
	return entry{f.rank, outline{extentOf(lies, p.outlines.shift), f.bands}}, true
}

// rasterKey tells rasters apart by where their pixels lie.
type rasterKey struct {
	crs           string
	transform     core.Affine
	width, height int
}

// levelKey tells the levels of rasters apart.
type levelKey struct {
	geometry             *geometry
	level, width, height int
}

func (p *Plan) geometry(key rasterKey) (*geometry, error) {
	p.mu.Lock()
	g := p.geometries[key]
	p.mu.Unlock()
	if g != nil {
		return g, nil
	}
	g, err := newGeometry(p.Grid, key.crs, key.transform, key.width, key.height, p.projection)
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
func (p *Plan) resolveItem(c *candidate, bands []int, bounds core.Window) (StepItem, bool) {
	item := StepItem{Item: c.item, Sources: make([]*Source, len(bands))}
	any := false
	for k, b := range bands {
		asset := p.place(c.item, b).asset
		n := slices.IndexFunc(c.files, func(f file) bool { return f.asset == asset })
		if n < 0 {
			continue // lacking, or elsewhere
		}
		source, err := p.source(&c.files[n], b)
		if err != nil {
			item.Err = core.InBand(err, p.Items[c.item].ID, p.Bands[b].Name)
			return item, true
		}
		if source.Outline.Intersect(bounds).Empty() {
			continue
		}
		if source.Masks, err = p.masksOf(source, asset, c.files); err != nil {
			item.Err = core.InBand(err, p.Items[c.item].ID, p.Bands[b].Name)
			return item, true
		}
		item.Sources[k], any = source, true
	}
	return item, any
}

func (p *Plan) source(f *file, b int) (*Source, error) {
	if f.err != nil {
		return nil, f.err
	}
	at := p.place(f.item, b)
	if err := checkSample(f.header, at.sample, p.Bands[b].Name, p.Items[f.item].Assets[at.asset].Key); err != nil {
		return nil, err
	}
	if in, out := f.header.Levels[0].DType(), p.heldAs(b); out != "" && !out.CanHold(in) {
		return nil, core.Errorf(core.InvalidArgument, "DType", "the file holds %s, which the array's %s cannot; name a dtype", in, out).WithHref(f.header.Href)
	}
	if in := f.header.Levels[0].DType(); !p.computes(in, b) {
		return nil, core.Errorf(core.InvalidArgument, "DType", "the file holds %s, of which mosaic_method %q makes no %s; name a dtype",
			in, p.Method.Name, p.Bands[b].DType).WithHref(f.header.Href)
	}
	placement, err := p.placement(f, at.asset)
	if err != nil {
		return nil, err
	}
	s := &Source{Placement: placement, Item: f.item, Band: b, Asset: f.asAsset, Header: f.header, Sample: at.sample,
		NoData: f.header.NoData, Kernel: p.kernels[b]}
	asset := &p.Items[f.item].Assets[at.asset]
	s.Gain, s.Bias = physical(asset, f.header, at.sample)
	if !s.NoData.Set && at.sample < len(asset.Bands) {
		s.NoData = asset.Bands[at.sample].NoData
	}
	if f.header.Levels[0].DType().IsComplex() {
		s.NoData = core.NoData{} // no order and no nodata among complex numbers
	}
	s.Absent = s.NoData
	if !s.NoData.Set && f.header.Levels[0].Format == cog.Float {
		s.NoData = core.NoData{Set: true, Value: math.NaN()}
	}
	return s, nil
}

// placement puts a file's chosen level on the grid; rasters alike share it.
func (p *Plan) placement(f *file, asset int) (*Placement, error) {
	h := f.header
	crs, transform, err := p.georeference(h, &p.Items[f.item].Assets[asset].Proj)
	if err != nil {
		return nil, err
	}
	g, err := p.geometry(rasterKey{crs, transform, h.Levels[0].Width, h.Levels[0].Height})
	if core.ClassOf(err) == core.InvalidArgument { // a CRS that PROJ does not know: the file's, not the caller's
		return nil, core.Errorf(core.DecodeError, "GeoReferenceError", "%w", err).WithHref(h.Href)
	}
	if err != nil {
		return nil, err
	}
	level, err := p.levelOf(g, h)
	if err != nil {
		return nil, err
	}
	key := levelKey{g, level, h.Levels[level].Width, h.Levels[level].Height}
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
	return ascending(list)
}

// ascending gives the distinct values in order; it may be list itself.
func ascending(list []int) []int {
	for i := 1; i < len(list); i++ {
		if list[i] <= list[i-1] {
			list = slices.Sorted(slices.Values(list))
			return slices.Compact(list)
		}
	}
	return list
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
