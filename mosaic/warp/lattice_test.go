package warp

import (
	"math"
	"math/rand/v2"
	"testing"

	"cogweave/core/lattice"
)

// nodes makes control points of a smooth map for pixels 0 to last.
func nodes(step, last int) (x, y []float64, perRow int) {
	perRow = (last+step-1)/step + 1
	for p := range perRow {
		for q := range perRow {
			row, col := float64(p*step), float64(q*step)
			x = append(x, 1e4+0.9*col+0.1*row+1e-3*col*row+math.Sin(col/50))
			y = append(y, 2e4-0.1*col+1.1*row+math.Cos(row/40))
		}
	}
	return x, y, perRow
}

// reference interpolates one pixel, first in y, then in x, as documented.
func reference(n []float64, perRow, step, row, col int) float64 {
	along := func(q int) float64 {
		top := n[row/step*perRow+q]
		if row%step == 0 {
			return top
		}
		return top + (n[(row/step+1)*perRow+q]-top)*(float64(row%step)/float64(step))
	}
	left := along(col / step)
	if col%step == 0 {
		return left
	}
	return left + (along(col/step+1)-left)*(float64(col%step)/float64(step))
}

func TestInterpolateIsTheSameForEveryCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, step := range []int{1, 2, 4, 8, 16, 32, 64} {
		nodeX, nodeY, perRow := nodes(step, lattice.Block)
		for range 50 {
			row0, col0 := rng.IntN(65), rng.IntN(65)
			rows, cols := 1+rng.IntN(65-row0), 1+rng.IntN(65-col0)
			xs, ys := make([]float64, rows*cols), make([]float64, rows*cols)
			Interpolate(nodeX, nodeY, perRow, step, row0, rows, col0, cols, xs, ys)
			at := [2][]int32{}
			for i := range xs {
				row, col := row0+i/cols, col0+i%cols
				at[0], at[1] = append(at[0], int32(row)), append(at[1], int32(col))
				if x, y := reference(nodeX, perRow, step, row, col), reference(nodeY, perRow, step, row, col); xs[i] != x || ys[i] != y {
					t.Fatalf("step %d, pixel (%d, %d) of rows %d+%d, columns %d+%d: (%v, %v), want (%v, %v)",
						step, row, col, row0, rows, col0, cols, xs[i], ys[i], x, y)
				}
			}
			ax, ay := make([]float64, len(xs)), make([]float64, len(xs))
			InterpolateAt(nodeX, nodeY, perRow, step, at[0], at[1], ax, ay)
			for i := range xs {
				if ax[i] != xs[i] || ay[i] != ys[i] {
					t.Fatalf("step %d: InterpolateAt (%d, %d) differs from Interpolate", step, at[0][i], at[1][i])
				}
			}
		}
	}
}

// A node that the projection could not give spoils the pixels that lean on it, and no others.
func TestInterpolateKeepsNaNToItsNeighbours(t *testing.T) {
	nodeX, nodeY, perRow := nodes(16, 64)
	nodeX[2*perRow+2] = math.NaN()
	xs, ys := make([]float64, 64*64), make([]float64, 64*64)
	Interpolate(nodeX, nodeY, perRow, 16, 0, 64, 0, 64, xs, ys)
	for i, x := range xs {
		row, col := i/64, i%64
		if near := row > 16 && row < 48 && col > 16 && col < 48; math.IsNaN(x) != near {
			t.Fatalf("pixel (%d, %d) is %v", row, col, x)
		}
	}
}

func TestInterpolateRefusesMissingNodes(t *testing.T) {
	nodeX, nodeY, perRow := nodes(32, 64)
	xs := make([]float64, 65*65)
	for name, f := range map[string]func(){
		"beyond the block": func() { Interpolate(nodeX, nodeY, perRow, 32, 0, 66, 0, 1, xs, xs) },
		"odd step":         func() { Interpolate(nodeX, nodeY, perRow, 24, 0, 1, 0, 1, xs, xs) },
		"too few":          func() { Interpolate(nodeX[:5], nodeY, perRow, 32, 0, 40, 0, 1, xs, xs) },
		"negative":         func() { InterpolateAt(nodeX, nodeY, perRow, 32, []int32{-1}, []int32{0}, xs, xs) },
		"no room":          func() { Interpolate(nodeX, nodeY, perRow, 32, 0, 2, 0, 2, xs[:3], xs) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("read what is not there")
				}
			}()
			f()
		})
	}
}
