package mask

import (
	"math/rand/v2"
	"testing"

	"cogweave/core"
)

func TestDilateReachesAsFarAsItSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const height, width = 37, 53
	for _, radius := range []int{0, 1, 2, 5, 40, 1024} {
		flags := make([]byte, height*width)
		for range 5 {
			flags[rng.IntN(len(flags))] = 1
		}
		want := make([]byte, len(flags))
		for y := range height {
			for x := range width {
				for at, set := range flags {
					dy, dx := at/width-y, at%width-x
					if set == 1 && dy*dy+dx*dx <= radius*radius {
						want[y*width+x] = 1
					}
				}
			}
		}
		Dilate(flags, height, width, radius, make([]uint16, len(flags)))
		for i := range want {
			if flags[i] != want[i] {
				t.Fatalf("radius %d: pixel (%d, %d) is %d, want %d", radius, i/width, i%width, flags[i], want[i])
			}
		}
	}
}

func TestFlagOfWideTypes(t *testing.T) {
	values := &Values{Ranges: [][2]int64{{-5, -3}, {1 << 20, 1 << 20}}, Bits: 1 << 30}
	for _, dtype := range []core.DType{core.Int32, core.Int64} {
		var pixels []byte
		numbers := []float64{-6, -5, -3, -2, 0, 1 << 20, 1<<20 + 1, 1 << 30, 1<<30 + 7}
		for _, v := range numbers {
			pixels = append(pixels, dtype.Bytes(v)...)
		}
		flags := make([]byte, len(numbers))
		Flag(values, dtype, pixels, flags)
		// Negative numbers have bit 30 set.
		for i, want := range []byte{1, 1, 1, 1, 0, 1, 0, 1, 1} {
			if flags[i] != want {
				t.Errorf("%s %v: %d, want %d", dtype, numbers[i], flags[i], want)
			}
		}
	}
}

func TestDropTakesTheMaskPixelUnderTheCentre(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	source := core.Window{Row: 11, Col: 7, Height: 20, Width: 30}
	at := core.Window{Row: 4, Col: 3, Height: 12, Width: 15}
	flags := make([]byte, at.Height*at.Width)
	for i := range flags {
		flags[i] = byte(rng.IntN(2))
	}
	for _, m := range []core.Affine{{A: 0.5, E: 0.5}, {A: 2, E: 2, C: -20, F: -30}, {A: 0.5, B: 0.1, C: -1, D: -0.1, E: 0.5, F: 3}} {
		valid := make([]byte, source.Height*source.Width)
		for i := range valid {
			valid[i] = 1
		}
		Drop(valid, source, m, 1e-6, flags, at, make([]int32, source.Width))
		for i := range valid {
			x, y := m.Apply(float64(source.Col+i%source.Width)+0.5, float64(source.Row+i/source.Width)+0.5)
			want := byte(1)
			if row, col := int(y+1e-6)-at.Row, int(x+1e-6)-at.Col; y >= 0 && x >= 0 && row >= 0 && col >= 0 && row < at.Height && col < at.Width {
				want = 1 - flags[row*at.Width+col]
			}
			if valid[i] != want {
				t.Fatalf("%+v: pixel %d is %d, want %d", m, i, valid[i], want)
			}
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	window := core.Window{Height: 64, Width: 64}
	pixels, flags, valid := make([]byte, 64*64), make([]byte, 64*64), make([]byte, 64*64)
	distance, columns := make([]uint16, 64*64), make([]int32, 64)
	values := &Values{Table: make([]byte, 256)}
	if n := testing.AllocsPerRun(10, func() {
		Flag(values, core.UInt8, pixels, flags)
		Dilate(flags, 64, 64, 3, distance)
		Drop(valid, window, core.Affine{A: 1, E: 1}, 0, flags, window, columns)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
