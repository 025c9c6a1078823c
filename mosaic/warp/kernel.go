package warp

import (
	"slices"

	"cogweave/core"
)

// Kernel is a way to resample. Its number is the one that the C kernels use.
type Kernel int

// The kernels, in the order of core.Kernels.
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

// Of is the number of a kernel.
func Of(k core.Kernel) Kernel { return Kernel(slices.Index(core.Kernels(), k)) }

// String is the kernel's name.
func (k Kernel) String() string {
	if k < 0 || int(k) >= len(core.Kernels()) {
		return "unknown kernel"
	}
	return string(core.Kernels()[k])
}

// IsArea tells whether the kernel acts on the source pixels that a target pixel covers (SampleArea),
// rather than around its centre (Sample).
func (k Kernel) IsArea() bool { return k >= Average }
