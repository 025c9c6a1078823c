package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"cogweave/core"
)

// Request says what to make of the items; it is the JSON that the Python package sends.
type Request struct {
	Grid         GridSpec   `json:"grid"`
	Bands        []string   `json:"bands"`         // as the user names them; nil: every COG asset
	TimePeriod   string     `json:"time_period"`   // "" for each instant
	GroupKeys    []string   `json:"group_keys"`    // one per item, for time_period by property or callable
	Resampling   Resampling `json:"resampling"`    // one name, or one per band
	MosaicMethod string     `json:"mosaic_method"` // "" for first
	Overviews    *bool      `json:"overviews"`     // nil: true
	// OverviewLevel is the level to read, 0 for the first overview; nil: by the grid.
	OverviewLevel *int `json:"overview_level"`
	// Native: the grid is that of the files' own pixels. One without a shape is found out, and a file that
	// does not say where it lies has its pixels' numbers for coordinates.
	Native  bool       `json:"native"`
	NoData  *Number    `json:"nodata"`   // nil: the sources' own
	DType   core.DType `json:"dtype"`    // "": the sources' own
	PerBand bool       `json:"per_band"` // each band keeps its own dtype and nodata (a Dataset)
	Errors  string     `json:"errors"`   // "raise" (or "") or "ignore"
	// Mask hides pixels of every band where pixels of other assets say so, dilated by MaskDilate of their level-0
	// pixels. MinValid drops items of which a smaller fraction is left. Consistent: a cell's bands come from one item.
	Mask       []MaskRequest `json:"mask"`
	MaskDilate int           `json:"mask_dilate"`
	MinValid   float64       `json:"min_valid"`
	Consistent bool          `json:"consistent"`
	Scale      bool          `json:"scale"` // physical values: scale and offset applied
	Base       string        `json:"base"`  // location of the catalog, for relative hrefs
	Chunk      bool          `json:"chunk"` // find out which windows fit the files' tiles
}

// GridSpec is a core.Grid as JSON.
type GridSpec struct {
	CRS       string     `json:"crs"`
	Transform [6]float64 `json:"transform"` // a, b, c, d, e, f
	Shape     [2]int     `json:"shape"`     // rows, columns
}

// Grid gives the grid that the specification describes.
func (s GridSpec) Grid() core.Grid {
	t := s.Transform
	return core.Grid{CRS: s.CRS, Transform: core.Affine{A: t[0], B: t[1], C: t[2], D: t[3], E: t[4], F: t[5]},
		Rows: s.Shape[0], Cols: s.Shape[1]}
}

func specOf(g core.Grid) GridSpec {
	t := g.Transform
	return GridSpec{CRS: g.CRS, Transform: [6]float64{t.A, t.B, t.C, t.D, t.E, t.F}, Shape: [2]int{g.Rows, g.Cols}}
}

// Number is a float64 whose JSON form may also be "nan", "inf" or "-inf".
type Number float64

// UnmarshalJSON reads a number or one of the three names.
func (n *Number) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if v := core.ParseNoData(text); v.Set {
			*n = Number(v.Value)
			return nil
		}
		return fmt.Errorf("%q is not a number", text)
	}
	return json.Unmarshal(data, (*float64)(n))
}

// MarshalJSON writes a number or one of the three names.
func (n Number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"nan"`), nil
	case math.IsInf(v, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-inf"`), nil
	default:
		return json.Marshal(v)
	}
}

// Resampling is one kernel name for all bands, or a name per band with "*" for the rest.
type Resampling map[string]string

// UnmarshalJSON reads a string or an object of strings.
func (r *Resampling) UnmarshalJSON(data []byte) error {
	var name string
	if json.Unmarshal(data, &name) == nil {
		*r = Resampling{"*": name}
		return nil
	}
	return json.Unmarshal(data, (*map[string]string)(r))
}

// of gives the kernel name of a band.
func (r Resampling) of(band string) string {
	for _, key := range []string{band, "*"} {
		if name, ok := r[key]; ok && name != "" {
			return name
		}
	}
	return "nearest"
}

// among reports a band that is not one of those of the plan, as a misspelt one.
func (r Resampling) among(bands []string) error {
	for _, band := range slices.Sorted(maps.Keys(r)) {
		if band != "*" && !slices.Contains(bands, band) {
			return core.Errorf(core.InvalidArgument, "Resampling", "resampling names band %q, which is not among bands=%v", band, bands)
		}
	}
	return nil
}

// check reports the first thing in the request that cannot be, naming what is allowed.
func (r *Request) check(p Projection) error {
	if r.OverviewLevel != nil && *r.OverviewLevel < 0 {
		return core.Errorf(core.InvalidArgument, "OverviewLevel", "overview_level %d is negative: 0 is the first overview", *r.OverviewLevel)
	}
	if err := r.checkGrid(p); err != nil {
		return err
	}
	if err := r.Resampling.among(r.Bands); r.Bands != nil && err != nil {
		return err
	}
	for _, name := range r.Resampling {
		if _, err := core.ParseKernel(name); err != nil {
			return err
		}
	}
	if r.DType != "" && r.DType.Index() < 0 {
		return core.Errorf(core.InvalidArgument, "DType", "dtype %q is not one of %s", r.DType, joined(core.DTypes()))
	}
	if r.Errors != "" && r.Errors != "raise" && r.Errors != "ignore" {
		return core.Errorf(core.InvalidArgument, "Errors", "errors=%q is not one of raise, ignore", r.Errors)
	}
	return nil
}

func (r *Request) checkGrid(p Projection) error {
	if r.wantsGrid() {
		return nil
	}
	if err := r.Grid.Grid().Check(); err != nil {
		return err
	}
	return p.Check(r.Grid.CRS)
}

// wantsGrid tells whether the grid is still to be found out.
func (r *Request) wantsGrid() bool { return r.Native && r.Grid.Shape == [2]int{} }

func joined[T ~string](names []T) string {
	text := make([]string, len(names))
	for i, n := range names {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}
