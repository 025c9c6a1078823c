package warp

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cogweave/core"
)

var smoothKernels = []Kernel{Nearest, Bilinear, Cubic, CubicSpline, Lanczos}

// scene is a level of random pixels about a slope, with holes of several kinds.
func scene(rng *rand.Rand, t core.DType, height, width int, mask, nodata bool) *View {
	v := &View{Type: t, Stride: width + rng.IntN(5), Window: core.Window{Height: height, Width: width}, LevelWidth: width, LevelHeight: height}
	v.Pix = make([]byte, height*v.Stride*t.Size())
	for i := range height * v.Stride {
		setPixel(v.Pix, t, i, float64(1+rng.IntN(90)+i%v.Stride/8))
		if t.IsFloat() {
			setPixel(v.Pix, t, i, 1000*rng.Float64()-300)
		}
	}
	if mask {
		v.Valid = make([]byte, height*v.Stride)
		for i := range v.Valid {
			v.Valid[i] = byte(min(255, rng.IntN(40)*9))
		}
	}
	if nodata {
		v.NoData = core.NoData{Set: true, Value: 0}
		if t.IsFloat() && rng.IntN(2) == 0 {
			v.NoData.Value = math.NaN()
		}
		for range height * v.Stride / 30 {
			setPixel(v.Pix, t, rng.IntN(height*v.Stride), v.NoData.Value)
		}
		for row := height / 3; row < height/2; row++ { // a hole without a single valid tap
			for col := width / 3; col < width/2; col++ {
				setPixel(v.Pix, t, row*v.Stride+col, v.NoData.Value)
			}
		}
	}
	return v
}

// places are coordinates in and around a level, some of them extreme.
func places(rng *rand.Rand, v *View, n int) (xs, ys []float64) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 1 << 31, -(1 << 31), 0, math.Copysign(0, -1), 0.5,
		float64(v.LevelWidth), float64(v.LevelHeight), float64(v.LevelWidth) - 1e-11, 4.99999999995, 5, 1e18, math.MaxFloat64, 5e-324}
	one := func(size int) float64 {
		switch rng.IntN(12) {
		case 0:
			return odd[rng.IntN(len(odd))]
		case 1:
			return float64(rng.IntN(size)) + 0.5 // the very centre of a pixel
		}
		return (rng.Float64()*1.1 - 0.05) * float64(size)
	}
	for range n {
		xs, ys = append(xs, one(v.LevelWidth)), append(ys, one(v.LevelHeight))
	}
	return xs, ys
}

func sample(k Kernel, v *View, scale [2]float64, xs, ys []float64) (out, valid []byte) {
	out, valid = make([]byte, len(xs)*v.Type.Size()), make([]byte, len(xs))
	Sample(k, v, scale, xs, ys, out, valid)
	for i, ok := range valid { // what lies in invalid pixels is undefined
		if ok == 0 {
			clear(out[i*v.Type.Size() : (i+1)*v.Type.Size()])
		}
	}
	return out, valid
}

func TestSampleAgreesWithTheReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	scales := [][2]float64{{1, 1}, {2.5, 3}, {0.97, 0.96}, {0.5, 0.5}, {1, 0.4}, {0.83, 0.31}, {1.0 / 9, 0.2}}
	for _, k := range smoothKernels {
		for _, dtype := range core.DTypes() {
			for c := range 4 {
				scale := scales[rng.IntN(len(scales))]
				if c == 0 {
					scale = [2]float64{1, 1}
				}
				v := scene(rng, dtype, 40+rng.IntN(50), 40+rng.IntN(50), c&1 != 0, c&2 != 0)
				xs, ys := places(rng, v, 1500)
				out, valid := sample(k, v, scale, xs, ys)
				for i := range xs {
					want, spread, ok := refSample(k, v, scale, xs[i], ys[i])
					name := fmt.Sprintf("%v of %s at scale %v, case %d, (%v, %v)", k, dtype, scale, c, xs[i], ys[i])
					if ok != (valid[i] == 1) {
						t.Fatalf("%s: valid is %d, want %v", name, valid[i], ok)
					}
					if !ok {
						continue
					}
					want = refRound(dtype, want)
					allowed := 1.0 // unit
					if dtype.IsFloat() {
						allowed = 1e-6*spread + 1e-4 // a ulp or two of a float32
					}
					if k == Nearest {
						allowed = 0
					}
					if got := pixel(out, dtype, i); !(math.Abs(got-want) <= allowed) {
						t.Fatalf("%s: %v, want %v", name, got, want)
					}
				}
			}
		}
	}
}

// cut gives the part of a view that coordinates need, in memory of its own.
func cut(v *View, k Kernel, scale [2]float64, xs, ys []float64) *View {
	rx, ry := vocabulary(k).Radius(scale)
	low, high := [2]int{math.MaxInt, math.MaxInt}, [2]int{-1, -1}
	for i := range xs {
		if !(xs[i] >= 0 && ys[i] >= 0 && xs[i]+Epsilon <= float64(v.LevelWidth) && ys[i]+Epsilon <= float64(v.LevelHeight)) {
			continue
		}
		for a, p := range [2]int{int(xs[i] + Epsilon), int(ys[i] + Epsilon)} {
			low[a], high[a] = min(low[a], p), max(high[a], p+1)
		}
	}
	if high[0] < 0 {
		low, high = [2]int{0, 0}, [2]int{1, 1}
	}
	w := core.Window{Row: low[1] - ry, Col: low[0] - rx, Height: high[1] - low[1] + 2*ry, Width: high[0] - low[0] + 2*rx}.Intersect(v.Window)
	return crop(v, w)
}

func crop(v *View, w core.Window) *View {
	size, part := v.Type.Size(), *v
	part.Window, part.Stride, part.Pix, part.Valid = w, w.Width, nil, nil
	for row := w.Row; row < w.Row+w.Height; row++ {
		at := row*v.Stride + w.Col
		part.Pix = append(part.Pix, v.Pix[at*size:(at+w.Width)*size]...)
		if v.Valid != nil {
			part.Valid = append(part.Valid, v.Valid[at:at+w.Width]...)
		}
	}
	return &part
}

// However coordinates are cut into calls, and however tight the window, each pixel has the same bits.
func TestSampleIsTheSameForEveryCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, k := range smoothKernels {
		for _, dtype := range core.DTypes() {
			for round := range 6 {
				scale := [][2]float64{{1, 1}, {0.5, 0.5}, {0.3, 0.21}}[round%3]
				v := scene(rng, dtype, 70, 90, round&1 != 0, round&2 != 0)
				xs, ys := places(rng, v, 700)
				wantOut, wantValid := sample(k, v, scale, xs, ys)
				var out, valid []byte
				for i := 0; i < len(xs); {
					n := min(1+rng.IntN(150), len(xs)-i)
					part := cut(v, k, scale, xs[i:i+n], ys[i:i+n])
					o, ok := sample(k, part, scale, xs[i:i+n], ys[i:i+n])
					out, valid = append(out, o...), append(valid, ok...)
					i += n
				}
				if !bytes.Equal(out, wantOut) || !bytes.Equal(valid, wantValid) {
					t.Fatalf("%v of %s at scale %v depends on the cut", k, dtype, scale)
				}
			}
		}
	}
}

// What a kernel does not reach must not matter, not even where it is NaN.
func TestSampleIgnoresPixelsOutOfReach(t *testing.T) {
	for _, dtype := range []core.DType{core.Float32, core.Float64} {
		for _, k := range smoothKernels {
			rng := rand.New(rand.NewPCG(9, 10))
			v := scene(rng, dtype, 40, 40, false, false)
			rx, ry := vocabulary(k).Radius([2]float64{1, 1})
			for row := range 40 {
				for col := range 40 {
					if col < 20-rx || col > 20+rx || row < 20-ry || row > 20+ry {
						setPixel(v.Pix, dtype, row*v.Stride+col, math.NaN())
					}
				}
			}
			out, valid := sample(k, v, [2]float64{1, 1}, []float64{20.2, 20.7}, []float64{20.9, 20.4})
			for i := range valid {
				if p := pixel(out, dtype, i); valid[i] != 1 || math.IsNaN(p) {
					t.Errorf("%v of %s: %v, valid %d", k, dtype, p, valid[i])
				}
			}
		}
	}
}

// At the centres of pixels the interpolating kernels give the pixels themselves.
func TestWholeShiftsAreExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, k := range []Kernel{Nearest, Bilinear, Cubic, Lanczos} {
		for _, dtype := range core.DTypes() {
			v := scene(rng, dtype, 30, 30, false, false)
			var xs, ys []float64
			for i := range 30 * 30 {
				xs, ys = append(xs, float64(i%30)+0.5), append(ys, float64(i/30)+0.5)
			}
			out, _ := sample(k, v, [2]float64{1, 1}, xs, ys)
			for i := range xs {
				got, want := pixel(out, dtype, i), pixel(v.Pix, dtype, i/30*v.Stride+i%30)
				// At the raster's edge Lanczos divides by its weight again: a last bit.
				if k == Lanczos && dtype == core.Float64 && math.Abs(got-want) < 1e-12 {
					continue
				}
				if got != want {
					t.Fatalf("%v of %s: %v, want %v", k, dtype, got, want)
				}
			}
		}
	}
}

func TestLanczosWeights(t *testing.T) {
	v := &View{Type: core.Float64, Stride: 64, Window: core.Window{Height: 16, Width: 64}, LevelWidth: 64, LevelHeight: 16, Pix: make([]byte, 64*16*8)}
	for row := range 16 {
		setPixel(v.Pix, core.Float64, row*64+30, 1)
	}
	var xs, ys []float64
	for f := 26.0; f < 36; f += 0.01 {
		xs, ys = append(xs, f), append(ys, 8.5)
	}
	for _, scale := range []float64{1, 0.5, 0.77} {
		out, _ := sample(Lanczos, v, [2]float64{scale, 1}, xs, ys)
		for i, x := range xs {
			want, _, _ := refSample(Lanczos, v, [2]float64{scale, 1}, x, 8.5)
			if got := pixel(out, core.Float64, i); math.Abs(got-want) > 6e-8 {
				t.Fatalf("scale %v: tap at %v weighs %v, want %v", scale, x-30.5, got, want)
			}
		}
	}
}

func TestLargeIntegersStayExactInNearest(t *testing.T) {
	v := &View{Type: core.UInt64, Stride: 2, Window: core.Window{Height: 1, Width: 2}, LevelWidth: 2, LevelHeight: 1, Pix: make([]byte, 16)}
	*at[uint64](v.Pix, 0), *at[uint64](v.Pix, 1) = math.MaxUint64-1, 1<<53+1
	out, _ := sample(Nearest, v, [2]float64{1, 1}, []float64{0.5, 1.5}, []float64{0.5, 0.5})
	if !bytes.Equal(out, v.Pix) {
		t.Errorf("%v became %v", v.Pix, out)
	}
}

func TestRadiusCoversTheTaps(t *testing.T) {
	for _, c := range []struct {
		k     Kernel
		scale [2]float64
		x, y  int
	}{
		{Nearest, [2]float64{0.1, 0.1}, 0, 0}, {Bilinear, [2]float64{1, 2}, 1, 1}, {Bilinear, [2]float64{0.96, 0.95}, 1, 1},
		{Bilinear, [2]float64{0.5, 1}, 2, 1}, {Cubic, [2]float64{0.5, 0.3}, 4, 7}, {CubicSpline, [2]float64{0.96, 1}, 3, 2},
		{Lanczos, [2]float64{1, 0.25}, 3, 12}, {Average, [2]float64{0.1, 0.1}, 0, 0}, {Lanczos, [2]float64{math.NaN(), 1}, 3, 3},
	} {
		if x, y := vocabulary(c.k).Radius(c.scale); x != c.x || y != c.y {
			t.Errorf("%v at %v reaches (%d, %d), want (%d, %d)", c.k, c.scale, x, y, c.x, c.y)
		}
	}
}

// vocabulary is a kernel as core names it.
func vocabulary(k Kernel) core.Kernel { return core.Kernels()[k] }

func TestKernelNumbers(t *testing.T) {
	for i, k := range core.Kernels() {
		if n := Of(k); int(n) != i || n.String() != string(k) || n.IsArea() != k.IsArea() {
			t.Errorf("%q is kernel %d (%v)", k, n, n)
		}
	}
}

func TestSampleDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	v := scene(rng, core.UInt16, 64, 64, true, true)
	xs, ys := places(rng, v, 4096)
	out, valid := make([]byte, 2*4096), make([]byte, 4096)
	for _, k := range smoothKernels {
		if n := testing.AllocsPerRun(20, func() { Sample(k, v, [2]float64{0.7, 0.7}, xs, ys, out, valid) }); n != 0 {
			t.Errorf("%v allocates %v times", k, n)
		}
	}
}

// FuzzSample looks for reads outside of the view (run it with -asan) and for pixels that a cut changes.
func FuzzSample(f *testing.F) {
	f.Add(uint64(1), 3.5, 4.25, 0.5, byte(4), byte(8), byte(3))
	f.Add(uint64(2), math.Inf(1), math.NaN(), 1e-9, byte(2), byte(2), byte(0))
	f.Fuzz(func(t *testing.T, seed uint64, x, y, scale float64, kernel, dtype, holes byte) {
		rng := rand.New(rand.NewPCG(seed, 0))
		v := scene(rng, core.DTypes()[dtype%10], 1+rng.IntN(20), 1+rng.IntN(20), holes&1 != 0, holes&2 != 0)
		k, s := smoothKernels[kernel%5], [2]float64{max(scale, 0.02), 1}
		xs, ys := places(rng, v, 140)
		xs[0], ys[0] = x, y
		out, valid := sample(k, v, s, xs, ys)
		size := v.Type.Size()
		one, ok := sample(k, cut(v, k, s, xs[:1], ys[:1]), s, xs[:1], ys[:1])
		if !bytes.Equal(one, out[:size]) || ok[0] != valid[0] {
			t.Errorf("(%v, %v): %v, valid %v alone, %v, %v with others", x, y, one, ok[0], out[:size], valid[0])
		}
	})
}
