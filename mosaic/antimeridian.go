package mosaic

import (
	"bytes"
	"math"
	"slices"

	"cogweave/core"
	"cogweave/mosaic/warp"
)

// splitAtAntimeridian samples anew the cells that the antimeridian runs through: their corners lie at both ends of
// the raster, and the box between them would be all of it. Such a cell gets the larger of its two parts that has a
// valid pixel, a sum both parts. s.xs and s.ys are the corners of rows x cols cells.
func (s *scratch) splitAtAntimeridian(sn *sourceNeed, cols, rows int, view *warp.View, values, valid []byte) {
	turn := sn.source.Turn
	if turn == 0 {
		return
	}
	size := view.Type.Size()
	for i := range rows * cols {
		c := i/cols*(cols+1) + i%cols
		x := [4]float64{s.xs[c], s.xs[c+1], s.xs[c+cols+1], s.xs[c+cols+2]}
		if warp.Of(sn.source.Kernel) == warp.Sum {
			y := [4]float64{s.ys[c], s.ys[c+1], s.ys[c+cols+1], s.ys[c+cols+2]}
			if s.sumAtPole(sn, x, y, view, values[i*size:(i+1)*size], valid[i:i+1]) {
				continue
			}
		}
		if !sn.source.Parted(slices.Min(x[:]), slices.Max(x[:])) {
			continue
		}
		y := [4]float64{s.ys[c], s.ys[c+1], s.ys[c+cols+1], s.ys[c+cols+2]}
		kernel := warp.Of(sn.source.Kernel)
		value, some := values[i*size:(i+1)*size], valid[i:i+1]
		both := parts(x, turn, float64(sn.source.Width))
		warp.SampleArea(kernel, view, 1, 1, both[0][:], y[:], value, some)
		switch first := bytes.Clone(value); {
		case some[0] == 0:
			warp.SampleArea(kernel, view, 1, 1, both[1][:], y[:], value, some)
		case kernel == warp.Sum:
			warp.SampleArea(kernel, view, 1, 1, both[1][:], y[:], value, some)
			if some[0] != 0 {
				copy(value, plus(view.Type, first, value))
			} else {
				copy(value, first)
			}
			some[0] = 1
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

// parts gives the corners of a cell put together at the raster's right end and at its left end, the larger part first.
func parts(x [4]float64, turn, width float64) [2][4]float64 {
	middle := (slices.Max(x[:]) + slices.Min(x[:])) / 2
	right, left := x, x
	for i := range x {
		if x[i] < middle {
			right[i] += turn
		} else {
			left[i] -= turn
		}
	}
	share := func(p [4]float64) float64 {
		return math.Min(slices.Max(p[:]), width) - math.Max(slices.Min(p[:]), 0)
	}
	if share(left) > share(right) {
		return [2][4]float64{left, right}
	}
	return [2][4]float64{right, left}
}
