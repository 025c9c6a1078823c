package mosaic

import (
	"math"
	"slices"

	"cogweave/core"
	"cogweave/mosaic/warp"
)

// acrossAntimeridian samples anew the cells that the antimeridian runs through: their corners lie at both ends of the
// raster, and the box between them would be all of it. s.xs and s.ys are the corners of rows x cols cells.
func (s *scratch) acrossAntimeridian(sn *sourceNeed, cols, rows int, view *warp.View, values, valid []byte) {
	if sn.source.Turn == 0 {
		return
	}
	kernel, size := warp.Of(sn.source.Kernel), view.Type.Size()
	if kernel != warp.Sum && !apart(s.xs[:(rows+1)*(cols+1)], sn.source.Turn/2) {
		return
	}
	columns := int(math.Round(sn.source.Turn))
	if kernel == warp.Sum { // of a world whose ends overlap, what both hold
		columns = max(columns, view.LevelWidth)
	}
	for i := range rows * cols {
		c := i/cols*(cols+1) + i%cols
		x := [4]float64{s.xs[c], s.xs[c+1], s.xs[c+cols+1], s.xs[c+cols+2]}
		y := [4]float64{s.ys[c], s.ys[c+1], s.ys[c+cols+1], s.ys[c+cols+2]}
		value, some := values[i*size:(i+1)*size], valid[i:i+1]
		switch {
		case kernel == warp.Sum && s.sumAtPole(sn, x, y, view, value, some):
		case sn.source.Parted(x[:]...):
			joined, x := joinEnds(view, sn.source.Turn, columns, x, y)
			warp.SampleArea(kernel, &joined, 1, 1, x[:], y[:], value, some)
		}
	}
}

// apart tells whether some of the columns lie further apart than that.
func apart(x []float64, columns float64) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x { // NaN is neither
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	return high-low > columns
}

// joinEnds gives the pixels under a cell that the antimeridian runs through side by side, and the columns of its corners
// there: the raster's left end begins again after so many columns, over what its right end holds from there on.
func joinEnds(view *warp.View, turn float64, columns int, x, y [4]float64) (_ warp.View, corners [4]float64) {
	right, left := continued(x, turn)
	if !touches(left, view.LevelWidth) {
		return *view, right
	}
	if !touches(right, view.LevelWidth) {
		return *view, left
	}
	for i := range x { // where the ends do not meet, nothing lies between them
		x[i] = min(max(x[i], 0), float64(view.LevelWidth))
	}
	corners, _ = continued(x, float64(columns))
	col0, col1 := reach(corners, columns+view.LevelWidth)
	row0, row1 := reach(y, view.LevelHeight)
	w := core.Window{Row: row0, Height: row1 - row0, Width: col1 - col0}.Intersect(core.Window{Row: view.Window.Row, Height: view.Window.Height, Width: col1 - col0})
	if w.Empty() {
		return *view, right
	}
	for i := range corners {
		corners[i] -= float64(col0)
	}
	joined, pixels := *view, w.Height*w.Width
	joined.Window, joined.Stride, joined.LevelWidth = w, w.Width, w.Width
	joined.Pix, joined.Valid = make([]byte, pixels*view.Type.Size()), make([]byte, pixels)
	put(&joined, view, -col0)
	put(&joined, view, columns-col0)
	return joined, corners
}

// continued gives the columns of the corners of a cell that the antimeridian runs through as they follow one another, at
// the raster's right end and at its left end.
func continued(x [4]float64, turn float64) (right, left [4]float64) {
	middle := (slices.Max(x[:]) + slices.Min(x[:])) / 2
	right, left = x, x
	for i := range x {
		if x[i] < middle {
			right[i] += turn
		} else {
			left[i] -= turn
		}
	}
	return right, left
}

// touches tells whether columns that follow one another reach into a raster.
func touches(x [4]float64, width int) bool {
	return slices.Max(x[:]) > 0 && slices.Min(x[:]) < float64(width)
}

// reach gives the first and the end of the pixels around some points, with one to spare on each side, of so many pixels.
func reach(points [4]float64, count int) (first, end int) {
	cut := func(v float64) int {
		if v > 0 {
			return int(min(v, float64(count)))
		}
		return 0 // NaN too
	}
	return cut(slices.Min(points[:]) - 1), cut(slices.Max(points[:]) + 2)
}

// put copies pixels of a view and their validity to so many columns further right in another.
func put(to, from *warp.View, columns int) {
	at := from.Window
	at.Col += columns
	part, size := at.Intersect(to.Window), from.Type.Size()
	for row := part.Row; row < part.Row+part.Height; row++ {
		source := (row-at.Row)*from.Stride + part.Col - at.Col
		target := (row-to.Window.Row)*to.Stride + part.Col - to.Window.Col
		copy(to.Pix[target*size:][:part.Width*size], from.Pix[source*size:])
		known := to.Valid[target:][:part.Width]
		if from.Valid != nil {
			copy(known, from.Valid[source:])
			continue
		}
		for i := range known {
			known[i] = 1
		}
	}
}

// sumAtPole sums up a cell that a pole lies in or at a corner of, and tells whether it is one: what lies between each
// of its edges and the pole's row.
func (s *scratch) sumAtPole(sn *sourceNeed, x, y [4]float64, view *warp.View, value, valid []byte) bool {
	ring := [4]int{0, 1, 3, 2}
	var xs, ys [4]float64
	for i, k := range ring {
		xs[i], ys[i] = x[k], y[k]
	}
	pole, ok := sn.source.PoleIn(xs[:], ys[:])
	if !ok {
		return false
	}
	turn, total := sn.source.Turn, view.Type.Bytes(0)
	valid[0] = 0
	for i := range ring {
		next := (i + 1) % len(ring)
		across := sn.source.ShortWay(xs[next] - xs[i])
		if sn.source.AtPole(ys[i]) || sn.source.AtPole(ys[next]) || across == 0 {
			continue // along a meridian
		}
		for _, shift := range [3]float64{-turn, 0, turn} { // the part of it that lies on the raster, at either end
			from := xs[i] + shift
			cx, cy := [4]float64{from, from + across, from, from + across}, [4]float64{pole, pole, ys[i], ys[next]}
			some := []byte{0}
			warp.SampleArea(warp.Sum, view, 1, 1, cx[:], cy[:], value, some)
			if some[0] != 0 {
				total = plus(view.Type, total, value)
				valid[0] = 1
			}
		}
	}
	copy(value, total)
	return true
}

// plus is the sum of two pixels, which stays within the type's range.
func plus(t core.DType, a, b []byte) []byte {
	sum := t.Value(a) + t.Value(b)
	if !t.IsFloat() {
		low, high := t.Range()
		if t.Size() == 8 {
			high = math.Nextafter(high, 0) // the type does not hold what the range is rounded to
		}
		sum = min(max(sum, low), high)
	}
	return t.Bytes(sum)
}
