package warp

import (
	"math/rand/v2"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/core/lattice"
)

// patch is a benchmark's target: 256 x 256 pixels in 16 blocks, from control points every 32 pixels of a
// map that turns and stretches a little, as from one UTM zone to the next.
type patch struct {
	nodeX, nodeY [16][]float64
	side         int
}

func newPatch(shrink float64, offset float64) *patch {
	p := &patch{side: 256}
	for b := range 16 {
		for i := range 9 {
			col := float64(b%4*64+i%3*32) + offset
			row := float64(b/4*64+i/3*32) + offset
			p.nodeX[b] = append(p.nodeX[b], 20.3+shrink*(0.998*col+0.05*row))
			p.nodeY[b] = append(p.nodeY[b], 30.7+shrink*(-0.05*col+0.998*row))
		}
	}
	return p
}

// coordinates gives those of all pixels, block by block.
func (p *patch) coordinates(xs, ys []float64) {
	for b := range 16 {
		Interpolate(p.nodeX[b], p.nodeY[b], 3, 32, 0, 64, 0, 64, xs[b*4096:], ys[b*4096:])
	}
}

// sample samples all pixels, block by block.
func (p *patch) sample(k Kernel, v *View, scale [2]float64, out, valid []byte) {
	size := v.Type.Size()
	for b := range 16 {
		nodes := lattice.Nodes{X: p.nodeX[b], Y: p.nodeY[b], PerRow: 3, Step: 32}
		SampleBlock(k, v, scale, nodes, core.Window{Height: 64, Width: 64}, out[b*4096*size:], valid[b*4096:])
	}
}

func randomView(t core.DType, height, width int) *View {
	v := &View{Type: t, Stride: width, Window: core.Window{Height: height, Width: width}, LevelWidth: width, LevelHeight: height}
	v.Pix = make([]byte, height*width*t.Size())
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range height * width {
		setPixel(v.Pix, t, i, float64(1+rng.IntN(100)+i%width))
	}
	return v
}

func reportRate(b *testing.B, pixels int, started time.Duration) {
	b.ReportMetric(float64(pixels)*float64(b.N)/(cpu()-started).Seconds()/1e6, "MPix/s")
}

func BenchmarkInterpolate(b *testing.B) {
	p := newPatch(1, 0.5)
	xs, ys := make([]float64, 65536), make([]float64, 65536)
	started := cpu()
	for range b.N {
		p.coordinates(xs, ys)
	}
	reportRate(b, 65536, started)
}

// BenchmarkSample includes interpolation; each block looks at the whole view's validity. "nodata" has it in one pixel of a thousand, "half" shrinks
// to half. Rates are target pixels in a second of one processor.
func BenchmarkSample(b *testing.B) {
	for _, k := range []Kernel{Nearest, Bilinear, Cubic, CubicSpline, Lanczos} {
		for _, t := range []core.DType{core.UInt8, core.UInt16, core.Int16, core.Float32} {
			for _, c := range []struct {
				name   string
				shrink float64
				nodata bool
			}{{"full", 1, false}, {"nodata", 1, true}, {"half", 2, false}} {
				if c.shrink != 1 && (k == Nearest || t != core.UInt16) {
					continue
				}
				b.Run(k.String()+"/"+string(t)+"/"+c.name, func(b *testing.B) {
					p := newPatch(c.shrink, 0.5)
					v := randomView(t, 330*int(c.shrink), 330*int(c.shrink))
					if c.nodata {
						v.NoData = core.NoData{Set: true, Value: 0}
						for i := 0; i < 330*330; i += 997 {
							setPixel(v.Pix, t, i, 0)
						}
					}
					out, valid := make([]byte, 65536*t.Size()), make([]byte, 65536)
					b.ReportAllocs()
					started := cpu()
					for range b.N {
						p.sample(k, v, [2]float64{1 / c.shrink, 1 / c.shrink}, out, valid)
					}
					reportRate(b, 65536, started)
				})
			}
		}
	}
}

func BenchmarkSampleArea(b *testing.B) {
	for k := Average; k <= Sum; k++ {
		for _, t := range []core.DType{core.UInt8, core.UInt16, core.Float32} {
			for _, nodata := range []bool{false, true} {
				name := k.String() + "/" + string(t)
				if nodata {
					name += "/nodata"
				}
				b.Run(name, func(b *testing.B) {
					v := randomView(t, 700, 700)
					v.NoData = core.NoData{Set: nodata, Value: 0}
					if nodata {
						setPixel(v.Pix, t, 70000, 0)
					}
					x, y := make([]float64, 257*257), make([]float64, 257*257)
					for i := range x {
						col, row := float64(i%257), float64(i/257)
						x[i], y[i] = 20.3+2*(0.998*col+0.05*row), 40.7+2*(-0.05*col+0.998*row)
					}
					out, valid := make([]byte, 65536*t.Size()), make([]byte, 65536)
					b.ReportAllocs()
					started := cpu()
					for range b.N {
						SampleArea(k, v, 256, 256, x, y, out, valid)
					}
					reportRate(b, 65536, started)
				})
			}
		}
	}
}
