package warp

import "math"

// Kernel is a way to resample. Its number is the one that the C kernels use.
type Kernel int

// The kernels, as GDAL has them.
const (
	Nearest Kernel = iota
	Bilinear
	Cubic
	CubicSpline
	Lanczos
	Average
	RMS
	Mode
	Min
	Max
	Med
	Q1
	Q3
	Sum
)

var kernelNames = [...]string{"nearest", "bilinear", "cubic", "cubic_spline", "lanczos",
	"average", "rms", "mode", "min", "max", "med", "q1", "q3", "sum"}

// ParseKernel finds a kernel by the name that GDAL and rasterio give it.
func ParseKernel(name string) (Kernel, bool) {
	for i, n := range kernelNames {
		if n == name {
			return Kernel(i), true
		}
	}
	return 0, false
}

// Kernels lists the names that ParseKernel takes.
func Kernels() []string { return kernelNames[:] }

// String is the kernel's name.
func (k Kernel) String() string {
	if k < 0 || int(k) >= len(kernelNames) {
		return "unknown kernel"
	}
	return kernelNames[k]
}

// IsArea tells whether the kernel acts on the source pixels that a target pixel covers (SampleArea),
// rather than around its centre (Sample).
func (k Kernel) IsArea() bool { return k >= Average }

// NeedsScale tells whether the kernel widens when it shrinks, so that Sample and Radius look at the scale.
func (k Kernel) NeedsScale() bool { return k >= Bilinear && k <= Lanczos }

// Radius gives how many source pixels beyond floor(coordinate) a kernel reaches on each side, for the halo
// of a window. scale is level pixel size over target pixel size along x and y (GDAL's XSCALE and
// YSCALE): below 1 the target shrinks the source and kernels widen by 1/scale, except that bilinear and
// cubic keep their full-scale form from 0.95 on, on both axes. An area kernel reaches nothing beyond the
// pixels that the corners enclose.
func (k Kernel) Radius(scale [2]float64) (x, y int) {
	if !k.NeedsScale() {
		return 0, 0
	}
	base := [...]float64{Bilinear: 1, Cubic: 2, CubicSpline: 2, Lanczos: 3}[k]
	sx, sy := clamp(scale[0]), clamp(scale[1])
	if k <= Cubic && sx >= 0.95 && sy >= 0.95 {
		sx, sy = 1, 1
	}
	return int(math.Ceil(base / sx)), int(math.Ceil(base / sy))
}

// clamp keeps a scale to what the C kernels can take: (0, 1], and 1 for NaN.
func clamp(scale float64) float64 {
	if !(scale < 1) {
		return 1
	}
	return max(scale, 1e-6)
}

// Snap rounds a scale as GDAL does where it finds it by itself: one whose reciprocal is within 0.05 of an integer
// becomes one over that integer, so that a shrink by a whole factor stays one.
func Snap(scale float64) float64 {
	if !(scale < 1) || scale <= 0 {
		return scale
	}
	n := math.Floor(1/scale + 0.5)
	if math.Abs(1/scale-n) < 0.05 {
		return 1 / n
	}
	return scale
}
