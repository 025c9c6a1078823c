package plan

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
)

// MaskRequest says which pixels of an asset hide the same place in an item's bands.
type MaskRequest struct {
	Asset string `json:"asset"`
	// Classes are ranges of values to drop, both ends included.
	Classes [][2]int64 `json:"classes"`
	// Bits: a value is dropped where any of these bits is set.
	Bits uint64 `json:"bits"`
	// Tables are the ranges that a callable drops, for each dtype that it could be asked about; Failed says
	// why it could not be.
	Tables map[core.DType][][2]int64 `json:"tables"`
	Failed map[core.DType]string     `json:"failed"`
}

// maxDilate bounds mask_dilate: the halo is read around every block.
const maxDilate = 1024

// MaskRule is a MaskRequest ready to be asked about pixels. It is safe for concurrent use.
type MaskRule struct {
	MaskRequest
	mu    sync.Mutex
	drops map[core.DType]*Drop
}

// Drop says which values of one dtype are dropped: by a table over all values of types up to 16 bits, by
// ranges and bits for wider ones.
type Drop struct {
	// Table has 1 for each value to drop, at the value's bits as an unsigned number.
	Table  []byte
	Ranges [][2]int64
	Bits   uint64
}

// drop gives the rule for a dtype.
func (m *MaskRule) drop(d core.DType) (*Drop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if drop := m.drops[d]; drop != nil {
		return drop, nil
	}
	drop, err := m.makeDrop(d)
	if err == nil {
		if m.drops == nil {
			m.drops = map[core.DType]*Drop{}
		}
		m.drops[d] = drop
	}
	return drop, err
}

func (m *MaskRule) makeDrop(d core.DType) (*Drop, error) {
	fail := func(format string, args ...any) (*Drop, error) {
		return nil, core.Errorf(core.InvalidArgument, "Mask", "mask of asset %q: "+format, append([]any{m.Asset}, args...)...)
	}
	if d.IsFloat() || d == "" {
		return fail("its pixels are no integers (%s), which classes, bits and callables are for", d)
	}
	ranges := m.Classes
	if m.Tables != nil {
		if d.Size() > 2 {
			return fail("a callable is asked about every value at once, which %s has too many of; name classes or bits", d)
		}
		if reason, failed := m.Failed[d]; failed {
			return fail("the callable cannot be asked about %s values: %s", d, reason)
		}
		ranges = m.Tables[d]
	}
	low, high := d.Range()
	for _, r := range ranges {
		if float64(r[0]) < low || float64(r[1]) > high {
			return fail("class %d is no %s value", pick(float64(r[0]) < low, r[0], r[1]), d)
		}
	}
	if bits := d.Size() * 8; bits < 64 && m.Bits>>bits != 0 {
		return fail("%s pixels have bits 0 to %d only", d, bits-1)
	}
	drop := &Drop{Ranges: ranges, Bits: m.Bits}
	if d.Size() <= 2 {
		drop.Table = tableOf(d.Size(), ranges, m.Bits)
	}
	return drop, nil
}

func tableOf(size int, ranges [][2]int64, bits uint64) []byte {
	table := make([]byte, 1<<(8*size))
	for _, r := range ranges {
		for v := r[0]; v <= r[1]; v++ {
			table[v&int64(len(table)-1)] = 1
		}
	}
	for v := range table {
		if uint64(v)&bits != 0 {
			table[v] = 1
		}
	}
	return table
}

// MaskPart is one asset that hides pixels of a source.
type MaskPart struct {
	Name   string // of the asset, as the user asked for it
	Drop   *Drop
	Asset  *core.Asset
	Header *cog.Header
	Sample int
	Level  int
	// Map takes a source of that level's pixel coordinates to those of the mask's level.
	Map    core.Affine
	Dilate int // pixels of the mask's level
}

// MaskEpsilon is how far below a mask pixel's edge a source pixel's centre may lie and still belong to the next
// pixel: what rounding in the transforms may move.
const MaskEpsilon = 1e-6

// Window gives the pixels of the mask's level that say whether the source pixels of w are dropped, the halo of
// the dilation included.
func (m *MaskPart) Window(w core.Window) core.Window {
	if w.Empty() {
		return core.Window{}
	}
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, col := range [2]int{w.Col, w.Col + w.Width - 1} {
		for _, row := range [2]int{w.Row, w.Row + w.Height - 1} {
			x, y := m.Map.Apply(float64(col)+0.5, float64(row)+0.5)
			low = [2]float64{min(low[0], x), min(low[1], y)}
			high = [2]float64{max(high[0], x), max(high[1], y)}
		}
	}
	floor := func(v float64) int { return int(max(-1<<40, min(1<<40, math.Floor(v)))) }
	col0, row0 := floor(low[0]-MaskEpsilon)-m.Dilate, floor(low[1]-MaskEpsilon)-m.Dilate
	col1, row1 := floor(high[0]+MaskEpsilon)+1+m.Dilate, floor(high[1]+MaskEpsilon)+1+m.Dilate
	level := &m.Header.Levels[m.Level]
	return core.Window{Row: row0, Col: col0, Height: row1 - row0, Width: col1 - col0}.Intersect(core.Window{Height: level.Height, Width: level.Width})
}

// Layer is the image that the mask's pixels are in.
func (m *MaskPart) Layer() Layer {
	return Layer{Image: &m.Header.Levels[m.Level], Sample: m.Sample, Role: Pixels}
}

// checkMask reports the first thing about masks in the request that cannot be.
func (r *Request) checkMask() error {
	if r.MaskDilate < 0 || r.MaskDilate > maxDilate {
		return core.Errorf(core.InvalidArgument, "MaskDilate", "mask_dilate %d is not a number of pixels from 0 to %d", r.MaskDilate, maxDilate)
	}
	if r.MaskDilate > 0 && len(r.Mask) == 0 {
		return core.Errorf(core.InvalidArgument, "MaskDilate", "mask_dilate goes with mask")
	}
	if !(r.MinValid >= 0 && r.MinValid <= 1) {
		return core.Errorf(core.InvalidArgument, "MinValid", "min_valid %v is not a fraction from 0 to 1", r.MinValid)
	}
	return nil
}

// findMasks finds the mask's assets in every item.
func (p *Plan) findMasks(req Request) error {
	if len(req.Mask) == 0 {
		return nil
	}
	names := make([]string, len(req.Mask))
	for i := range req.Mask {
		names[i] = req.Mask[i].Asset
		p.masks = append(p.masks, &MaskRule{MaskRequest: req.Mask[i]})
	}
	rows, _, err := locate(p.Items, names)
	if err != nil {
		return p.maskError(names, err)
	}
	p.maskPlaces = rows
	if p.IgnoreErrors {
		return nil
	}
	for i := range p.Items {
		if err := p.lacksMask(i); err != nil {
			return err
		}
	}
	return nil
}

// maskError words an error of locate as one of the mask.
func (p *Plan) maskError(names []string, err error) error {
	e, ok := err.(*core.Error)
	if !ok || e.Reason != "UnknownBand" {
		return err
	}
	known := strings.Split(candidates(p.Items), ", ")
	for _, name := range names {
		if _, _, err := locate(p.Items, []string{name}); err == nil {
			continue
		}
		near := core.NearestNames(name, known)
		if len(near) > 0 {
			return core.Errorf(core.InvalidArgument, "Mask", "mask names asset %q, which no item has; did you mean %s?", name, strings.Join(near, ", "))
		}
		return core.Errorf(core.InvalidArgument, "Mask", "mask names asset %q, which no item has; there are: %s", name, candidates(p.Items))
	}
	return err
}

// lacksMask is the error of an item that has some of the bands, but not all assets of the mask.
func (p *Plan) lacksMask(item int) error {
	if len(p.masks) == 0 || !slices.ContainsFunc(p.layoutOf(item).places, func(at place) bool { return at.asset >= 0 }) {
		return nil
	}
	for k, at := range p.maskPlaces[p.layoutID(item)] {
		if at.asset < 0 {
			e := core.Errorf(core.AssetNotFound, "NoMaskAsset", "the item has no asset %q, which mask names", p.masks[k].Asset)
			e.ItemID, e.Band = p.Items[item].ID, p.masks[k].Asset
			return e
		}
	}
	return nil
}

// maskFiles appends the files of an item's masks that are not listed yet.
func (p *Plan) maskFiles(item int, start int, files []file) []file {
	if len(p.masks) == 0 {
		return files
	}
	for _, at := range p.maskPlaces[p.layoutID(item)] {
		if at.asset < 0 || slices.ContainsFunc(files[start:], func(f file) bool { return f.asset == at.asset }) {
			continue
		}
		files = append(files, file{item: item, asset: at.asset})
	}
	return files
}

// masksOf gives the parts of the mask that hide pixels of a source. files are the item's.
func (p *Plan) masksOf(source *Source, asset int, files []file) ([]*MaskPart, error) {
	if len(p.masks) == 0 {
		return nil, nil
	}
	item := source.Item
	if err := p.lacksMask(item); err != nil {
		return nil, err
	}
	parts := make([]*MaskPart, len(p.masks))
	for k, at := range p.maskPlaces[p.layoutID(item)] {
		n := slices.IndexFunc(files, func(f file) bool { return f.asset == at.asset })
		part, err := p.maskPart(source, asset, &files[n], p.masks[k], at.sample)
		if err != nil {
			return nil, core.InBand(err, p.Items[item].ID, p.masks[k].Asset)
		}
		parts[k] = part
	}
	return parts, nil
}

func (p *Plan) maskPart(source *Source, asset int, f *file, rule *MaskRule, sample int) (*MaskPart, error) {
	if f.err != nil {
		return nil, f.err
	}
	assets := p.Items[f.item].Assets
	if err := checkSample(f.header, sample, rule.Asset, assets[f.asset].Key); err != nil {
		return nil, err
	}
	drop, err := rule.drop(f.header.Levels[0].DType())
	if err != nil {
		return nil, err
	}
	crs, transform, err := p.georeference(source.Header, &assets[asset].Proj)
	if err != nil {
		return nil, err
	}
	maskCRS, maskTransform, err := p.georeference(f.header, &assets[f.asset].Proj)
	if err != nil {
		return nil, err
	}
	if !p.projection.Same(crs, maskCRS) {
		return nil, core.Errorf(core.InvalidArgument, "Mask", "the mask's asset is in another CRS (%.40s) than the bands (%.40s)", maskCRS, crs).WithHref(f.header.Href)
	}
	m := &MaskPart{Name: rule.Asset, Drop: drop, Asset: f.asAsset, Header: f.header, Sample: sample}
	of := levelTransform(transform, source.Header, source.Level)
	shrink := between(levelTransform(maskTransform, f.header, 0), of)
	sx, sy := shrink.Resolution()
	m.Level, _ = p.maskLevel(f.header, sx, sy)
	m.Map = between(levelTransform(maskTransform, f.header, m.Level), of)
	if p.maskDilate > 0 {
		level := &f.header.Levels[m.Level]
		fx := float64(f.header.Levels[0].Width) / float64(level.Width)
		fy := float64(f.header.Levels[0].Height) / float64(level.Height)
		m.Dilate = int(math.Ceil(float64(p.maskDilate)/min(fx, fy) - 1e-9))
	}
	return m, nil
}

// levelTransform takes pixels of a level to the CRS.
func levelTransform(t core.Affine, h *cog.Header, level int) core.Affine {
	base, l := &h.Levels[0], &h.Levels[level]
	return t.Scale(float64(base.Width)/float64(l.Width), float64(base.Height)/float64(l.Height))
}

// between takes pixels of one raster to those of another in the same CRS: quotients where that is possible,
// exact where the numbers are.
func between(to, from core.Affine) core.Affine {
	if to.IsRectilinear() && from.IsRectilinear() {
		return core.Affine{A: from.A / to.A, C: (from.C - to.C) / to.A, E: from.E / to.E, F: (from.F - to.F) / to.E}
	}
	return to.Inverse().Mul(from)
}

// maxMaskShrink is how many pixels of a mask's level 0 may lie along a source pixel before an overview serves that
// was not made for classes.
const maxMaskShrink = 4

// maskLevel gives the level of a mask to sample for source pixels of sx by sy of its level-0 pixels: the coarsest
// whose pixels are no larger, if it was made by picking or counting. Others mix classes: they serve only where
// level 0 would be read far too finely, and doubtful tells so.
func (p *Plan) maskLevel(h *cog.Header, sx, sy float64) (level int, doubtful bool) {
	if !p.overviews {
		return 0, false
	}
	for i := 1; i < len(h.Levels); i++ {
		fx := float64(h.Levels[0].Width) / float64(h.Levels[i].Width)
		fy := float64(h.Levels[0].Height) / float64(h.Levels[i].Height)
		if fx <= maxPixel*sx && fy <= maxPixel*sy && h.Levels[i].Width <= h.Levels[level].Width {
			level = i
		}
	}
	if level == 0 || h.OverviewResampling == "NEAREST" || h.OverviewResampling == "MODE" {
		return level, false
	}
	if max(sx, sy) <= maxMaskShrink*maxPixel {
		return 0, false
	}
	return level, true
}

// checkMasks looks at the mask's assets of the first item that has them and can be read: whether the rules suit their
// pixels, and whether their overviews are to be trusted.
func (p *Plan) checkMasks(ctx context.Context, headers HeaderReader) error {
	if len(p.masks) == 0 {
		return nil
	}
	check := func(s *specimen) error {
		_, err := p.partsOf(s)
		return err
	}
	s := p.specimens(ctx, []sought{{files: p.maskedFiles, check: check}}, headers)[0]
	switch {
	case s.item < 0:
		return core.Errorf(core.InvalidArgument, "Mask", "no item has both bands and the assets that mask names")
	case p.ignores(s.err):
		return nil
	}
	parts, err := p.partsOf(&s)
	for _, part := range parts {
		p.warnOfOverviews(part)
	}
	return err
}

// maskedFiles lists the files of an item's first band and of its masks; none where it lacks one of them.
func (p *Plan) maskedFiles(item int) []file {
	b := slices.IndexFunc(p.layoutOf(item).places, func(at place) bool { return at.asset >= 0 })
	if b < 0 || slices.ContainsFunc(p.maskPlaces[p.layoutID(item)], func(at place) bool { return at.asset < 0 }) {
		return nil
	}
	return p.maskFiles(item, 0, []file{{item: item, asset: p.place(item, b).asset}})
}

// partsOf gives the mask's parts for maskedFiles that were read.
func (p *Plan) partsOf(s *specimen) ([]*MaskPart, error) {
	b := slices.IndexFunc(p.layoutOf(s.item).places, func(at place) bool { return at.asset >= 0 })
	source, err := p.source(&s.files[0], b)
	if err != nil {
		if p.IgnoreErrors && !p.ignores(err) && core.ClassOf(err) == core.InvalidArgument {
			return nil, nil // its pixels do not fit into the array: that is no error of the mask
		}
		return nil, core.InBand(err, p.Items[s.item].ID, p.Bands[b].Name)
	}
	return p.masksOf(source, s.files[0].asset, s.files)
}

func (p *Plan) warnOfOverviews(part *MaskPart) {
	resampling := part.Header.OverviewResampling
	if part.Level == 0 || resampling == "NEAREST" || resampling == "MODE" {
		return
	}
	if resampling == "" {
		resampling = "a resampling that it does not tell"
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("the overviews of the mask's asset %q were made with %s, and are read because the grid is "+
		"more than %d times coarser than its pixels: classes may be mixed there; overviews=False reads full resolution", part.Name, resampling, maxMaskShrink))
}
