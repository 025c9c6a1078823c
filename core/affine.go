package core

import "math"

// Affine maps pixel coordinates (col, row) to CRS coordinates: x = A*col + B*row + C,
// y = D*col + E*row + F.
type Affine struct{ A, B, C, D, E, F float64 }

// Apply maps one point.
func (t Affine) Apply(col, row float64) (x, y float64) {
	return t.A*col + t.B*row + t.C, t.D*col + t.E*row + t.F
}

// Det is the determinant of the linear part: the signed area of a pixel.
func (t Affine) Det() float64 { return t.A*t.E - t.B*t.D }

// Valid tells whether every term is finite and the transform can be inverted.
func (t Affine) Valid() bool {
	for _, v := range [...]float64{t.A, t.B, t.C, t.D, t.E, t.F} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	det := t.Det()
	return det != 0 && !math.IsInf(det, 0)
}

// Inverse maps CRS coordinates back to pixels. The transform must be Valid.
func (t Affine) Inverse() Affine {
	k := 1 / t.Det()
	a, b, d, e := t.E*k, -t.B*k, -t.D*k, t.A*k
	return Affine{A: a, B: b, C: -(a*t.C + b*t.F), D: d, E: e, F: -(d*t.C + e*t.F)}
}

// Mul composes transforms: t.Mul(u).Apply(p) == t.Apply(u.Apply(p)).
func (t Affine) Mul(u Affine) Affine {
	return Affine{
		A: t.A*u.A + t.B*u.D, B: t.A*u.B + t.B*u.E, C: t.A*u.C + t.B*u.F + t.C,
		D: t.D*u.A + t.E*u.D, E: t.D*u.B + t.E*u.E, F: t.D*u.C + t.E*u.F + t.F,
	}
}

// Scale is the transform of the same raster with pixels sx times as wide and sy times as high.
func (t Affine) Scale(sx, sy float64) Affine {
	return Affine{A: t.A * sx, B: t.B * sy, C: t.C, D: t.D * sx, E: t.E * sy, F: t.F}
}

// Shift moves the origin to pixel (col, row).
func (t Affine) Shift(col, row float64) Affine {
	t.C, t.F = t.Apply(col, row)
	return t
}

// Resolution is the size of a pixel along its two axes, in CRS units.
func (t Affine) Resolution() (x, y float64) {
	return math.Hypot(t.A, t.D), math.Hypot(t.B, t.E)
}

// IsRectilinear tells whether rows and columns run along the CRS axes.
func (t Affine) IsRectilinear() bool { return t.B == 0 && t.D == 0 }
