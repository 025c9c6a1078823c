package core

import (
	"math"
	"strings"
)

// Kernel is a resampling kernel, by GDAL's name.
type Kernel string

// The kernels. Their definitions follow GDAL's warper (gdalwarp -r).
const (
	Nearest     Kernel = "nearest"
	Bilinear    Kernel = "bilinear"
	Cubic       Kernel = "cubic"
	CubicSpline Kernel = "cubic_spline"
	Lanczos     Kernel = "lanczos"
	Average     Kernel = "average"
	RMS         Kernel = "rms"
	Mode        Kernel = "mode"
	Min         Kernel = "min"
	Max         Kernel = "max"
	Med         Kernel = "med"
	Q1          Kernel = "q1"
	Q3          Kernel = "q3"
	Sum         Kernel = "sum"
)

// Kernels lists every kernel.
func Kernels() []Kernel {
	return []Kernel{Nearest, Bilinear, Cubic, CubicSpline, Lanczos, Average, RMS, Mode, Min, Max, Med, Q1, Q3, Sum}
}

// ParseKernel reads a kernel's name.
func ParseKernel(name string) (Kernel, error) {
	for _, k := range Kernels() {
		if string(k) == name {
			return k, nil
		}
	}
	return "", Errorf(InvalidArgument, "Resampling", "resampling %q is not one of %s", name, joinNames(Kernels()))
}

func joinNames[T ~string](names []T) string {
	text := make([]string, len(names))
	for i, n := range names {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}

// IsArea tells whether the kernel summarises the source pixels under the target pixel's footprint,
// whose corners it needs, instead of weighting taps around its centre.
func (k Kernel) IsArea() bool {
	switch k {
	case Average, RMS, Mode, Min, Max, Med, Q1, Q3, Sum:
		return true
	}
	return false
}

// support is the radius of a smooth kernel in source pixels at scale 1.
func (k Kernel) support() float64 {
	switch k {
	case Bilinear:
		return 1
	case Cubic, CubicSpline:
		return 2
	case Lanczos:
		return 3
	}
	return 0
}

// Radius is how many source pixels beyond that of the target's centre (area kernels: of its corners) a
// kernel may touch on each side, per axis. scale is the size of a source pixel in target pixels: below
// 1 the target is coarser and the kernel widens.
func (k Kernel) Radius(scale [2]float64) (x, y int) {
	if k == Nearest {
		return 0, 0
	}
	if k.IsArea() {
		return 1, 1
	}
	reach := func(s float64) int { return int(math.Ceil(k.support()/min(s, 1))) + 1 }
	return reach(scale[0]), reach(scale[1])
}
