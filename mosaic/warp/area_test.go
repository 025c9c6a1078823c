package warp

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cogweave/core"
)

// refSpan is what a box covers along one axis: pixels [from, to) and the weights of the outermost ones.
func refSpan(a, b float64, size int) (from, to int, first, last float64, ok bool) {
	low, high := min(a, b), max(a, b)
	if !(high > -Epsilon && low < float64(size)+Epsilon && low > -(1<<31) && high < 1<<31) {
		return
	}
	from, to = int(max(0, math.Floor(low+Epsilon))), int(min(math.Ceil(high-Epsilon), float64(size)))
	if from == to && to < size {
		to++
	}
	if from+1 == to {
		return from, to, 1, 1, true
	}
	return from, to, 1 - (low - float64(from)), 1 - (float64(to) - high), true
}

type weighed struct{ value, weight float64 }

// refPixels lists the valid pixels of a target pixel's box, row by row.
func refPixels(v *View, x0, y0, x1, y1 float64) (list []weighed) {
	fromX, toX, left, right, okX := refSpan(x0, x1, v.LevelWidth)
	fromY, toY, top, bottom, okY := refSpan(y0, y1, v.LevelHeight)
	if !okX || !okY {
		return nil
	}
	edge := func(i, from, to int, first, last float64) float64 {
		switch i {
		case from:
			return first
		case to - 1:
			return last
		}
		return 1
	}
	for row := fromY; row < toY; row++ {
		for col := fromX; col < toX; col++ {
			if refValid(v, col, row) {
				list = append(list, weighed{refPixel(v, col, row), edge(row, fromY, toY, top, bottom) * edge(col, fromX, toX, left, right)})
			}
		}
	}
	return list
}

// refArea is SampleArea for one target pixel, all kernels but sum.
func refArea(k Kernel, list []weighed) float64 {
	var values []float64
	counts := map[float64]int{}
	sum, total, most, mode := 0.0, 0.0, 0, 0.0
	for _, p := range list {
		values = append(values, p.value)
		total += p.weight
		if k == RMS {
			sum += p.value * p.value * p.weight
		} else { // the incremental mean, in GDAL's order
			sum += p.weight / total * (p.value - sum)
		}
		if counts[p.value]++; counts[p.value] > most {
			most, mode = counts[p.value], p.value
		}
	}
	slices.Sort(values)
	rank := func(q float64) float64 { return values[int(math.Ceil(q*float64(len(values))-1))] }
	switch k {
	case Average:
		return sum
	case RMS:
		return math.Sqrt(sum / total)
	case Mode:
		return mode
	case Min:
		return values[0]
	case Max:
		return values[len(values)-1]
	case Q1:
		return rank(0.25)
	case Q3:
		return rank(0.75)
	}
	return rank(0.5)
}

// corners are those of target pixels that are `wide` source pixels wide and turned a little.
func corners(cols, rows int, wide, x, y float64) (cx, cy []float64) {
	for i := range (cols + 1) * (rows + 1) {
		col, row := float64(i%(cols+1)), float64(i/(cols+1))
		cx, cy = append(cx, x+wide*(col+0.07*row)), append(cy, y+wide*(row-0.07*col))
	}
	return cx, cy
}

func sampleArea(k Kernel, v *View, cols, rows int, cx, cy []float64) (out, valid []byte) {
	out, valid = make([]byte, cols*rows*v.Type.Size()), make([]byte, cols*rows)
	SampleArea(k, v, cols, rows, cx, cy, out, valid)
	for i, ok := range valid {
		if ok == 0 {
			clear(out[i*v.Type.Size() : (i+1)*v.Type.Size()])
		}
	}
	return out, valid
}

func TestSampleAreaAgreesWithTheReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for k := Average; k < Sum; k++ {
		for _, dtype := range core.DTypes() {
			for c, wide := range []float64{0.4, 1, 2, 2.7, 7.9, 13} {
				v := scene(rng, dtype, 60, 70, c&1 != 0, c&2 != 0)
				cols, rows := 75, 12
				cx, cy := corners(cols, rows, wide, -3+rng.Float64(), -2+rng.Float64())
				if c == 2 { // along the axes, on the edges of pixels: boxes of 2 x 2
					for i := range cx {
						cx[i], cy[i] = 2*float64(i%(cols+1)), 2*float64(i/(cols+1))
					}
				}
				cx[5], cy[9], cx[33], cy[40] = math.NaN(), math.Inf(1), -1e300, 1e300
				out, valid := sampleArea(k, v, cols, rows, cx, cy)
				for i := range valid {
					a, b := i/cols*(cols+1)+i%cols, (i/cols+1)*(cols+1)+i%cols+1
					list := refPixels(v, cx[a], cy[a], cx[b], cy[b])
					if (len(list) > 0) != (valid[i] == 1) {
						t.Fatalf("%v of %s, %v wide: pixel %d is valid %d with %d source pixels", k, dtype, wide, i, valid[i], len(list))
					}
					if len(list) == 0 {
						continue
					}
					if got, want := pixel(out, dtype, i), refRound(dtype, refArea(k, list)); got != want {
						t.Fatalf("%v of %s, %v wide: pixel %d is %v, want %v of %v", k, dtype, wide, i, got, want, list)
					}
				}
			}
		}
	}
}

// refCovered is the area of pixel (x, y) inside a convex quadrilateral: the polygon cut at the pixel's sides.
func refCovered(quad [][2]float64, x, y float64) float64 {
	for side, limit := range []float64{x, -(x + 1), y, -(y + 1)} {
		inside := func(p [2]float64) float64 { return []float64{1, -1}[side%2]*p[side/2] - limit }
		var next [][2]float64
		for i, p := range quad {
			q := quad[(i+1)%len(quad)]
			if inside(p) >= 0 {
				next = append(next, p)
			}
			if inside(p)*inside(q) < 0 {
				f := inside(p) / (inside(p) - inside(q))
				next = append(next, [2]float64{p[0] + f*(q[0]-p[0]), p[1] + f*(q[1]-p[1])})
			}
		}
		quad = next
	}
	sum := 0.0
	for i, p := range quad {
		q := quad[(i+1)%len(quad)]
		sum += (p[0]-x)*(q[1]-y) - (q[0]-x)*(p[1]-y)
	}
	return math.Abs(sum) / 2
}

func TestSumSharesOutByArea(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, wide := range []float64{0.6, 1, 3.3} {
		for _, turned := range []bool{false, true} {
			v := scene(rng, core.Float64, 40, 40, true, false)
			const cols, rows = 20, 15
			cx, cy := corners(cols, rows, wide, -2.2, -1.3)
			if !turned {
				for i := range cx {
					cx[i], cy[i] = -2.2+wide*float64(i%(cols+1)), 12-wide*float64(i/(cols+1))
				}
			}
			out, valid := sampleArea(Sum, v, cols, rows, cx, cy)
			for i := range valid {
				a := i/cols*(cols+1) + i%cols
				b := a + cols + 1
				quad := [][2]float64{{cx[a], cy[a]}, {cx[a+1], cy[a+1]}, {cx[b+1], cy[b+1]}, {cx[b], cy[b]}}
				want, total := 0.0, 0.0
				for row := range 40 {
					for col := range 40 {
						if w := refCovered(quad, float64(col), float64(row)); refValid(v, col, row) {
							want, total = want+w*refPixel(v, col, row), total+w
						}
					}
				}
				if total > 1e-9 != (valid[i] == 1) || valid[i] == 1 && math.Abs(pixel(out, core.Float64, i)-want) > 1e-7 {
					t.Fatalf("%v wide, turned %v: pixel %d is %v, want %v (%v pixels)", wide, turned, i, pixel(out, core.Float64, i), want, total)
				}
			}
		}
	}
}

// A grid that covers the whole raster gets the whole sum, however it lies.
func TestSumLosesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	v := scene(rng, core.Float64, 33, 37, false, false)
	want := 0.0
	for i := range 33 * 37 {
		want += refPixel(v, i%37, i/37)
	}
	cx, cy := corners(30, 30, 2.3, -12, -12)
	for i := range cx { // bent, too
		cx[i] += 0.3 * math.Sin(cy[i]/3)
	}
	out, _ := sampleArea(Sum, v, 30, 30, cx, cy)
	got := 0.0
	for i := range 900 {
		got += pixel(out, core.Float64, i)
	}
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("the sums sum to %v, want %v", got, want)
	}
}

func TestSampleAreaIsTheSameForEveryCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for k := Average; k <= Sum; k++ {
		for _, dtype := range core.DTypes() {
			for round, wide := range []float64{0.7, 2, 9.5} {
				v := scene(rng, dtype, 90, 90, round&1 != 0, round > 0)
				cols, rows := 90, 3
				cx, cy := corners(cols, rows, wide, -1.5, 8.2)
				wantOut, wantValid := sampleArea(k, v, cols, rows, cx, cy)
				for col := 0; col < cols; {
					n := min(1+rng.IntN(40), cols-col)
					row := rng.IntN(rows)
					var px, py []float64
					for r := row; r <= row+1; r++ {
						at := r*(cols+1) + col
						px, py = append(px, cx[at:at+n+1]...), append(py, cy[at:at+n+1]...)
					}
					out, valid := sampleArea(k, cutArea(v, px, py), n, 1, px, py)
					at, size := row*cols+col, dtype.Size()
					if !bytes.Equal(out, wantOut[at*size:(at+n)*size]) || !bytes.Equal(valid, wantValid[at:at+n]) {
						t.Fatalf("%v of %s, %v wide, depends on the cut", k, dtype, wide)
					}
					col += n
				}
			}
		}
	}
}

// cutArea gives the part of a view that lies within corners.
func cutArea(v *View, cx, cy []float64) *View {
	fromX, toX, _, _, okX := refSpan(slices.Min(cx), slices.Max(cx), v.LevelWidth)
	fromY, toY, _, _, okY := refSpan(slices.Min(cy), slices.Max(cy), v.LevelHeight)
	w := core.Window{Row: fromY, Col: fromX, Height: toY - fromY, Width: toX - fromX}
	if !okX || !okY || w.Empty() {
		w = core.Window{Height: 1, Width: 1}
	}
	return crop(v, w)
}

func TestLargeIntegersStayExactInSelections(t *testing.T) {
	for _, k := range []Kernel{Mode, Min, Max, Med, Q1, Q3} {
		v := &View{Type: core.Int64, Stride: 2, Window: core.Window{Height: 1, Width: 2}, LevelWidth: 2, LevelHeight: 1, Pix: make([]byte, 16)}
		*at[int64](v.Pix, 0), *at[int64](v.Pix, 1) = math.MaxInt64-2, math.MaxInt64-2
		out, valid := sampleArea(k, v, 1, 1, []float64{0, 2, 0, 2}, []float64{0, 0, 1, 1})
		if got := *at[int64](out, 0); got != math.MaxInt64-2 || valid[0] != 1 {
			t.Errorf("%v is %d", k, got)
		}
	}
}

func TestSampleAreaDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 30))
	v := scene(rng, core.UInt16, 150, 150, true, true)
	cx, cy := corners(40, 40, 3.1, 2, 7)
	out, valid := make([]byte, 2*1600), make([]byte, 1600)
	for k := Average; k <= Sum; k++ {
		if n := testing.AllocsPerRun(5, func() { SampleArea(k, v, 40, 40, cx, cy, out, valid) }); n != 0 {
			t.Errorf("%v allocates %v times", k, n)
		}
	}
}

// FuzzSampleArea looks for reads outside of the view and of working memory.
func FuzzSampleArea(f *testing.F) {
	f.Add(uint64(1), 3.5, 4.25, 9.5, 2.25, byte(4), byte(8), byte(3))
	f.Add(uint64(2), math.Inf(1), math.NaN(), -1e300, 1e300, byte(10), byte(2), byte(0))
	f.Fuzz(func(t *testing.T, seed uint64, x0, y0, x1, y1 float64, kernel, dtype, holes byte) {
		rng := rand.New(rand.NewPCG(seed, 0))
		v := scene(rng, core.DTypes()[dtype%10], 1+rng.IntN(20), 1+rng.IntN(20), holes&1 != 0, holes&2 != 0)
		k := Average + Kernel(kernel)%9
		_, valid := sampleArea(k, v, 1, 1, []float64{x0, x1, x0, x1}, []float64{y0, y0, y1, y1})
		if list := refPixels(v, x0, y0, x1, y1); k != Sum && (len(list) > 0) != (valid[0] == 1) {
			t.Errorf("%s: valid is %d with %d pixels", fmt.Sprint(k, x0, y0, x1, y1), valid[0], len(list))
		}
	})
}
