package cogfile

import (
	"slices"
	"strings"

	"cogweave/core"
	"cogweave/core/plan"
)

// OverviewResamplings lists how overviews can be resampled.
func OverviewResamplings() []string {
	return []string{"nearest", "average", "bilinear", "cubic", "cubic_spline", "lanczos", "mode", "rms"}
}

// Of describes the file of a window: all bands of a time step, step after step.
func Of(p *plan.Plan, w plan.Window) (Raster, error) {
	dtype, cells, err := p.CheckWindow(w)
	switch {
	case err != nil:
		return Raster{}, err
	case cells == 0:
		return Raster{}, core.Errorf(core.InvalidArgument, "Empty", "there is no pixel to write")
	case w.Pointwise || !w.Row.Contiguous() || !w.Col.Contiguous():
		return Raster{}, core.Errorf(core.InvalidArgument, "Index", "only rows and columns that lie side by side make a raster")
	}
	nodata, err := nodata(p, w)
	if err != nil {
		return Raster{}, err
	}
	r := Raster{DType: dtype, NoData: nodata, Whole: p.Method.Name == "count", Grid: core.Grid{CRS: p.Grid.CRS, Rows: w.Row.Len(), Cols: w.Col.Len(),
		Transform: p.Grid.Transform.Shift(float64(w.Col.At(0)), float64(w.Row.At(0)))}}
	for t := range w.Time.Len() {
		for b := range w.Band.Len() {
			band := &p.Bands[w.Band.At(b)]
			layer := Layer{Name: band.Name, Plane: b*w.Time.Len() + t, Scale: 1, Colour: band.CommonName}
			if w.Time.Len() > 1 {
				layer.Name += " " + moment(&p.Steps[w.Time.At(t)])
			}
			if !band.MixedScale {
				layer.Scale, layer.Offset = band.Scale, band.Offset
			}
			r.Layers = append(r.Layers, layer)
		}
	}
	if !r.isPicture() {
		for i := range r.Layers {
			r.Layers[i].Colour = ""
		}
	}
	return r, nil
}

// nodata is the value that cells without data hold, where it can be told from pixels.
func nodata(p *plan.Plan, w plan.Window) (core.NoData, error) {
	first := &p.Bands[w.Band.At(0)]
	for i := range w.Band.Len() {
		if band := &p.Bands[w.Band.At(i)]; !band.NoData.Equal(first.NoData) {
			return core.NoData{}, core.Errorf(core.InvalidArgument, "NoData",
				"bands %q and %q have different nodata values, and a file has one: say nodata=", first.Name, band.Name)
		}
	}
	if first.DType.IsFloat() && !first.NoData.Set {
		return core.NoData{Set: true, Value: first.Fill()}, nil
	}
	return first.NoData, nil
}

// moment is the label of a time step, to the second, and its group.
func moment(step *core.TimeStep) string {
	text, _, _ := strings.Cut(core.FormatInstant(step.Label), ".")
	text = strings.TrimSuffix(text, "Z")
	if step.Group != "" {
		text += " " + step.Group
	}
	return text
}

// isPicture tells whether the layers are red, green and blue, of eight bits.
func (r *Raster) isPicture() bool {
	if len(r.Layers) != 3 || r.DType != core.UInt8 {
		return false
	}
	for i, colour := range []string{"red", "green", "blue"} {
		if r.Layers[i].Colour != colour {
			return false
		}
	}
	return true
}

// overviews is how overviews are resampled. Small integers are mostly classes, of which there is no mean; large ones
// are counts or names of things, which GDAL's mean would round.
func (r *Raster) overviews() string {
	switch {
	case r.OverviewResampling != "":
		return strings.ReplaceAll(strings.ToUpper(r.OverviewResampling), "_", "")
	case r.DType.IsFloat() || r.DType.Size() == 2 || r.isPicture():
		return "AVERAGE"
	case r.DType.Size() == 1:
		return "MODE"
	}
	return "NEAREST"
}

// needsMask tells whether no pixel value says that nothing covers a cell.
func (r *Raster) needsMask() bool {
	return !r.NoData.Set && !r.Whole && !r.DType.IsComplex() && !r.DType.IsFloat()
}

func (r *Raster) check() error {
	if name := r.OverviewResampling; name != "" && !slices.Contains(OverviewResamplings(), name) {
		return core.Errorf(core.InvalidArgument, "Resampling", "overview resampling %q is not one of %s", name, strings.Join(OverviewResamplings(), ", "))
	}
	if len(r.Layers) > 65535 {
		return core.Errorf(core.InvalidArgument, "Layers", "%d layers, and a TIFF has 65,535 at most: write fewer time steps", len(r.Layers))
	}
	return r.Grid.Check()
}
