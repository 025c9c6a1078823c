package lattice

import (
	"math"
	"slices"
	"testing"
)

func TestLongitudesAreCountedFromTheSeam(t *testing.T) {
	x := []float64{-160, 20, 0, -1e-17, 359.5, 180, -180, 360 - 1e-9, 720, math.NaN()}
	Seam{West: 0, Turn: 360}.countEachFromWest(x, 1e-8)
	if want := []float64{200, 20, 0, 0, 359.5, 180, 180, 0, 0}; !slices.Equal(x[:9], want) || !math.IsNaN(x[9]) {
		t.Errorf("%v, want %v and NaN", x, want)
	}
}

func TestLongitudesOfOneTurn(t *testing.T) {
	seam := Seam{West: -180, Turn: 360}
	for _, c := range []struct {
		x, want []float64
		ok      bool
	}{
		{[]float64{170, 179}, []float64{170, 179}, true},
		{[]float64{181, 190}, []float64{-179, -170}, true},
		{[]float64{-190, -181}, []float64{170, 179}, true},
		{[]float64{179, 181}, []float64{179, 181}, false},
		{[]float64{179, 180 - 1e-9}, []float64{179, 180 - 1e-9}, false},
		{[]float64{180 + 1e-9, 181}, []float64{180 + 1e-9, 181}, false},
	} {
		if ok := seam.countFromWest(c.x, 1e-8); ok != c.ok || !slices.Equal(c.x, c.want) {
			t.Errorf("%v: %v, want %v", c.x, ok, c)
		}
	}
}
