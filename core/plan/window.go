package plan

import "cogweave/core"

// Axis is a selection of positions along one axis: Index, or Start + i*Step for i in [0, Count) where
// Index is nil. Positions may repeat and come in any order.
type Axis struct {
	Start, Step, Count int
	Index              []int
}

// Len is the number of positions.
func (a Axis) Len() int {
	if a.Index != nil {
		return len(a.Index)
	}
	return a.Count
}

// At gives position i.
func (a Axis) At(i int) int {
	if a.Index != nil {
		return a.Index[i]
	}
	return a.Start + i*a.Step
}

// Contiguous tells whether the positions are Start, Start+1, ...
func (a Axis) Contiguous() bool { return a.Index == nil && (a.Step == 1 || a.Count <= 1) }

// Bounds gives the least and greatest position; the axis must not be empty.
func (a Axis) Bounds() (low, high int) {
	if a.Index == nil {
		first, last := a.Start, a.Start+(a.Count-1)*a.Step
		return min(first, last), max(first, last)
	}
	low, high = a.Index[0], a.Index[0]
	for _, v := range a.Index {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func (a Axis) check(name string, size int) error {
	if a.Len() == 0 {
		return nil
	}
	if low, high := a.Bounds(); low < 0 || high >= size {
		return core.Errorf(core.InvalidArgument, "Index", "%s index %d is outside [0, %d)", name, pick(low < 0, low, high), size)
	}
	return nil
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Window selects cells of a plan's (band, time, y, x) array: the outer product of the axes, or, if
// Pointwise, one cell for each position along the axes, which are then equally long.
type Window struct {
	Pointwise            bool
	Band, Time, Row, Col Axis
}

// Whole selects every cell.
func (p *Plan) Whole() Window {
	all := func(n int) Axis { return Axis{Step: 1, Count: n} }
	return Window{Band: all(len(p.Bands)), Time: all(len(p.Steps)), Row: all(p.Grid.Rows), Col: all(p.Grid.Cols)}
}

// Cells is the number of cells that the window selects.
func (w Window) Cells() int {
	if w.Pointwise {
		return w.Row.Len()
	}
	return w.Band.Len() * w.Time.Len() * w.Row.Len() * w.Col.Len()
}

// CheckWindow tells whether the window lies inside the plan, and gives the dtype of its cells. Bands of
// different dtypes cannot be read together.
func (p *Plan) CheckWindow(w Window) (core.DType, int, error) {
	axes := []struct {
		name string
		axis Axis
		size int
	}{{"band", w.Band, len(p.Bands)}, {"time", w.Time, len(p.Steps)}, {"y", w.Row, p.Grid.Rows}, {"x", w.Col, p.Grid.Cols}}
	for _, a := range axes {
		if err := a.axis.check(a.name, a.size); err != nil {
			return "", 0, err
		}
		if w.Pointwise && a.axis.Len() != w.Row.Len() {
			return "", 0, core.Errorf(core.InvalidArgument, "Index", "pointwise window: %d %s positions for %d rows", a.axis.Len(), a.name, w.Row.Len())
		}
	}
	dtype := p.DType
	for i := range w.Band.Len() {
		band := &p.Bands[w.Band.At(i)]
		if i == 0 {
			dtype = band.DType
		}
		if band.DType != dtype {
			return "", 0, core.Errorf(core.InvalidArgument, "DType", "bands %q (%s) and %q (%s) cannot be read together",
				p.Bands[w.Band.At(0)].Name, dtype, band.Name, band.DType)
		}
	}
	return dtype, w.Cells(), nil
}

// Bands lists the distinct bands of the window, ascending.
func (w Window) Bands() []int { return positions(w.Band) }

// Times lists the distinct time steps of the window, ascending.
func (w Window) Times() []int { return positions(w.Time) }
