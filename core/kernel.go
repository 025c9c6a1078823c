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

// Radius is how many source pixels beyond that of the target's centre a kernel reaches on each side, per
// axis; an area kernel reaches nothing beyond the pixels that its corners enclose. scale is the size of a
// source pixel in target pixels (GDAL's XSCALE and YSCALE): below 1 kernels widen by its inverse, but for
// bilinear and cubic, which keep their full-scale form from 0.95 on.
func (k Kernel) Radius(scale [2]float64) (x, y int) {
	support := map[Kernel]float64{Bilinear: 1, Cubic: 2, CubicSpline: 2, Lanczos: 3}[k]
	sx, sy := KernelScale(scale[0]), KernelScale(scale[1])
	if (k == Bilinear || k == Cubic) && sx >= 0.95 && sy >= 0.95 {
		sx, sy = 1, 1
	}
	return int(math.Ceil(support / sx)), int(math.Ceil(support / sy))
}

// KernelScale keeps a scale to what kernels can be widened by: (0, 1], and 1 for NaN.
func KernelScale(scale float64) float64 {
	if !(scale < 1) {
		return 1
	}
	return max(scale, 1e-6)
}
