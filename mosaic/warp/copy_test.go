package warp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"cogweave/core"
)

// Copy is nearest at the centres of pixels.
func TestCopyIsNearestOnTheSameGrid(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for _, dtype := range core.DTypes() {
		for c := range 4 {
			v := crop(scene(rng, dtype, 30, 40, c&1 != 0, c&2 != 0), core.Window{Row: 3, Col: 5, Height: 20, Width: 25})
			at := core.Window{Row: rng.IntN(34) - 5, Col: rng.IntN(44) - 5, Height: 1 + rng.IntN(20), Width: 1 + rng.IntN(20)}
			n := at.Height * at.Width
			var xs, ys []float64
			for i := range n {
				xs, ys = append(xs, float64(at.Col+i%at.Width)+0.5), append(ys, float64(at.Row+i/at.Width)+0.5)
			}
			want, wantValid := sample(Nearest, v, [2]float64{1, 1}, xs, ys)
			out, valid := make([]byte, n*dtype.Size()), bytes.Repeat([]byte{1}, n)
			Copy(v, at, out, valid)
			for i, ok := range valid {
				if ok == 0 {
					clear(out[i*dtype.Size() : (i+1)*dtype.Size()])
				}
			}
			if !bytes.Equal(out, want) || !bytes.Equal(valid, wantValid) {
				t.Fatalf("%s, case %d: %+v of %+v differs from nearest", dtype, c, at, v.Window)
			}
		}
	}
}

func TestMaskClearsWhereTheLayerIsZero(t *testing.T) {
	valid := []byte{1, 1, 0, 1}
	Mask(valid, []byte{0, 1, 0, 0, 5, 5, 0, 0}, 2)
	if !bytes.Equal(valid, []byte{1, 0, 0, 0}) {
		t.Errorf("valid is %v", valid)
	}
}
