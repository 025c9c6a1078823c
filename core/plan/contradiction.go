package plan

import (
	"fmt"
	"math"

	"cogweave/core"
	"cogweave/core/cog"
)

// contradiction names the first field in which the catalog says of a file what its header denies, and both
// words; field is empty where they agree or one is silent. The header's word holds (georeference, source).
func (p *Plan) contradiction(h *cog.Header, asset *core.ItemAsset) (field, told, held string) {
	if field, told, held = p.misplaced(h, &asset.Proj); field != "" {
		return field, told, held
	}
	dtype := h.Levels[0].DType()
	for i := range asset.Bands {
		listed := &asset.Bands[i]
		if listed.DType != "" && dtype != "" && listed.DType != dtype {
			return "data_type", string(listed.DType), string(dtype)
		}
		if listed.NoData.Set && h.NoData.Set && !listed.NoData.Equal(h.NoData) {
			return "nodata", fmt.Sprint(listed.NoData.Value), fmt.Sprint(h.NoData.Value)
		}
	}
	return "", "", ""
}

// misplaced is contradiction for the fields that say where pixels lie.
func (p *Plan) misplaced(h *cog.Header, proj *core.Proj) (field, told, held string) {
	if crs, err := p.projection.FromGeoref(&h.Georef); err == nil && crs != "" && proj.CRS != "" && crs != proj.CRS &&
		!p.projection.Same(crs, proj.CRS) {
		return "proj:code", shortened(proj.CRS), shortened(crs)
	}
	width, height := h.Levels[0].Width, h.Levels[0].Height
	if proj.Shape[0] > 0 && proj.Shape != [2]int{height, width} {
		return "proj:shape", fmt.Sprint(proj.Shape), fmt.Sprint([2]int{height, width})
	}
	if !proj.HasTransform || !h.Georef.HasTransform || !h.Georef.Transform.Valid() {
		return "", "", ""
	}
	// Apart by as much as moves a nearest pixel here and there, at some corner.
	const apart = 0.01 // pixels
	between := h.Georef.Transform.Inverse().Mul(proj.Transform)
	for _, corner := range [...][2]float64{{0, 0}, {float64(width), 0}, {0, float64(height)}} {
		x, y := between.Apply(corner[0], corner[1])
		if !(math.Abs(x-corner[0]) <= apart && math.Abs(y-corner[1]) <= apart) {
			return "proj:transform", numbers(proj.Transform), numbers(h.Georef.Transform)
		}
	}
	return "", "", ""
}

// sameExtent tells whether a raster lies where the catalog says, if with pixels of another size: a catalog may
// describe all assets of an item by the finest. Outlines are widened by a cell, so that a pixel is no matter.
func sameExtent(h *cog.Header, proj *core.Proj) bool {
	width, height := float64(h.Levels[0].Width), float64(h.Levels[0].Height)
	between := h.Georef.Transform.Inverse().Mul(proj.Transform)
	for _, corner := range [...][2]float64{{0, 0}, {1, 0}, {0, 1}} {
		x, y := between.Apply(corner[0]*float64(proj.Shape[1]), corner[1]*float64(proj.Shape[0]))
		if !(math.Abs(x-corner[0]*width) <= 1 && math.Abs(y-corner[1]*height) <= 1) {
			return false
		}
	}
	return true
}

func numbers(t core.Affine) string { return fmt.Sprint([...]float64{t.A, t.B, t.C, t.D, t.E, t.F}) }

func shortened(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// compare notes the first file of the plan whose catalog and header differ: once, since the others of a
// catalog err in the same way.
func (p *Plan) compare(item, asset int, h *cog.Header, note func(string)) {
	if note == nil || p.compared.Load() {
		return
	}
	of := &p.Items[item].Assets[asset]
	field, told, held := p.contradiction(h, of)
	if field == "" || !p.compared.CompareAndSwap(false, true) {
		return
	}
	note(fmt.Sprintf("item %q, asset %q: the catalog's %s is %s, but the file says %s; the file is believed, here and wherever the catalog differs",
		p.Items[item].ID, of.Key, field, told, held))
}

// distrust marks the assets of a layout whose places the catalog is not believed for, since a header that was read
// at open lies elsewhere. Their own headers decide then, which costs a request each; believed, they would be missed
// without a word.
func (p *Plan) distrust(read map[[2]int]*cog.Header) { // by item and asset
	for at, h := range read {
		l := p.layoutOf(at[0])
		for k := range l.files {
			if f := &l.files[k]; f.asset == at[1] {
				proj := &p.Items[at[0]].Assets[at[1]].Proj
				field, _, _ := p.misplaced(h, proj)
				f.distrusted = f.distrusted || field == "proj:code" || (field != "" && !sameExtent(h, proj))
			}
		}
	}
}

// lonLatBox is west, south, east, north of a raster as its catalog places it; NaN where it tells nothing.
type lonLatBox [4]float64

// lonLatBoxOf is rough: by nine points.
func lonLatBoxOf(proj *core.Proj, degrees core.Transformer) lonLatBox {
	nothing := lonLatBox{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if degrees == nil {
		return nothing
	}
	const n = 3
	var x, y [n * n]float64
	for i := range x {
		x[i], y[i] = proj.Transform.Apply(float64(i%n*proj.Shape[1])/(n-1), float64(i/n*proj.Shape[0])/(n-1))
	}
	degrees.Transform(x[:], y[:])
	b := lonLatBox{x[0], y[0], x[0], y[0]}
	for i := range x {
		b = lonLatBox{min(b[0], x[i]), min(b[1], y[i]), max(b[2], x[i]), max(b[3], y[i])} // NaN stays
	}
	if !(b[2]-b[0] < 180) { // across the antimeridian, over a pole, or nowhere
		return nothing
	}
	return b
}

// astray tells whether a good part of an item's box lies outside the place that the catalog gives its raster.
func (b *lonLatBox) astray(item *[4]float64) bool {
	area := (item[2] - item[0]) * (item[3] - item[1])
	if !(area > 0 && item[2]-item[0] < 180) { // NaN, a line, or across the antimeridian
		return false
	}
	const enough = 0.8 // footprints are drawn roughly
	common := max(0, min(item[2], b[2])-max(item[0], b[0])) * max(0, min(item[3], b[3])-max(item[1], b[1]))
	return common < enough*area // false with NaN
}
