// Package plan decides what to read: which items make which time step, which pyramid level of which
// file feeds which cells, and which tiles hold its pixels. It computes and does no I/O of its own; the
// headers that it needs come through a HeaderReader.
package plan

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/cog"
)

// HeaderReader gives the headers of files; fetch.Client is one, a table of headers another.
type HeaderReader interface {
	// Headers calls each(i, header, err) exactly once for every href, in any order and from any
	// goroutine, and returns when all were called.
	Headers(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error))
}

// Plan says how items become a (band, time, y, x) array. It does not change after New, but for caches,
// and is safe for concurrent use.
type Plan struct {
	Grid   core.Grid
	Bands  []Band
	Steps  []core.TimeStep
	Items  []core.Item
	DType  core.DType // of a DataArray of all bands
	NoData core.NoData
	Method core.Method
	// IgnoreErrors: an item that cannot be read counts as absent, and the report names it.
	IgnoreErrors bool
	Warnings     []string
	// Chunk is the rows and columns of a window that fits the files' tiles; nil where that is not known.
	Chunk []int

	// Notice, if set, is told what a user should hear of once though no read fails by it.
	Notice func(text string)

	request    Request
	projection Projection
	overviews  bool
	kernels    []core.Kernel // per band
	layouts    []layout
	layoutIDs  []int32 // per item; nil where all items have the first layout
	sets       bandSets
	outlines   *outlines
	mu         sync.Mutex // of the maps
	geometries map[rasterKey]*geometry
	placements map[levelKey]*Placement

	consistent bool
	best       int // position of best(band)'s band, or -1
	masks      []*MaskRule
	maskPlaces [][]place  // per layout and mask
	maskDilate int        // pixels of the masks' level 0
	scaled     core.DType // of physical values; "" where pixels stay raw
	blockType  core.DType // of the blocks that a callable gets
	fractions  fractions
	unread     map[int][]int // per item: assets that New could not read, where that makes the item absent
	told       []int         // items that New could read in the stead of such
	compared   atomic.Bool   // a contradiction between catalog and header was noted
}

// eagerOutlines is the number of outlines that New computes, a fraction of a second's work. Catalogs of tiles
// repeat a few on every date; of one that does not, reads compute what they touch.
const eagerOutlines = 3000

// New plans the items on the request's grid. headers is asked only for what the catalog does not say:
// the dtype, nodata and scale of a band, by the header of the first item that has it; with errors="ignore", of the first that
// can be read.
func New(ctx context.Context, req Request, items []core.Item, projection Projection, headers HeaderReader) (*Plan, error) {
	method, err := checkRequest(&req, projection)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, core.Errorf(core.InvalidArgument, "NoItems", "no item matches: there is nothing to plan")
	}
	p := &Plan{
		Grid: req.Grid.Grid(), Items: items, Method: method, IgnoreErrors: req.Errors == "ignore",
		request: req, projection: projection, overviews: req.Overviews == nil || *req.Overviews,
		geometries: map[rasterKey]*geometry{}, placements: map[levelKey]*Placement{},
		consistent: req.Consistent, maskDilate: req.MaskDilate,
	}
	if err := p.findBands(ctx, req, headers); err != nil {
		return nil, err
	}
	if err := p.findBest(); err != nil {
		return nil, err
	}
	if err := p.findMasks(req); err != nil {
		return nil, err
	}
	if req.wantsGrid() {
		if p.Grid, err = p.nativeGrid(ctx, headers); err != nil {
			return nil, err
		}
	}
	if err := p.groupTimes(req); err != nil {
		return nil, err
	}
	if err := p.resolveTypes(ctx, req, headers); err != nil {
		return nil, err
	}
	if err := p.checkMasks(ctx, headers); err != nil {
		return nil, err
	}
	p.outlines = newOutlines(p)
	p.outlines.consult(p, []span{{0, int32(len(items))}}, eagerOutlines)
	if req.Chunk {
		p.Chunk = p.tileChunk(ctx, headers)
	}
	return p, nil
}

func checkRequest(req *Request, projection Projection) (core.Method, error) {
	method, err := core.ParseMethod(req.MosaicMethod)
	if err != nil {
		return method, err
	}
	if err := req.check(projection); err != nil {
		return method, err
	}
	if err := req.checkMask(); err != nil {
		return method, err
	}
	if req.Scale && req.DType != "" && !req.DType.IsFloat() && method.Name != "count" {
		return method, core.Errorf(core.InvalidArgument, "DType", "scale=True gives fractions, which dtype %q cannot hold", req.DType)
	}
	if method.IsFloat() && req.DType != "" && !req.DType.IsFloat() {
		return method, core.Errorf(core.InvalidArgument, "DType", "mosaic_method %q gives fractions, which dtype %q cannot hold", method.Name, req.DType)
	}
	return method, nil
}

// findBands names the output bands and finds them in every item.
func (p *Plan) findBands(ctx context.Context, req Request, headers HeaderReader) error {
	names, err := req.Bands, error(nil)
	if names == nil {
		if names, err = p.defaultBands(ctx, headers); err != nil {
			return err
		}
		if len(names) == 0 {
			return core.Errorf(core.InvalidArgument, "UnknownBand", "no item has a GeoTIFF asset; there are: %s", candidates(p.Items))
		}
	}
	if len(names) == 0 {
		return core.Errorf(core.InvalidArgument, "Band", "bands is empty; there are: %s", candidates(p.Items))
	}
	if err := req.Resampling.among(names); err != nil {
		return err
	}
	var rows [][]place
	if rows, p.layoutIDs, err = locate(p.Items, names); err != nil {
		return err
	}
	for _, row := range rows {
		p.layouts = append(p.layouts, newLayout(row, &p.sets))
	}
	if len(rows) == 1 {
		p.layoutIDs = nil
	}
	for b, name := range names {
		band := Band{Name: name, Scale: 1, Resampling: req.Resampling.of(name)}
		kernel, err := core.ParseKernel(band.Resampling)
		if err != nil {
			return err
		}
		p.kernels = append(p.kernels, kernel)
		if first := p.firstWith(b); first >= 0 {
			at := p.place(first, b)
			asset := &p.Items[first].Assets[at.asset]
			band.Asset, band.Index = asset.Key, at.sample+1
			if at.sample < len(asset.Bands) {
				listed := &asset.Bands[at.sample]
				band.CommonName, band.Wavelength = listed.CommonName, listed.Wavelength
			}
		}
		p.Bands = append(p.Bands, band)
	}
	return nil
}

func (p *Plan) layoutOf(item int) *layout { return &p.layouts[p.layoutID(item)] }

func (p *Plan) layoutID(item int) int32 {
	if p.layoutIDs == nil {
		return 0
	}
	return p.layoutIDs[item]
}

// place is where band b lies in an item.
func (p *Plan) place(item, b int) place { return p.layoutOf(item).places[b] }

// firstWith is the first item that has band b; -1 if there is none.
func (p *Plan) firstWith(b int) int {
	for i := range p.Items {
		if p.place(i, b).asset >= 0 {
			return i
		}
	}
	return -1
}

func (p *Plan) groupTimes(req Request) error {
	period, err := core.ParsePeriod(req.TimePeriod)
	if err != nil {
		return err
	}
	longitude := 0.0
	if req.TimePeriod == "solar_day" {
		if longitude, err = p.centreLongitude(); err != nil {
			return err
		}
	}
	p.Steps, err = core.GroupTimes(p.Items, period, longitude, req.GroupKeys)
	return err
}

// centreLongitude is the longitude of the grid's centre, degrees, by which solar days are told.
func (p *Plan) centreLongitude() (float64, error) {
	t, err := p.projection.Transformer(p.Grid.CRS, "EPSG:4326")
	if err != nil {
		return 0, err
	}
	x, y := p.Grid.Transform.Apply(float64(p.Grid.Cols)/2, float64(p.Grid.Rows)/2)
	xs, ys := []float64{x}, []float64{y}
	t.Transform(xs, ys)
	return xs[0], nil
}

// Fill is the value of cells that nothing covers (nodata, else NaN for floats, 0 for integers).
func (b *Band) Fill() float64 { return fill(b.NoData, b.DType) }

// checkSample tells whether the file has the sample, as pixels that an array can hold. asked is the band's
// name, key its asset's.
func checkSample(h *cog.Header, sample int, asked, key string) error {
	level := &h.Levels[0]
	switch {
	case level.DType() == "":
		return core.Errorf(core.DecodeError, "TiffUnsupported", "complex pixels have no array type here").WithHref(h.Href)
	case sample >= level.Samples:
		return core.Errorf(core.InvalidArgument, "UnknownBand", "band %d was asked for, but the file has %d", sample+1, level.Samples).WithHref(h.Href)
	case asked == key && dataSamples(h) > 1:
		return core.Errorf(core.InvalidArgument, "AmbiguousBand", "band %q may be any of %s", asked,
			strings.Join(numbered(key, dataSamples(h)), ", ")).WithHref(h.Href)
	}
	return nil
}

// Description is what a caller sees of a plan.
type Description struct {
	Grid      GridSpec          `json:"grid"`
	Times     []int64           `json:"times"` // microseconds
	Groups    []string          `json:"groups"`
	Bands     []BandDescription `json:"bands"`
	DType     core.DType        `json:"dtype"`
	NoData    *Number           `json:"nodata"`
	ItemCount int               `json:"item_count"`
	StepItems []int             `json:"step_items"`
	Chunk     []int             `json:"chunk"`
	Warnings  []string          `json:"warnings"`
}

// BandDescription is what a caller sees of a band.
type BandDescription struct {
	Name       string     `json:"name"`
	Asset      string     `json:"asset"`
	CommonName string     `json:"common_name"`
	Wavelength float64    `json:"wavelength"`
	Index      int        `json:"index"`
	DType      core.DType `json:"dtype"`
	NoData     *Number    `json:"nodata"`
	Scale      float64    `json:"scale"`
	Offset     float64    `json:"offset"`
	Resampling string     `json:"resampling"`
	MixedScale bool       `json:"mixed_scale"`
}

func number(n core.NoData) *Number {
	if !n.Set {
		return nil
	}
	v := Number(n.Value)
	return &v
}

// Describe gives the plan's outward form.
func (p *Plan) Describe() Description {
	d := Description{Grid: specOf(p.Grid), DType: p.DType, NoData: number(p.NoData), ItemCount: len(p.Items), Chunk: p.Chunk, Warnings: p.Warnings}
	named := false
	for _, s := range p.Steps {
		d.Times = append(d.Times, s.Label)
		d.Groups = append(d.Groups, s.Group)
		d.StepItems = append(d.StepItems, len(s.Items))
		named = named || s.Group != ""
	}
	if !named {
		d.Groups = nil
	}
	for _, b := range p.Bands {
		d.Bands = append(d.Bands, BandDescription{Name: b.Name, Asset: b.Asset, CommonName: b.CommonName, Wavelength: b.Wavelength, Index: b.Index,
			DType: b.DType, NoData: number(b.NoData), Scale: b.Scale, Offset: b.Offset, Resampling: b.Resampling, MixedScale: b.MixedScale})
	}
	return d
}
