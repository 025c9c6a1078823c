package warp

import (
	"math"

	"cogweave/core"
)

// refWeight is the kernel function at a distance in kernel widths, from its definition.
func refWeight(k Kernel, u float64) float64 {
	a := math.Abs(u)
	switch k {
	case Bilinear:
		return max(0, 1-a)
	case Cubic: // Keys, a = -0.5
		if a <= 1 {
			return 1.5*a*a*a - 2.5*a*a + 1
		}
		if a < 2 {
			return -0.5*a*a*a + 2.5*a*a - 4*a + 2
		}
	case CubicSpline: // as GDAL, which leaves out max(0, u-2)^3
		cube := func(v float64) float64 { return math.Pow(max(0, v), 3) }
		return (cube(u+2) - 4*cube(u+1) + 6*cube(u) - 4*cube(u-1)) / 6
	case Lanczos:
		if a == 0 {
			return 1
		}
		if a < 3 {
			return math.Sin(math.Pi*u) / (math.Pi * u) * math.Sin(math.Pi*u/3) / (math.Pi * u / 3)
		}
	}
	return 0
}

// refValid tells whether a pixel of the level is valid.
func refValid(v *View, col, row int) bool {
	w := v.Window
	if col < w.Col || row < w.Row || col >= w.Col+w.Width || row >= w.Row+w.Height {
		return false
	}
	i := (row-w.Row)*v.Stride + col - w.Col
	if v.Valid != nil && v.Valid[i] == 0 {
		return false
	}
	p := pixel(v.Pix, v.Type, i)
	if math.IsNaN(v.NoData.Value) {
		return !v.NoData.Set || !math.IsNaN(p)
	}
	return !v.NoData.Set || p != v.NoData.Value
}

func refPixel(v *View, col, row int) float64 {
	return pixel(v.Pix, v.Type, (row-v.Window.Row)*v.Stride+col-v.Window.Col)
}

// refSample is Sample for one pixel in float64, not rounded, with the range of the taps that weigh anything.
func refSample(k Kernel, v *View, scale [2]float64, x, y float64) (value, spread float64, ok bool) {
	w, h := float64(v.LevelWidth), float64(v.LevelHeight)
	if !(x >= 0 && y >= 0 && x+Epsilon <= w && y+Epsilon <= h) {
		return 0, 0, false
	}
	col, row := min(int(x+Epsilon), v.LevelWidth-1), min(int(y+Epsilon), v.LevelHeight-1)
	if !refValid(v, col, row) {
		return 0, 0, false
	}
	if k == Nearest {
		return refPixel(v, col, row), 0, true
	}
	for a := range scale {
		scale[a] = min(scale[a], 1)
	}
	if k <= Cubic && scale[0] >= 0.95 && scale[1] >= 0.95 {
		scale = [2]float64{1, 1}
		if k == Cubic { // bilinear unless all 16 taps are there
			for i := range 16 {
				if !refValid(v, int(math.Floor(x-0.5))-1+i%4, int(math.Floor(y-0.5))-1+i/4) {
					k = Bilinear
					break
				}
			}
		}
	}
	rx, ry := vocabulary(k).Radius(scale)
	bx, by := int(math.Floor(x-0.5)), int(math.Floor(y-0.5))
	sum, total, low, high, valid, all := 0.0, 0.0, math.Inf(1), math.Inf(-1), 0, 0
	for r := max(0, by-ry); r <= min(by+ry, v.LevelHeight-1); r++ {
		for c := max(0, bx-rx); c <= min(bx+rx, v.LevelWidth-1); c++ {
			ux, uy := (float64(c)+0.5-x)*scale[0], (float64(r)+0.5-y)*scale[1]
			if k == Lanczos && (math.Abs(ux) > 3 || math.Abs(uy) > 3) {
				continue
			}
			all++
			if (k != Lanczos && (c == bx-rx || r == by-ry)) || !refValid(v, c, r) {
				continue
			}
			valid++
			weight, p := refWeight(k, ux)*refWeight(k, uy), refPixel(v, c, r)
			sum, total, low, high = sum+weight*p, total+weight, min(low, p), max(high, p)
		}
	}
	if total < 1e-5 || k == Lanczos && valid < all/2 {
		return 0, 0, false
	}
	return sum / total, high - low, true
}

// refRound gives a result as the type would hold it: halves up, clamped.
func refRound(t core.DType, v float64) float64 {
	switch t {
	case core.Float32:
		return float64(float32(v))
	case core.Float64:
		return v
	}
	low, high := t.Range()
	return min(max(math.Floor(v+0.5), low), high)
}
