package plan

import (
	"context"
	"fmt"
	"math"

	"cogweave/core"
	"cogweave/core/cog"
)

// resolveTypes settles dtype and nodata of every band and of the whole, once.
func (p *Plan) resolveTypes(ctx context.Context, req Request, headers HeaderReader) error {
	if err := p.sourceTypes(ctx, headers); err != nil {
		return err
	}
	if err := p.checkComplex(req); err != nil {
		return err
	}
	if err := p.itemTypes(req); err != nil {
		return err
	}
	p.scale(req)
	common := core.NoData{}
	disagree := false
	for b := range p.Bands {
		band := &p.Bands[b]
		if b == 0 {
			p.DType, common = band.DType, band.NoData
			continue
		}
		dtype, err := core.ResultType(p.DType, band.DType)
		if err != nil {
			if !req.PerBand && req.DType == "" {
				return core.Errorf(core.InvalidArgument, "DType", "bands %q and %q: %w; name a dtype", p.atOddsWith(b), band.Name, err)
			}
			dtype = core.Float64 // of the two; the caller's dtype, or each band's own, is what arrays have
		}
		p.DType = dtype
		disagree = disagree || !common.Equal(band.NoData)
	}
	if disagree {
		common = core.NoData{}
	}
	p.blockType = p.DType
	if p.Method.Name == "medoid" && req.DType != "" {
		p.blockType = req.DType // sources need only fit into that (heldAs)
	}
	return p.settle(req, common, disagree)
}

// atOddsWith names the band before b that has no type in common with it; the first where only several of them have none.
func (p *Plan) atOddsWith(b int) string {
	for _, band := range p.Bands[:b] {
		if _, err := core.ResultType(band.DType, p.Bands[b].DType); err != nil {
			return band.Name
		}
	}
	return p.Bands[0].Name
}

// scale turns bands into physical values with scale=True; else it sets the scale and offset that would, after the method.
func (p *Plan) scale(req Request) {
	if req.Scale {
		p.scaled = core.Float32
		if req.DType == core.Float64 {
			p.scaled = core.Float64
		}
	}
	for b := range p.Bands {
		band := &p.Bands[b]
		if req.Scale {
			// No pixel of the files' stands for nodata in physical units: NaN does.
			band.DType, band.NoData = p.scaled, core.NoData{Set: true, Value: math.NaN()}
			band.Scale, band.Offset, band.MixedScale = 1, 0, false
			continue
		}
		band.Scale, band.Offset = p.Method.Physical(band.Scale, band.Offset)
	}
}

// settle applies the method's, and the caller's, dtype and nodata.
func (p *Plan) settle(req Request, common core.NoData, disagree bool) error {
	var err error
	if p.DType, p.NoData, err = p.outputType(req, p.DType, common, "the bands' common type"); err != nil && !req.PerBand {
		return err
	}
	if disagree && req.NoData == nil && !req.PerBand && p.Method.Name != "count" {
		p.Warnings = append(p.Warnings, "the bands have different nodata values; cells without data hold "+fillText(p.NoData, p.DType))
	}
	for b := range p.Bands {
		band := &p.Bands[b]
		if !req.PerBand {
			band.DType, band.NoData = p.DType, p.NoData
			continue
		}
		if band.DType, band.NoData, err = p.outputType(req, band.DType, band.NoData, fmt.Sprintf("band %q", band.Name)); err != nil {
			return err
		}
	}
	return nil
}

// outputType gives dtype and nodata of the array for those of the sources; name says whose, for an error.
func (p *Plan) outputType(req Request, dtype core.DType, nodata core.NoData, name string) (core.DType, core.NoData, error) {
	out := p.Method.OutputType(dtype)
	if req.DType != "" {
		if err := p.holds(req.DType, dtype, name); err != nil {
			return out, nodata, err
		}
		out = req.DType
	}
	if p.Method.Name == "count" {
		return out, core.NoData{}, nil
	}
	if req.NoData != nil {
		nodata = core.NoData{Set: true, Value: float64(*req.NoData)}
		if !out.Holds(nodata.Value) {
			return out, nodata, core.Errorf(core.InvalidArgument, "NoData", "nodata %v is not a value of dtype %q (%s)", nodata.Value, out, name)
		}
	} else if nodata.Set && !out.Holds(nodata.Value) {
		nodata = core.NoData{}
	}
	return out, nodata, nil
}

// holds tells whether the caller's dtype holds what the method makes of sources of a dtype. What a callable makes
// is its own affair.
func (p *Plan) holds(out, source core.DType, name string) error {
	made := p.Method.OutputType(source)
	if p.Method.Name == "callable" || out.CanHold(made) || (out.IsFloat() && p.Method.IsFloat()) {
		return nil
	}
	return core.Errorf(core.InvalidArgument, "DType", "dtype %q cannot hold every value of %s, which is %s", out, name, made)
}

func fillText(n core.NoData, d core.DType) string {
	return fmt.Sprint(fill(n, d))
}

// sourceTypes finds each band's own dtype, nodata and scale: the catalog's where it gives both of the former, else the
// header's of the first item that has the band and can be read.
func (p *Plan) sourceTypes(ctx context.Context, headers HeaderReader) error {
	listed := func(b int, f *file) bool { return p.listed(b, f) != nil }
	read := map[[2]int]*cog.Header{} // by item and asset
	for b, s := range p.specimens(ctx, p.ofBands(listed, p.checkType), headers) {
		if s.err != nil {
			return s.err
		}
		f, band := &s.files[0], &p.Bands[b]
		band.Scale, band.Offset = physical(p.asset(f), f.header, p.place(s.item, b).sample)
		if s.listed {
			told := p.listed(b, f)
			band.DType, band.NoData = told.DType, told.NoData
			continue
		}
		band.DType, band.NoData = f.header.Levels[0].DType(), f.header.NoData
		p.compare(s.item, f.asset, f.header, func(text string) { p.Warnings = append(p.Warnings, text) })
		read[[2]int{s.item, f.asset}] = f.header
	}
	if len(read) > 0 {
		p.distrust(read)
	}
	return nil
}

// listed is what the catalog says of a band's pixels in a file, if that is both their type and their nodata.
func (p *Plan) listed(b int, f *file) *core.AssetBand {
	bands, sample := p.asset(f).Bands, p.place(f.item, b).sample
	if sample >= len(bands) || bands[sample].DType == "" || !bands[sample].NoData.Set {
		return nil
	}
	return &bands[sample]
}

// checkType tells whether a file has pixels for a band.
func (p *Plan) checkType(b int, f *file) error {
	return checkSample(f.header, p.place(f.item, b).sample, p.Bands[b].Name, p.Bands[b].Asset)
}

// itemTypes looks at what the catalog says of the bands of every item that does not count as absent: the caller's dtype
// must hold them all, a dtype found out grows to hold them, and scales may differ from item to item. What only headers
// know is met when they are read.
func (p *Plan) itemTypes(req Request) error {
	for i := range p.Items {
		if p.absent(i) {
			continue
		}
		for b, at := range p.layoutOf(i).places {
			if at.asset < 0 || at.sample >= len(p.Items[i].Assets[at.asset].Bands) {
				continue
			}
			listed, band := &p.Items[i].Assets[at.asset].Bands[at.sample], &p.Bands[b]
			if listed.HasScale && (listed.Scale != band.Scale || listed.Offset != band.Offset) {
				band.MixedScale = true
			}
			if listed.DType == "" || listed.DType == band.DType || req.Scale {
				continue
			}
			if req.DType != "" {
				if err := p.holds(req.DType, listed.DType, "the source"); err != nil {
					return core.InBand(err, p.Items[i].ID, band.Name)
				}
			}
			dtype, err := core.ResultType(band.DType, listed.DType)
			if err != nil {
				if req.DType == "" {
					return core.InBand(core.Errorf(core.InvalidArgument, "DType", "earlier items and this one: %w; name a dtype", err), p.Items[i].ID, band.Name)
				}
				continue
			}
			band.DType = dtype
		}
	}
	return nil
}

// Scaled is the dtype of physical values, which sources are turned into before they are combined; "" where they
// stay as they are.
func (p *Plan) Scaled() core.DType { return p.scaled }

// BlockType is the dtype of the blocks that a callable gets: one that holds all bands.
func (p *Plan) BlockType() core.DType { return p.blockType }

// ResultType is the dtype of what a callable gives: the caller's, else that of the blocks.
func (p *Plan) ResultType() core.DType {
	if p.request.DType != "" {
		return p.request.DType
	}
	return p.blockType
}

// heldAs is the dtype that must hold the pixels of band b's sources as they are; "" where none must.
func (p *Plan) heldAs(b int) core.DType {
	switch {
	case p.scaled != "":
		return ""
	case p.Method.Name == "callable":
		return p.blockType
	case p.Method.OutputType(core.UInt8) != core.UInt8:
		return "" // made of the pixels by arithmetic
	}
	return p.Bands[b].DType
}

// computes tells whether pixels of a dtype can be made into band b's by arithmetic, where that is done: complex ones are
// only copied (and counted), and a sum that was found to be of integers would cut fractions off.
func (p *Plan) computes(in core.DType, b int) bool {
	if p.heldAs(b) != "" || p.Method.Name == "count" {
		return true
	}
	sumOfIntegers := p.Method.Name == "sum" && !p.Bands[b].DType.IsFloat()
	return !in.IsComplex() && !(sumOfIntegers && in.IsFloat())
}

// physical gives the scale and offset of a source: the catalog's for this item, else the file's, if its header was read.
func physical(asset *core.ItemAsset, h *cog.Header, sample int) (scale, offset float64) {
	if sample < len(asset.Bands) && asset.Bands[sample].HasScale {
		return asset.Bands[sample].Scale, asset.Bands[sample].Offset
	}
	if h != nil && sample < len(h.Scales) && sample < len(h.Offsets) {
		return h.Scales[sample], h.Offsets[sample]
	}
	return 1, 0
}
