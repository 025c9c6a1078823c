package warp

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"cogweave/core"
	"cogweave/core/lattice"
)

// turned are the nodes of a block whose cells lie around the middle of a level, or, by away, beside it.
func turned(rng *rand.Rand, step int, v *View, away float64) lattice.Nodes {
	per := lattice.Block/step + 1
	n := lattice.Nodes{Step: step, PerRow: per, X: make([]float64, per*per), Y: make([]float64, per*per)}
	dx, dy := away*(rng.Float64()-0.5), away*(rng.Float64()-0.5)
	turn, scale := 0.2*(rng.Float64()-0.5), 0.7+0.6*rng.Float64()
	for i := range n.X {
		col, row := float64(i%per*step-32), float64(i/per*step-32)
		n.X[i] = float64(v.LevelWidth)/2 + dx + scale*(col*math.Cos(turn)-row*math.Sin(turn)) + 1e-4*col*row
		n.Y[i] = float64(v.LevelHeight)/2 + dy + scale*(col*math.Sin(turn)+row*math.Cos(turn))
	}
	return n
}

// TestBlockEqualsItsCoordinates holds whether a row takes the path without tests or not: bit for bit, in every cut.
func TestBlockEqualsItsCoordinates(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	inner, outer := 0, 0
	for _, k := range smoothKernels {
		for _, dtype := range core.DTypes() {
			if dtype.IsComplex() {
				continue
			}
			for trial := range 24 {
				v := scene(rng, dtype, 130, 140, trial%8 == 6, trial%8 == 7)
				step := 1 << rng.IntN(7)
				away := []float64{0, 40, 200}[trial%3]
				nodes := turned(rng, step, v, away)
				if trial%8 == 5 {
					nodes.X[rng.IntN(len(nodes.X))], nodes.Y[rng.IntN(len(nodes.Y))] = math.NaN(), math.Inf(1)
				}
				cells := core.Window{Row: rng.IntN(64), Col: rng.IntN(64)}
				cells.Height, cells.Width = 1+rng.IntN(64-cells.Row), 1+rng.IntN(64-cells.Col)
				n, scale := cells.Height*cells.Width, [2]float64{1, 1}
				if trial%4 == 3 {
					scale = [2]float64{0.6, 0.4}
				}
				xs, ys := make([]float64, n), make([]float64, n)
				Interpolate(nodes.X, nodes.Y, nodes.PerRow, nodes.Step, cells.Row, cells.Height, cells.Col, cells.Width, xs, ys)
				want, wanted := make([]byte, n*dtype.Size()), make([]byte, n)
				Sample(k, v, scale, xs, ys, want, wanted)
				got, valid := make([]byte, n*dtype.Size()), make([]byte, n)
				SampleBlock(k, v, scale, nodes, cells, got, valid)
				if !bytes.Equal(valid, wanted) {
					t.Fatalf("%v of %s, step %d, cells %+v: validity differs", k, dtype, step, cells)
				}
				for i := range n {
					if valid[i] == 0 {
						outer++
						continue
					}
					inner++
					if size := dtype.Size(); !bytes.Equal(got[i*size:(i+1)*size], want[i*size:(i+1)*size]) {
						t.Fatalf("%v of %s, step %d, cells %+v, cell %d: %v, want %v", k, dtype, step, cells, i, pixel(got, dtype, i), pixel(want, dtype, i))
					}
				}
			}
		}
	}
	if inner < 100_000 || outer < 50_000 {
		t.Errorf("%d valid cells, %d invalid ones: too few to show anything", inner, outer)
	}
}

func TestBlocksAllocateNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	cells := core.Window{Height: 64, Width: 64}
	for _, k := range smoothKernels {
		v := scene(rng, core.UInt16, 130, 140, true, true)
		nodes := turned(rng, 32, v, 0)
		out, valid := make([]byte, 2*64*64), make([]byte, 64*64)
		if n := testing.AllocsPerRun(20, func() { SampleBlock(k, v, [2]float64{0.7, 0.7}, nodes, cells, out, valid) }); n != 0 {
			t.Errorf("%v: %v allocations", k, n)
		}
	}
}
